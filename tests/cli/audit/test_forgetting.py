"""`oubli audit inversion`, `membership`, `efficacy` from outside: floors beside values, one line for bad input."""

import inspect
import json
import subprocess
import sys

import pytest
from tests.cli.command import assert_refused, run, snapshot

from oubli.audit.efficacy.audit import EfficacyAudit
from oubli.audit.efficacy.tests import TESTS
from oubli.audit.forgetting.methods import METHODS, parse_method
from oubli.audit.inversion.attacks import ATTACKS, NULLS
from oubli.audit.inversion.audit import InversionAudit
from oubli.audit.membership.attacks import ATTACKS as MEMBERSHIP_ATTACKS
from oubli.audit.membership.audit import MembershipAudit
from oubli.cli.audit.efficacy import audit_efficacy
from oubli.cli.audit.inversion import audit_inversion
from oubli.cli.audit.membership import audit_membership
from oubli.graph import generate_graph, write_npz

QUICK = {
    "inversion": ("--attacks", "posterior-cosine,difference-shift", "--seeds", 2, "--draws", 0),
    "membership": ("--attacks", "loss,difference-loss", "--seeds", 2, "--shadows", 4, "--draws", 0),
    "efficacy": ("--tests", "replay", "--seeds", 2),
}
FILES = ("results.json", "rows.csv", "summary.csv")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "people.npz"
    write_npz(generate_graph(240, seed=1), path)
    return path


def audit(kind, data, out, *more, methods="exact"):
    return run("audit", kind, "--data", data, "--methods", methods, *QUICK[kind], "-o", out, *more)


@pytest.fixture(scope="module", params=QUICK)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def done(kind, data, tmp_path_factory):
    out = tmp_path_factory.mktemp(kind) / "out"
    return audit(kind, data, out, methods="exact,certified"), out


def test_the_table_has_floors_and_says_who_attacks(kind, done):
    told, out = done
    assert (told.code, told.err) == (0, "")
    results = json.loads((out / "results.json").read_text())
    said = " ".join(told.out.split())
    assert " ".join(results["threat_model"].split()) in said
    for name in FILES:
        assert str(out / name) in told.out
    assert (out / "report.html").is_file() or 'pip install "oubli[report]"' in told.out
    lines = told.out.splitlines()
    if kind == "efficacy":
        row = next(line for line in lines if line.startswith("exact ")).split()
        shown = {line["metric"]: line["value"] for line in results["summary"] if line["method"] == "exact"}
        assert f"{shown['recall_retrained']:.3f}" in row
        return
    attack = {"inversion": "posterior-cosine", "membership": "loss"}[kind]
    first = results["methods"][0]["name"]
    line = next(line for line in results["summary"] if (line["method"], line["attack"]) == (first, attack))
    row = next(line for line in lines if line.startswith(f"{attack} "))
    assert f"{line['value']:.3f} ({line['floor']:.3f})" in row
    assert "bytes equal to retraining in 2 of 2 seeds" in said
    assert any("(null)" in line for line in lines)
    assert any("+before" in line for line in lines)


def test_json_is_what_the_file_says_and_all_is_there_already(kind, data, done):
    _, out = done
    before = snapshot(out)
    again = audit(kind, data, out, "--json", methods="exact,certified")
    results = json.loads((out / "results.json").read_text())
    assert again.json["summary"] == results["summary"]
    assert again.json["format"] == f"oubli.audit.{kind}/1"
    assert snapshot(out) == before


