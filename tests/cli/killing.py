"""What a process runs that is killed at a change of the disk: its beginning, to which a test adds what it does."""

# `at_change(limit, *names)` kills the process before the change of that number by one of these calls.
PRELUDE = """
import contextlib, io, json, os, shutil, signal, sys
from oubli.cli import main

def quiet(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        return main(list(arguments)), out.getvalue()

def at_change(limit, *names):
    seen = [0]
    def wrap(name):
        real = getattr(os, name)
        def wrapped(*arguments, **options):
            seen[0] += 1
            if seen[0] == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        setattr(os, name, wrapped)
    for name in ("fsync", "rename", "replace", "unlink", "rmdir", "mkdir", *names):
        wrap(name)
"""
