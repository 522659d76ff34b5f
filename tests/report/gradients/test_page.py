"""The page says what was measured, each score beside its null, and nothing that a name makes it say."""

import json
import re

import pytest
from tests.report.browsing import Page
from tests.report.gradients.example import SUMMARY, VICTIM, defence, results, score

for extra in ("jinja2", "matplotlib", "networkx"):
    pytest.importorskip(extra)

import matplotlib  # noqa: E402

from oubli.errors import InputError  # noqa: E402
from oubli.report import gradient_report, read_gradient_results, write_gradient_report  # noqa: E402


@pytest.fixture(scope="module")
def text():
    return gradient_report(results())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_tags_match_and_ids_are_one_of_a_kind(page):
    assert len(page.ids) == len(set(page.ids))
    assert page.references <= set(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_page_needs_nothing_else(text, page):
    assert all(link.startswith("#") for link in page.links)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_tables_tell_what_their_heads_are_for(page):
    assert all("scope" in values for tag, values in page.tags if tag == "th")
    assert page.text.count("Gain over the null") == len({entry["metric"] for entry in SUMMARY})


def test_every_score_stands_beside_its_null(page):
    rows = [" | ".join(" ".join(cell.split()) for cell in row) for row in page.rows]
    for entry in SUMMARY:
        if entry["kind"] == "null" or entry["value"] is None or entry["metric"] not in ("isomorphic", "label"):
            continue
        kind = "" if entry["kind"] == "attack" else f" ({entry['kind']})"
        value, low, high = (f"{100 * entry[name]:.0f} %" for name in ("value", "low", "high"))
        beginning = f"{entry['attack']}{kind} | {value} ({low} to {high}) | prior {100 * entry['null_value']:.0f} %"
        assert any(row.startswith(beginning) for row in rows), beginning
    found = "46 of 50 were recovered exactly (92 %, interval 81 % to 97 %), by lifting."
    assert f"{found} The null: prior 0 % (0 % to 7 %)." in page.text
    assert "error of features, aligned: 3.1e-15 (1e-15 to 8e-15) by lifting; the null: mean-feature 0.062" in page.text


def test_verdicts_follow_from_scores_and_leave_oracles_out(page):
    assert (
        "Gives graphs away none ▲ Gives parts away noise:1e-2 ● Nothing found noise:1 ○ Not measured int8" in page.text
    )
    verdict = page.text[page.text.index("Verdict") : page.text.index("Threat model Attacker")]
    assert "oracle" not in verdict.split("Each line")[0]


def test_a_score_that_is_not_beyond_its_null_is_told_from_a_leak():
    entry = score("none", "lifting", "isomorphic", 0.3, 0.2, 0.4, null_value=0.28, beyond_null=False)
    told = Page(gradient_report(results(summary=[entry]))).text
    assert "Not told from guessing" in told
    assert "Gives graphs away" not in told


def test_a_recovery_without_a_null_is_not_called_safe():
    told = Page(gradient_report(results(summary=[score("none", "lifting", "isomorphic", 0.3)]))).text
    assert "Recovers graphs, its null not measured" in told
    assert "The null: prior not measured." in told


def test_a_low_error_is_a_strong_attack():
    entries = [
        score("none", attack, "feature_mse_aligned", value, null_value=0.1, beyond_null=True)
        for attack, value in (("weak", 0.05), ("strong", 0.001))
    ]
    assert "0.001 by strong; the null: prior 0.1" in Page(gradient_report(results(summary=entries))).text


def test_what_was_not_measured_says_so(text, page):
    assert not re.search(r"\b(nan|None|null_value|inf)\b", page.text)
    rows = [[" ".join(cell.split()) for cell in row] for row in page.rows]
    assert ["lifting", "not measured", "prior not measured", "not measured", "not measured", "50"] in rows
    assert ["int8", "not supported", "not measured", "rounded to 8 bits"] in rows
    assert "accuracy 85 % (79 % to 90 %), epsilon 12,346 (delta 1e-05)" in page.text


def test_attacks_that_do_not_work_are_listed_with_the_reason(page):
    assert ["int8", "graphdlg", "needs floats"] in page.rows
    without = results()
    del without["unsupported"]
    assert "Not supported Attacks that" not in Page(gradient_report(without)).text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None])
def test_no_value_breaks_a_page(value):
    entries = [
        score(
            "none", attack, metric, value, value, value, null_value=value, gain=value, gain_low=value, gain_high=value
        )
        for attack in ("lifting", "dlg")
        for metric in ("isomorphic", "feature_mse_aligned", "own-metric")
    ]
    odd = defence("noise:0.1", "", epsilon=value) | {"accuracy": value}
    told = Page(gradient_report(results(summary=entries, defences=[odd, odd | {"name": "noise:1"}], seconds=value)))
    assert not re.search(r"\b(nan|inf)\b", told.text)