def test_a_page_is_made_of_the_folder_again(done, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    pytest.importorskip("networkx")
    _, out = done
    assert run("report", out, "-o", tmp_path / "r.html").code == 0
    assert (tmp_path / "r.html").read_bytes() == (out / "report.html").read_bytes()


def test_another_audit_in_the_folder_is_refused(kind, data, done):
    _, out = done
    before = snapshot(out)
    other = {"inversion": ("--ratio", 0.1), "membership": ("--ratio", 0.2), "efficacy": ("--tests", "half-removed")}
    assert_refused(audit(kind, data, out, *other[kind]), "other settings", "name another folder")
    assert snapshot(out) == before


def test_an_interrupt_keeps_what_is_done(kind, data, monkeypatch, tmp_path):
    made = {"inversion": InversionAudit, "membership": MembershipAudit, "efficacy": EfficacyAudit}[kind]
    attempt, left = made.attempt, [1]

    def interrupted(self, seed, method):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return attempt(self, seed, method)

    monkeypatch.setattr(made, "attempt", interrupted)
    assert_refused(audit(kind, data, tmp_path / "out"), "kept in", "run the same command to go on", code=130)
    begun = (tmp_path / "out" / "rows.jsonl").read_bytes()
    assert begun
    left.append(1)  # enough for what is missing, not for all
    assert audit(kind, data, tmp_path / "out").code == 0
    assert (tmp_path / "out" / "rows.jsonl").read_bytes().startswith(begun)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--methods", "magic"), ["'magic' is not supported", "exact, certified"]),
        (("--methods", "exact,,gif"), ["--methods", "empty name"]),
        (("--methods", "certified:0"), ["epsilon must be a number above 0"]),
        (("--seeds", 0), ["seeds", "from 1"]),
        (("--seeds", "x"), ["--seeds", "'x'"]),
        (("--first-seed", -1), ["first_seed"]),
        (("--data", "no-such-set"), ["no-such-set", "is unknown"]),
    ],
)
def test_options_that_cannot_be_are_one_line(kind, data, tmp_path, options, words):
    assert_refused(audit(kind, data, tmp_path / "out", *options), *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("inversion", ("--attacks", "magic"), ["'magic'", "posterior-cosine"]),
        ("inversion", ("--ratio", 0.9), ["ratio"]),
        ("inversion", ("--draws", -1), ["draws"]),
        ("membership", ("--attacks", "magic"), ["'magic'", "lira"]),
        ("membership", ("--methods", "ceu"), ["ceu removes edges only", "name others"]),
        ("membership", ("--shadows", 3), ["shadows"]),
        ("membership", ("--ratio", 0), ["ratio"]),
        ("efficacy", ("--tests", "magic"), ["'magic'", "half-removed"]),
    ],
)
def test_options_of_one_audit_are_one_line(kind, data, tmp_path, options, words):
    assert_refused(audit(kind, data, tmp_path / "out", *options), *words)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(kind, data):
    assert_refused(audit(kind, data, data), "is a file", "folder")


WITHOUT_TORCH = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from oubli.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_missing_extra_is_named(data, tmp_path):
    given = ("membership", "--data", data, "--methods", "gif", *QUICK["membership"], "-o", tmp_path / "out")
    command = [sys.executable, "-c", WITHOUT_TORCH, "audit", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "oubli[attacks]" in done.stderr


def test_help_tells_all_names_and_the_defaults_of_the_audits():
    commands = {audit_inversion: InversionAudit, audit_membership: MembershipAudit, audit_efficacy: EfficacyAudit}
    for command, made in commands.items():
        options = {option.name: option for option in command.params}
        assert all(name in options["methods"].help for name in METHODS)
        for name in str(options["methods"].default).split(","):
            assert made.kind is None or made.kind in parse_method(name).kinds
        parameters = inspect.signature(made).parameters
        for name in ("first_seed", "ratio", "shadows", "draws"):
            assert (name in options) == (name in parameters), (command.name, name)
            assert name not in options or options[name].default == parameters[name].default, name
    # The eight distances are told once, by what they end in.
    told = next(option.help for option in audit_inversion.params if option.name == "attacks")
    assert all(name.removeprefix("posterior") in told for name in ATTACKS if name not in NULLS)
    told = next(option.help for option in audit_membership.params if option.name == "attacks")
    assert all(name in told for name in MEMBERSHIP_ATTACKS)
    told = next(option.help for option in audit_efficacy.params if option.name == "tests")
    assert all(name in told for name in TESTS)


def test_help_does_not_wait_for_torch():
    code = (
        "import sys\nfrom oubli.cli import main\nmain(['audit', 'inversion', '--help'])\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'scipy', 'matplotlib', 'oubli.audit')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
