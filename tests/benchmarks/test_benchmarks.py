import json
import re
from dataclasses import fields

import numpy as np
import pytest
from benchmarks import identity, results, threads, timing
from benchmarks.certified import bounds
from benchmarks.certified.__main__ import main as certified
from benchmarks.certified.figure import draw_figure
from benchmarks.certified.propagation import main as propagation
from benchmarks.certified.tables import TABLES, Results
from benchmarks.kernels.__main__ import main as kernels
from benchmarks.kernels.crossover import call_crossover
from benchmarks.unlearning import random_feature
from benchmarks.unlearning.__main__ import main as unlearning
from benchmarks.unlearning.head import HeadSamples
from benchmarks.unlearning.requests import BALL, KINDS, draw_requests
from benchmarks.unlearning.settings import Plan, measure
from benchmarks.unlearning.solving import solve_again, twin
from tests.exactness.test_sequences import with_engine

from oubli.engines import MemoryEngine
from oubli.graph import Removal, generate_graph
from oubli.models import RandomFeatureNet, SGCRidge
from oubli.propagation import Propagation


@pytest.fixture(scope="module")
def graph():
    return generate_graph(num_nodes=400, num_features=16, seed=3)


DOCUMENT = {
    "title": "Speed",
    "command": "python -m benchmarks.speed",
    "date": "2026-05-25T12:00:00+00:00",
    "machine": {
        "cpu": "A processor",
        "cores": 2,
        "memory_gib": 7.5,
        "packages": {"oubli": "0.1.0"},
        "python": "3.11.7",
        "blas": [],
        "threads": {"NUMBA_NUM_THREADS": "1"},
        "load_average": [0.1, 0.2, 0.3],
        "commit": "abc",
    },
    "tables": [
        {
            "title": "One",
            "note": "In ms.",
            "columns": [["name", "case"], ["ms.median", "ms", ".1f"], ["hops", "by hop", ",d"], ["same", "equal"]],
            "rows": [
                {"name": "a|b", "ms": {"median": 1.25, "min": 1}, "hops": [2, 1300], "same": True},
                {"name": "c", "ms": {"median": 20}, "hops": [], "same": False, "hidden": 1},
                {"name": "d"},
            ],
        }
    ],
}
MARKDOWN = """\
# Speed

`python -m benchmarks.speed`, 2026-05-25T12:00:00+00:00, commit abc.
A processor, 2 cores, 7.5 GiB; load [0.1, 0.2, 0.3]; Python 3.11.7, oubli 0.1.0; BLAS unknown; threads: \
NUMBA_NUM_THREADS=1.

## One

In ms.

| case | ms | by hop | equal |
| --- | --: | --- | --- |
| a\\|b | 1.2 | 2, 1,300 | yes |
| c | 20.0 |  | **no** |
| d |  |  |  |
"""


