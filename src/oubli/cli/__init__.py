"""The command line: one module a command."""

from oubli.cli.app import main

__all__ = ["main"]
