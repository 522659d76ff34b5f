"""Run the command line as ``python -m oubli``."""

from oubli.cli import main

main()
