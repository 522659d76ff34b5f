"""`oubli report` writes the page, and says in one line what is not an audit."""

import json

import pytest
from tests.cli.command import assert_refused, run, spawn
from tests.report.gradients.example import results

for extra in ("jinja2", "matplotlib", "networkx"):
    pytest.importorskip(extra)


@pytest.fixture
def audit(tmp_path):
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "results.json").write_text(json.dumps(results()))
    return tmp_path / "audit"


def test_report_of_a_folder_and_of_its_file_is_the_same(audit, tmp_path):
    told = run("report", audit, "-o", tmp_path / "one.html")
    assert (told.code, told.out, told.err) == (0, f"Written: {tmp_path / 'one.html'}\n", "")
    told = run("report", audit / "results.json", "-o", tmp_path / "two.html", "--json")
    assert told.json == {"report": str(tmp_path / "two.html")}
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    # Again, over a page of ours.
    assert run("report", audit, "-o", tmp_path / "one.html").code == 0


def test_report_is_written_here_by_default(audit, tmp_path):
    done = spawn("report", audit, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "What one update gives away" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", ["not JSON"]),
        (b"\xff\xfe", ["not JSON"]),
        ("[]", ["no audit", "expected an object"]),
        ('{"format": "oubli.audit.gradients/9"}', ["/9", "supported"]),
        ('{"format": "oubli.audit.gradients/1"}', ["missing"]),
    ],
)
def test_report_refuses_what_is_no_audit(write, tmp_path, content, words):
    path = write("results.json", content)
    assert_refused(run("report", path, "-o", tmp_path / "report.html"), str(path), *words)
    assert_refused(run("report", tmp_path, "-o", tmp_path / "report.html"), str(path), *words)
    assert not (tmp_path / "report.html").exists()


def test_report_refuses_what_is_not_there(tmp_path):
    assert_refused(run("report", tmp_path / "none"), "none", "no such file")
    assert_refused(run("report", tmp_path), "no results.json in it")


def test_report_does_not_write_over_what_is_no_report(audit, tmp_path):
    mine = tmp_path / "mine.html"
    mine.write_text("<p>mine</p>")
    assert_refused(run("report", audit, "-o", mine), str(mine), "another file")
    assert mine.read_text() == "<p>mine</p>"
    assert_refused(run("report", audit, "-o", audit / "results.json"), "another file")
    assert_refused(run("report", audit, "-o", tmp_path / "none" / "r.html"), "cannot be written")
    assert_refused(run("report", audit, "-o", tmp_path), str(tmp_path))
