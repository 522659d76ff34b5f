"""Running the command line, in this process and in one of its own."""

import contextlib
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from oubli.cli import main


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def run(*arguments, stdin=""):
    """Run a command in this process, errors and all."""
    out, err, given = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
    finally:
        sys.stdin = given
    return Done(code, out.getvalue(), err.getvalue())


def command_line(*arguments):
    return [sys.executable, "-m", "oubli", *map(str, arguments)]


def spawn(*arguments, stdin="", **options):
    """Run a command in a process of its own."""
    done = subprocess.run(
        command_line(*arguments), input=stdin, capture_output=True, text=True, check=False, timeout=120, **options
    )
    return Done(done.returncode, done.stdout, done.stderr)


def on_a_terminal(*arguments):
    """Run a command whose stderr is a terminal, and return stdout and what the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line(*arguments),
        stdout=subprocess.PIPE,
        stderr=theirs,
        stdin=theirs,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    out = process.stdout.read()
    process.stdout.close()
    process.wait()
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux ends a terminal whose other side is closed with an error
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.returncode, out.decode(), shown.decode()


def snapshot(folder):
    """Return the bytes of every file below a folder, by name, and the empty folders."""
    return {
        str(entry.relative_to(folder)): entry.read_bytes() if entry.is_file() else None
        for entry in sorted(Path(folder).rglob("*"))
    }


def state_folder(model):
    return model / json.loads((model / "manifest.json").read_text())["state"]


def assert_refused(done, *words, code=2):
    """Assert one clear line on stderr that holds the words, and nothing else anywhere."""
    assert done.code == code, (done.out, done.err)
    assert done.out == ""
    assert "Traceback" not in done.err, done.err
    assert done.err.startswith("oubli: "), done.err
    assert done.err.count("\n") == 1, done.err
    assert done.err.endswith("\n")
    for word in words:
        assert word in done.err, done.err


def copy_folder(source, target):
    shutil.copytree(source, target)
    return target