def test_markdown_is_made_from_the_json_alone(tmp_path, capsys):
    (tmp_path / "speed.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    results.main(["speed", "--folder", str(tmp_path)])
    assert (tmp_path / "speed.md").read_text(encoding="utf-8") == MARKDOWN
    assert capsys.readouterr().out.strip() == str(tmp_path / "speed.md")


def test_results_hold_where_and_how_they_were_made(tmp_path):
    table = results.make_table("One", [("name", "case")], [{"name": "a"}])
    target = results.write_results("speed", "Speed", [table], tmp_path)
    document = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert target.read_text(encoding="utf-8") == results.render(document)
    assert {"cpu", "cores", "memory_gib", "blas", "threads", "load_average", "commit"} <= document["machine"].keys()
    assert {"oubli", "numpy", "numba"} <= document["machine"]["packages"].keys()
    assert document["tables"] == [table]


@pytest.mark.parametrize(
    ("main", "model", "kinds"),
    [
        (unlearning, "sgc", KINDS),
        (unlearning, "random-feature", KINDS[:4]),
        (kernels, None, ()),
        (propagation, None, ()),
        (certified, None, ()),
    ],
)
def test_quick_run_on_a_generated_graph(main, model, kinds, tmp_path, capsys):
    which = [] if model is None else ["--model", model]
    main([*which, "--quick", "--generated", "--folder", str(tmp_path), "--name", "trial"])
    document = json.loads((tmp_path / "trial.json").read_text(encoding="utf-8"))
    assert (tmp_path / "trial.md").read_text(encoding="utf-8") == results.render(document)
    rows = [row for table in document["tables"] for row in table["rows"]]
    assert all(table["rows"] for table in document["tables"])
    settings = [row for row in rows if "identical" in row]
    assert {row["kind"] for row in settings} == set(kinds)
    assert all(row["identical"] for row in settings)
    if main is propagation:
        assert all(row["ratio"] >= 1 for row in rows if "ratio" in row)
    if main is certified:
        assert [table["title"] for table in document["tables"]] == [shape.title for shape in TABLES.values()]
        assert all(row["sound"] and row["ordered"] for row in rows if "sound" in row)
    shown = [re.findall(r"^\| .*", part, re.MULTILINE) for part in results.render(document).split("\n## ")[1:]]
    assert [len(lines) - 2 for lines in shown] == [len(table["rows"]) for table in document["tables"]]


def test_identity_goes_through_every_model_and_kind(tmp_path, capsys):
    assert identity.main(["--quick", "--folder", str(tmp_path), "--name", "trial"]) == 0
    document = json.loads((tmp_path / "trial.json").read_text(encoding="utf-8"))
    assert (tmp_path / "trial.md").read_text(encoding="utf-8") == results.render(document)
    rows = document["tables"][0]["configurations"]
    assert {(row["model"], row["kind"]) for row in rows} == {(m, k) for m in identity.make_models() for k in KINDS}
    assert {row["level"] for row in rows} == set(identity.LEVELS)
    assert len({row["digest"] for row in rows}) == len(rows)
    assert all(row["equal"] for row in rows)
    assert f"{len(rows)}/{len(rows)} equal" in capsys.readouterr().out


class KeepsTheLabels(MemoryEngine):
    """Forgets everything but labels."""

    def _update_sums(self, change, gone):
        kept = super()._update_sums(change, gone[:0])
        self._codes[gone], self._trained[gone] = -1, False
        return kept


def test_identity_tells_different_bytes(monkeypatch, tmp_path):
    monkeypatch.setattr(identity, "make_models", lambda: {"broken": with_engine(KeepsTheLabels)(hops=1)})
    assert identity.main(["--quick", "--folder", str(tmp_path)]) == 1
    rows = json.loads((tmp_path / "identity.json").read_text(encoding="utf-8"))["tables"][0]["configurations"]
    # Labels go with a subgraph, too.
    assert {row["kind"] for row in rows if not row["equal"]} == {"label", "subgraph"}
    assert "## Different bytes" in (tmp_path / "identity.md").read_text(encoding="utf-8")


def test_identity_shuffles_nothing_away(graph):
    other = identity.shuffled(graph, 1)
    for name in ("node_ids", "edges", "features", "labels", "train_nodes", "val_nodes", "test_nodes"):
        np.testing.assert_array_equal(getattr(other, name), getattr(graph, name))


def test_cases_are_timed_in_turn():
    calls = []
    samples = timing.interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, draws=3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert all(len(times.cpu) == len(times.wall) == 3 for times in samples.values())
    assert timing.summary([4.0, 1.0, 2.0, 3.0, 5.0]) == {
        "median": 3.0,
        "q1": 2.0,
        "q3": 4.0,
        "min": 1.0,
        "max": 5.0,
        "draws": 5,
    }


def test_threads_are_limited_before_numpy_or_not_at_all():
    with pytest.raises(RuntimeError, match="before the first import of numpy"):
        threads.limit_threads(1)


@pytest.mark.parametrize("kind", KINDS)
def test_requests_name_each_thing_once(graph, kind):
    size = 10
    named = []
    for request in draw_requests(graph, kind, size, draws=4, seed=1):
        (things,) = filter(None, (getattr(request, field.name) for field in fields(request)))
        assert len(things) in (range(size, size + BALL[1]) if kind == "subgraph" else [size])
        named += [tuple(t) if isinstance(t, tuple) else t for t in things]
        graph.resolve(request)
    assert len(named) == len(set(named)) >= 4 * size


def test_requests_stop_when_the_graph_has_no_more(graph):
    assert len(list(draw_requests(graph, "node", 150, draws=9, seed=1))) == 2


def test_a_setting_leaves_the_model_and_sees_equal_bytes(graph):
    model = SGCRidge().fit(graph)
    digest = model.digest()
    row = measure(model, "node", 2, Plan(draws=3, solves=1))
    assert model.digest() == digest
    assert row["identical"]
    assert (row["unlearn_ms"]["draws"], row["solve_ms"]["draws"]) == (3, 1)
    assert len(row["reached"]) == model.hops


@pytest.mark.parametrize(
    ("estimator", "state"),
    [
        (SGCRidge(), lambda model: [model._engine.propagation.totals[0], model._engine.gram.lower]),
        (RandomFeatureNet(messages=8), lambda model: [model._inputs.values, model._rows._received, model._gram.lower]),
    ],
    ids=["sgc", "random feature"],
)
def test_the_yardstick_computes_the_whole_model(graph, estimator, state):
    model = estimator.fit(graph)
    other = twin(model)
    solve_again(other)
    assert other.digest() == model.digest()
    assert not any(np.shares_memory(*pair) for pair in zip(state(other), state(model), strict=True))


def test_the_solve_of_the_head_is_told_apart(graph):
    model, times = RandomFeatureNet(messages=200).fit(graph), HeadSamples()
    receipt = times.time_with(model, lambda: model.unlearn(Removal(labels=graph.train_nodes[:1])))
    assert receipt.path == "local"
    assert 0 < times.head[0] < times.cpu[0]
    assert times.rest == [times.cpu[0] - times.head[0]]
    assert "_solve" not in vars(model)


def test_rows_of_other_data_sets_stay(tmp_path):
    """Measured one at a time, all data sets are in the tables, each once, the last measured last."""
    columns = [("data", "data")]
    for data in ("a", "b", "a"):
        kept = random_feature._others("trial", tmp_path, {data: {}})
        tables = [results.make_table("One", columns, [*rows, {"data": data}]) for rows in kept]
        results.write_results("trial", "Trial", tables, tmp_path)
    document = json.loads((tmp_path / "trial.json").read_text(encoding="utf-8"))
    assert [[row["data"] for row in table["rows"]] for table in document["tables"]] == [["b", "a"]] * 3


def test_rows_of_other_stages_stay(tmp_path):
    Results("trial", tmp_path).put("lazy", "a", [{"data": "a", "rmax": 1e-3}])
    again = Results("trial", tmp_path)
    again.put("lazy", "b", [{"data": "b", "rmax": 1e-3}])
    target = again.put("lazy", "a", [{"data": "a", "rmax": 1e-4}])
    again.put("noise", "a", [{"data": "a"}])
    kept = Results("trial", tmp_path)
    assert [(row["data"], row["rmax"]) for row in kept.rows["lazy"]] == [("b", 1e-3), ("a", 1e-4)]
    assert kept.of("noise", "a") == [{"data": "a"}]
    assert TABLES["lazy"].title in target.read_text(encoding="utf-8")


def test_bounds_are_told_from_the_truth_and_drawn_alike_twice(graph, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    setting = {"mechanism": "output", "alpha": 1e-2, "noise_std": 0.1}
    rows = bounds.measure("generated", graph, [setting], True)
    assert all(one["true"] <= one["evaluated"] < one["worst"] for row in rows for one in row["all"])
    for name in ("a.svg", "b.svg"):
        draw_figure(rows, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_crossover_leaves_the_library_as_it_was(graph):
    decide = Propagation._prefers_full
    model = SGCRidge().fit(graph)
    (row,) = call_crossover(model, (5,), draws=2)["rows"]
    assert 0 < row["share"] <= 1
    assert Propagation._prefers_full is decide