def test_figures_are_there_and_described(page):
    svgs = [values for tag, values in page.tags if tag == "svg"]
    described = [values for values in svgs if values.get("role") == "img"]
    assert all("aria-labelledby" in values for values in described)
    assert all(values.get("aria-hidden") == "true" for values in svgs if values not in described)
    # Noise, four metrics, a truth and three guesses (one guesses no graph).
    assert len(described) == 1 + 4 + 4
    assert "none, lifting: 92 % (81 % to 97 %), null 0 %" in page.text
    assert "1e-2: recovered 6 %, null 0 %, accuracy 85 %" in page.text


def test_one_level_of_noise_makes_no_curve():
    one = results(defences=[defence("none", ""), defence("noise:1", "")], summary=[])
    assert "Noise: leak and accuracy" not in gradient_report(one)


def test_graphs_are_compared_with_the_truth(page):
    assert "✓ Identical label 1, residual of the gradient 3e-16" in page.text
    assert "Differs: 1 edge too many, 1 edge missing, 1 node of a wrong type" in page.text
    assert "guesses no graph" in page.text
    assert "Identical edges; types are not guessed" in page.text
    assert "10 nodes (7 C, 1 N, 2 O), 10 edges, label 1" in page.text


def test_page_tells_how_many_examples_it_leaves_out():
    guess = {"defence": "none", "attack": "lifting", "scores": {}} | VICTIM
    many = [VICTIM | {"victim": name, "guesses": [guess] * 8 * (name == 0)} for name in range(8)]
    told = gradient_report(results(examples=many))
    assert told.count("The truth") == 6
    assert "Not drawn: 2 more in results.json" in told
    assert "Victims not drawn: 2 more" in told


def test_page_counts_what_the_update_cannot_tell_apart(page):
    assert "2 graph layers, so a node's state depends on what is at most 2 hops away" in page.text
    assert "In this audit 1 guess had all profiles right and was another graph" in page.text


def test_same_results_same_bytes_whatever_the_users_settings(text):
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": None}):
        assert gradient_report(json.loads(json.dumps(results()))) == text


def test_settings_of_matplotlib_are_left_as_they_were():
    with matplotlib.rc_context({"font.size": 31}):
        gradient_report(results())
        assert matplotlib.rcParams["font.size"] == 31


ODD = "<script>alert(\"$x_1$ & 'y'\")</script>"


def test_names_are_names_and_not_markup(text):
    entry = score(ODD, ODD, ODD, 0.5, null=ODD, null_value=0.1, beyond_null=True)
    exact = score(ODD, ODD, "isomorphic", 0.5, 0.4, 0.6, null=ODD, null_value=0.1, beyond_null=True)
    guess = {"defence": ODD, "attack": ODD, "label": ODD, "scores": {}, "node_types": [0], "edges": []}
    odd = results(
        settings={ODD: ODD, "command": ODD, "data": ODD},
        threat_model=ODD,
        defences=[defence(ODD, ODD) | {"note": ODD}],
        summary=[entry, exact],
        examples=[{"victim": ODD, "label": ODD, "node_types": [0, 1], "edges": [[0, 1]], "guesses": [guess]}],
        node_names=[ODD],
        versions={ODD: ODD},
    )
    written = gradient_report(odd)
    assert "<script" not in written
    told = Page(written)
    assert sum(ODD in part for part in told.texts) > 15
    assert not {"script"} & {tag for tag, _ in told.tags}


def test_names_in_any_script_can_be_drawn():
    entry = score("无防御\n次行", "攻击\x0b🙂" + "長" * 90, "isomorphic", 0.5, null_value=0.1)
    told = Page(gradient_report(results(summary=[entry], node_names=["碳", "Сарбон", "🙂"])))
    assert "无防御 次行" in told.text
    assert "碳" in told.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": "oubli.audit.gradients/2"}, ["oubli.audit.gradients/2", "supported: 'oubli.audit.gradients/1'"]),
        ({"format": None}, ["no audit"]),
        ({"summary": 3}, ["summary", "audit again"]),
        ({"summary": [{"defence": "none"}]}, ["'attack' is missing"]),
        ({"examples": [VICTIM]}, ["'guesses' is missing"]),
        ({"examples": [VICTIM | {"edges": [[0, -1]], "guesses": []}]}, ["negative"]),
        ({"examples": [VICTIM | {"edges": [[0, 1, 2]], "guesses": []}]}, ["audit again"]),
        ({"settings": []}, ["settings is no object"]),
    ],
)
def test_results_that_are_none_are_refused(tmp_path, changed, words):
    with pytest.raises(InputError) as error:
        write_gradient_report(results(**changed), tmp_path / "report.html")
    assert all(word in str(error.value) for word in words), error.value
    assert list(tmp_path.iterdir()) == []


def test_written_page_is_read_back_from_folder_and_file(tmp_path, text):
    (tmp_path / "results.json").write_text(json.dumps(results()))
    for given in (tmp_path, tmp_path / "results.json"):
        path = write_gradient_report(read_gradient_results(given), tmp_path / "report.html")
        assert path.read_text(encoding="utf-8") == text
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["report.html", "results.json"]
