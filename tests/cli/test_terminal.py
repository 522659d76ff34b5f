"""Help, start-up, terminals and pipes."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import command_line, on_a_terminal, run

from oubli import __version__

HEAVY = ("numpy", "scipy", "numba", "rich", "torch", "oubli.graph", "oubli.models")


def test_help_and_imports_are_light():
    code = "import sys, oubli.cli\nprint([m for m in sys.argv[1:] if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    code = (
        f"import sys\nfrom oubli.cli import main\nmain(['fit', '--help'])\nmain(['audit', 'gradients', '--help'])\n"
        f"assert not set({HEAVY}) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_help_names_every_command():
    bare, asked, short = run(), run("--help"), run("-h")
    assert bare == asked == short
    assert asked.code == 0
    for name in ("demo", "fit", "predict", "unlearn", "verify", "info", "audit"):
        assert f"\n  {name} " in asked.out
        assert run(name, "--help").code == 0


def test_version():
    assert run("--version").out == f"oubli {__version__}\n"


def test_the_installed_script_is_the_same_command():
    script = Path(sys.executable).with_name("oubli")
    if not script.exists():
        pytest.skip("oubli is not installed beside this Python")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"oubli {__version__}\n"


def test_progress_is_on_the_terminal_only(model):
    code, out, shown = on_a_terminal("unlearn", model, "--node", "3", "--json")
    assert code == 0
    assert out.startswith("{\n")
    assert out.endswith("}\n")
    assert "Forgetting" in shown


def test_a_reader_that_leaves_is_no_error(model):
    process = subprocess.Popen(command_line("predict", model), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert err == b""
