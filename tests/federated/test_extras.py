"""Without Flower the floor says what to install, and the rest of oubli does not need it."""

import subprocess
import sys


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_without_flower_the_error_names_the_extra():
    done = python("import sys; sys.modules['flwr'] = None; import oubli.federated")
    assert 'pip install "oubli[flower]"' in done.stderr.splitlines()[-1]


def test_nothing_below_imports_flower_or_ray():
    done = python(
        "import sys, oubli, oubli.cli, oubli.audit.gradients; print('flwr' in sys.modules, 'ray' in sys.modules)"
    )
    assert done.stdout.split() == ["False", "False"], done.stderr
