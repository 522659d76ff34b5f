"""Facts about the project itself that no other tool keeps true."""

import re
import tomllib
from pathlib import Path

import pytest

import oubli

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "src" / "oubli").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_package_and_project_agree_on_the_version():
    assert oubli.__version__ == PROJECT["version"]


def test_changelog_has_this_version_or_what_is_coming():
    sections = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"Unreleased", PROJECT["version"]} & set(sections)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_short_enough_to_read(module):
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{lines} lines: aim at 300, and split by what the parts do"


def test_no_module_is_a_drawer_for_the_rest():
    drawers = {"util", "utils", "helper", "helpers", "common", "misc"}
    named = {path.stem.lstrip("_") for path in MODULES} | {path.parent.name.lstrip("_") for path in MODULES}
    assert not named & drawers, "name a module after what it does"


def test_readme_and_makefile_agree():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README yet")
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", readme.read_text(encoding="utf-8"), re.DOTALL))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", code))
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets, "the README names targets that the Makefile does not have"
    assert {"demo", "test", "check"} <= named, "the README shows how to see it work and how to check it"
