"""Streams of requests: in order, resumable, and the same as one command a request."""

import errno
import hashlib
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from tests.cli.command import assert_refused, command_line, copy_folder, on_a_terminal, run, snapshot
from tests.cli.killing import PRELUDE
from tests.cli.test_purge import _holders, _traces_of_id

from oubli import Removal, load_model
from oubli.cli.stream_lines import FileLines
from oubli.errors import CapacityError
from oubli.graph import generate_graph, write_npz
from oubli.guarantees import Receipt
from oubli.models import SGCRidge

MODELS = {
    "sgc": [],
    "smoothed": ["--smooth"],
    "lcf": ["--model", "lcf", "--layers", "1"],
    "random-feature": ["--model", "random-feature"],
    "routed": ["--model", "routed"],
    "certified": ["--model", "certified", "--delta", "1e-3"],
}


def _requests(graph, many=14, seed=0):
    """Requests of all kinds that can be honoured one after the other."""
    draws = np.random.default_rng(seed)
    nodes = draws.permutation(graph.node_ids).tolist()
    going, others = set(nodes[: many * 2]), iter(nodes[many * 2 :])
    edges = iter([e for e in graph.edges.tolist() if not going & set(e)])
    requests = []
    for at in range(many):
        kinds = [
            {"nodes": nodes[2 * at : 2 * at + 2]},
            {"edges": [next(edges)], "labels": []},
            {"features": [next(others)], "nodes": [nodes[2 * at]]},
            {"labels": [next(others)]},
        ]
        requests.append(kinds[at % 4])
    return requests


def _text(requests):
    return "".join(json.dumps(request) + "\n" for request in requests)


def _expected(folder, requests):
    model = load_model(folder)
    for request in requests:
        model.unlearn(Removal(**request))
    return model.digest()


def _receipts(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _spans(path):
    return [(line["first"], line["last"]) for line in _receipts(path)]


@pytest.fixture
def requests(graph):
    return _requests(graph)


@pytest.fixture
def stream(write, requests):
    return write("requests.jsonl", _text(requests))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_equals_one_removal_after_the_other(graph_file, tmp_path, requests, stream, name):
    model = tmp_path / "model"
    assert run("fit", graph_file, "-o", model, *MODELS[name]).code == 0
    exact = name != "certified"
    expected = _expected(model, requests) if exact else None
    batched = copy_folder(model, tmp_path / "batched")
    assert run("unlearn", model, "--stream", stream).code == 0
    done = run("unlearn", batched, "--stream", stream, "--batch", 4, "--json")
    assert (done.code, done.json["requests"], done.json["batches"]) == (0, 14, 4)
    for folder in (model, batched):
        if exact:
            assert load_model(folder).digest() == expected
        assert run("verify", folder).code == 0
    again = run("unlearn", model, "--stream", stream)
    assert (again.code, again.err) == (0, "")
    assert "nothing left to do" in again.out
    assert again.out.count("\n") == 1


def test_it_equals_one_command_a_request(model, fitted, tmp_path, requests, stream, write):
    one_by_one = copy_folder(fitted, tmp_path / "one-by-one")
    for request in requests:
        assert run("unlearn", one_by_one, "--request", write("request.json", request)).code == 0
    assert run("unlearn", model, "--stream", stream).code == 0
    assert load_model(model).digest() == load_model(one_by_one).digest()
    assert load_model(model).graph_.edges.tolist() == load_model(one_by_one).graph_.edges.tolist()


def test_the_summary_for_machines_and_people(model, fitted, tmp_path, requests, stream):
    receipts = tmp_path / "receipts.jsonl"
    done = run("unlearn", model, "--stream", stream, "--batch", 3, "--receipt", receipts, "--json")
    told = done.json
    assert sorted(told) == [
        *("batches", "classes_lost", "guarantee", "ignored", "odometer", "path", "receipts", "remaining", "removed"),
        *("requests", "requests_per_second", "saves", "seconds", "stream"),
    ]
    assert told["stream"] == {
        "file": str(stream),
        "resumable": True,
        "resumed_after": 0,
        "lines": 14,
        "bytes": stream.stat().st_size,
        "requests": 14,
    }
    assert (told["requests"], told["batches"], told["odometer"]) == (14, 5, None)
    assert told["guarantee"] == {"kind": "exact", "level": "reselected"}
    kept = [Receipt.from_json(json.dumps(line["receipt"])) for line in _receipts(receipts)]
    assert [line["requests"] for line in _receipts(receipts)] == [3, 3, 3, 3, 2]
    assert _spans(receipts) == [(1, 3), (4, 6), (7, 9), (10, 12), (13, 14)]
    for kind, number in told["removed"].items():
        assert number == sum(receipt.removed[kind] for receipt in kept)
    assert told["remaining"] == kept[-1].remaining
    assert kept[-1].weights_sha256 == load_model(model).weights_digest()
    text = run("unlearn", copy_folder(fitted, tmp_path / "other"), "--stream", stream).out
    for words in ("14 requests of", "to line 14", "requests a second", "exact, reselected", "Not reached:"):
        assert words in text


def test_comments_empty_lines_and_line_ends_of_all_kinds(model, fitted, write):
    text = '\ufeff# asked in May\r\n\r\n  {"nodes": [3]}\r\n\t\n   # more\n{"labels": [5]}'
    done = run("unlearn", model, "--stream", write("requests.jsonl", text), "--json")
    assert (done.code, done.json["requests"], done.json["stream"]["lines"]) == (0, 2, 6)
    assert load_model(model).digest() == _expected(fitted, [{"nodes": [3]}, {"labels": [5]}])


def test_the_place_is_in_the_model_and_not_in_its_digest(model, fitted, stream, requests):
    assert run("info", fitted, "--json").json["stream"] is None
    assert run("unlearn", model, "--stream", stream).code == 0
    told = run("info", model, "--json").json
    assert told["stream"] == {"lines": 14, "bytes": stream.stat().st_size, "requests": 14}
    assert "14 lines done, 14 requests" in run("info", model).out
    library = load_model(fitted)
    for request in requests:
        library.unlearn(Removal(**request))
    assert library.stream_position is None
    assert library.digest() == told["digest"]
    # Other removals leave the place as it is.
    assert run("unlearn", model, "--node", library.graph_.node_ids[0]).code == 0
    assert run("info", model, "--json").json["stream"] == told["stream"]
    assert "nothing left" in run("unlearn", model, "--stream", stream).out


def test_a_file_that_grew_is_gone_on_with(model, fitted, tmp_path, requests, write):
    receipts = tmp_path / "receipts.jsonl"
    # The first part ends without a line end, as files do that were put together by hand.
    write("requests.jsonl", _text(requests[:5]).rstrip())
    given = ("unlearn", model, "--stream", tmp_path / "requests.jsonl", "--receipt", receipts)
    assert run(*given).code == 0
    stream = write("requests.jsonl", _text(requests[:9]))
    told = run(*given, "--json").json
    assert (told["stream"]["resumed_after"], told["requests"], told["stream"]["requests"]) == (5, 4, 9)
    moved = stream.rename(tmp_path / "moved.jsonl")
    moved.write_text(_text(requests))
    done = run("unlearn", model, "--stream", moved, "--receipt", receipts)
    assert "going on after line 9" in done.out
    assert load_model(model).digest() == _expected(fitted, requests)
    assert _spans(receipts) == [(n, n) for n in range(1, 15)]


def test_what_was_done_may_not_change(model, requests, write):
    stream = write("requests.jsonl", _text(requests[:5]))
    assert run("unlearn", model, "--stream", stream).code == 0
    before = snapshot(model)
    for changed in (
        _text([requests[9], *requests[1:5]]),
        _text([requests[0], requests[9], *requests[2:5]]),
        _text(requests[:4]),
        "\n" + _text(requests[:5]),
        _text(requests[:5])[:-1] + "#\n",
        "",
    ):
        stream.write_text(changed)
        assert_refused(run("unlearn", model, "--stream", stream), str(stream), "first 5 lines", "another name")
    elsewhere = write("copy.jsonl", _text([requests[0], *requests[2:]]))
    assert_refused(run("unlearn", model, "--stream", elsewhere), "copy.jsonl", "put them back")
    stream.write_text(_text(requests[:5]).rstrip() + " \n")
    assert_refused(run("unlearn", model, "--stream", stream), "first 5 lines")
    assert snapshot(model) == before
    stream.write_text(_text(requests))
    assert run("unlearn", model, "--stream", stream).code == 0


def test_another_file_starts_at_its_beginning(model, fitted, requests, write):
    first, second = write("first.jsonl", _text(requests[:6])), write("second.jsonl", _text(requests[6:]))
    assert run("unlearn", model, "--stream", first).code == 0
    done = run("unlearn", model, "--stream", second)
    assert done.code == 0
    assert "line 6 of another stream" in done.out
    assert load_model(model).digest() == _expected(fitted, requests)


BAD = [
    ("nonsense", ["not JSON"]),
    ("[1]", ["an object"]),
    ('{"people": [1]}', ["nodes, edges, features, labels"]),
    ('{"nodes": [999]}', ["nodes[0]", "no node 999", "--missing ignore"]),
    ('{"nodes": ["7"]}', ["without quotes"]),
    ('{"nodes": [1.5]}', ["float"]),
    ('{"edges": [[4, 4]]}', ["self-loop"]),
    ('{"nodes": []}', ["nothing is requested"]),
    (b'{"nodes": ["\xff"]}', ["UTF-8"]),
    ("AGAIN", ["removed before", "--missing ignore"]),
    ("ALL", ["no training node would remain"]),
    ("CHOOSE", ["validation nodes"]),
]


@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize(("bad", "words"), BAD, ids=range(len(BAD)))
def test_a_bad_line_stops_the_stream(model, fitted, graph, tmp_path, requests, write, bad, words, batch):
    if bad == "AGAIN":
        bad = json.dumps({"nodes": [requests[4]["nodes"][0]]})
    if bad in ("ALL", "CHOOSE"):
        requests = [{"nodes": [n]} for n in graph.test_nodes.tolist()[:7]]
        bad = json.dumps({"labels": (graph.train_nodes if bad == "ALL" else graph.val_nodes).tolist()})
    line = bad if isinstance(bad, bytes) else bad.encode()
    good = _text(requests[:5]).encode() + b"# a word\n"
    stream, receipts = write("requests.jsonl", good + line + b"\n"), tmp_path / "receipts.jsonl"
    given = ("unlearn", model, "--stream", stream, "--receipt", receipts, "--batch", batch)
    refused = run(*given)
    assert_refused(refused, f"{stream}, line 7", *words, "Lines 1 to ", "done and saved", "run the same command again")
    assert load_model(model).digest() == _expected(fitted, requests[:5])
    assert _spans(receipts)[-1][1] == 5
    before = snapshot(model)
    assert_refused(run(*given), f"{stream}, line 7", *words, "Lines 1 to ")
    assert snapshot(model) == before, "with nothing more done, nothing is written"
    stream.write_bytes(good + _text(requests[5:7]).encode())
    assert run(*given).code == 0
    assert load_model(model).digest() == _expected(fitted, requests[:7])
    assert sum(line["requests"] for line in _receipts(receipts)) == 7
    assert _spans(receipts)[-1][1] == 8


def test_lines_that_ask_for_the_same_thing_are_told_in_a_batch_too(model, fitted, graph, write):
    (u, v), node = graph.edges[0].tolist(), 150
    lines = [{"nodes": [u]}, {"edges": [[u, v]]}, {"nodes": [node]}, {"labels": [node]}]
    for at, what in [(2, str(u)), (3, str(node))]:
        folder = copy_folder(fitted, model.parent / f"{at}")
        given = lines[:2] if at == 2 else lines[2:]
        stream = write("requests.jsonl", _text(given))
        for batch in (1, 2):
            assert_refused(run("unlearn", folder, "--stream", stream, "--batch", batch), "line 2", what, "before")
        assert load_model(folder).digest() == _expected(fitted, given[:1])
        assert run("unlearn", folder, "--stream", stream, "--batch", 2, "--missing", "ignore").code == 0


def test_the_first_line_is_bad(model, write):
    before = snapshot(model)
    for text in ("{", '{"nodes": [999]}\n', '\n\n{"nodes": [999]}\n{"nodes": [3]}\n'):
        stream = write("requests.jsonl", text)
        given = ("unlearn", model, "--stream", stream, "--receipt", stream.with_name("receipts.jsonl"))
        assert_refused(run(*given), str(stream), "No line is done", "mend the line")
    assert snapshot(model) == before


def test_a_line_that_was_cut_off(model, fitted, requests, write):
    text = _text(requests[:3])
    stream = write("requests.jsonl", text[:-4])
    assert_refused(run("unlearn", model, "--stream", stream), "line 3", "not JSON", "no end", "Lines 1 to 2")
    stream.write_text(text)
    assert run("unlearn", model, "--stream", stream).code == 0
    assert load_model(model).digest() == _expected(fitted, requests[:3])


def test_errors_for_machines(model, write):
    stream = write("requests.jsonl", '{"nodes": [3]}\n{"nodes": [3]}\n')
    done = run("unlearn", model, "--stream", stream, "--json")
    told = json.loads(done.err)["error"]
    assert (done.code, done.out, told["type"], told["exit_code"]) == (2, "", "AlreadyRemovedError", 2)
    assert "line 2" in told["message"]


def test_missing_ignore_passes_over(model, fitted, requests, write):
    stream = write("requests.jsonl", _text([requests[0], requests[0], {"nodes": [999]}, *requests[1:4]]))
    done = run("unlearn", model, "--stream", stream, "--missing", "ignore", "--json")
    assert (done.code, done.json["requests"]) == (0, 6)
    assert done.json["ignored"]["nodes"] == 3
    assert load_model(model).digest() == _expected(fitted, requests[:4])


def test_frozen(model, stream, fitted, requests):
    done = run("unlearn", model, "--stream", stream, "--level", "frozen", "--json")
    assert done.json["guarantee"]["level"] == "frozen"
    library = load_model(fitted)
    for request in requests:
        library.unlearn(Removal(**request), level="frozen")
    assert load_model(model).digest() == library.digest()


def test_options_that_do_not_go_together(model, stream, tmp_path):
    before, text = snapshot(model), stream.read_text()
    for more in (["--node", 3], ["--edges", stream], ["--request", stream], ["--label", 3]):
        assert_refused(run("unlearn", model, "--stream", stream, *more), "--stream", "alone")
    assert_refused(run("unlearn", model, "--node", 3, "--batch", 2), "--batch", "--stream FILE")
    assert_refused(run("unlearn", model, "--node", 3, "--checkpoint", 2), "--checkpoint", "--stream FILE")
    assert_refused(run("unlearn", model, "--stream", stream, "--batch", 0), "--batch")
    assert_refused(run("unlearn", model, "--stream", stream, "--checkpoint", "-1"), "--checkpoint")
    assert_refused(run("unlearn", model, "--stream", "absent.jsonl"), "absent.jsonl", "no such file")
    assert_refused(run("unlearn", model, "--stream", model), "is a directory")
    for place, words in [
        (tmp_path, "is a folder"),
        (model / "r", "folder of the model"),
        (stream, "the stream itself"),
    ]:
        assert_refused(run("unlearn", model, "--stream", stream, "--receipt", place), words)
    assert_refused(run("unlearn", model, "--stream", stream, "--receipt", tmp_path / "no" / "r"), "cannot be written")
    assert (snapshot(model), stream.read_text()) == (before, text)


def test_files_that_request_nothing(model, write):
    before = snapshot(model)
    for text in ("", "\n\n", "# later\n"):
        done = run("unlearn", model, "--stream", write("requests.jsonl", text))
        assert (done.code, done.err) == (0, "")
        assert "nothing left to do; no line requests anything" in done.out
    assert snapshot(model) == before


def test_standard_input(model, fitted, requests, tmp_path):
    receipts = tmp_path / "receipts.jsonl"
    done = run("unlearn", model, "--stream", "-", "--json", "--receipt", receipts, stdin=_text(requests[:4]))
    assert (done.code, done.json["stream"]["resumable"], done.json["requests"]) == (0, False, 4)
    assert run("info", model, "--json").json["stream"] is None
    bad = run("unlearn", model, "--stream", "-", "--receipt", receipts, stdin=_text([*requests[4:6], {"nodes": [999]}]))
    assert_refused(bad, "standard input, line 3", "Lines 1 to 2", "give it again")
    assert load_model(model).digest() == _expected(fitted, requests[:6])
    assert _spans(receipts) == [(1, 1), (2, 2), (3, 3), (4, 4), (1, 1), (2, 2)]


def test_a_pipe_is_saved_while_it_waits(model, fitted, requests):
    process = subprocess.Popen(
        command_line("unlearn", model, "--stream", "-", "--batch", 100, "--checkpoint", 0.2),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    process.stdin.write(_text(requests[:3]) + '{"nodes": ')
    process.stdin.flush()
    expected = _expected(fitted, requests[:3])
    deadline = time.monotonic() + 60
    while run("info", model, "--json").json["digest"] != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "oubli: interrupted; lines 1 to 3 are done and saved; give the lines after them\n"
    assert load_model(model).digest() == expected


def _interrupted(*arguments, when, number):
    """Start a command, send it a signal once `when` holds, and return its exit code and what it said."""
    process = subprocess.Popen(
        command_line(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them, and what they start, ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and not when() and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A graph, a model of it and a stream that takes seconds."""
    place = tmp_path_factory.mktemp("large")
    graph = generate_graph(num_nodes=1500, num_classes=3, num_features=8, average_degree=6, seed=4)
    write_npz(graph, place / "graph.npz")
    assert run("fit", place / "graph.npz", "-o", place / "model").code == 0
    requests = [{"labels": [n]} for n in graph.test_nodes.tolist()] + [{"nodes": [n]} for n in range(0, 1500, 2)]
    (place / "requests.jsonl").write_text(_text(requests))
    return place / "model", place / "requests.jsonl", _expected(place / "model", requests), len(requests)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "termination"])
def test_a_wish_to_stop_ends_a_batch_and_saves(large, tmp_path, number):
    source, stream, expected, many = large
    model, receipts = copy_folder(source, tmp_path / "model"), tmp_path / "receipts.jsonl"
    begun, given = (model / "manifest.json").read_bytes(), ("--stream", stream, "--receipt", receipts, "--batch", 3)
    code, out, err = _interrupted(
        "unlearn", model, *given, when=lambda: (model / "manifest.json").read_bytes() != begun, number=number
    )
    assert (code, out) == (130, "")
    done = run("info", model, "--json").json["stream"]["lines"]
    assert 0 < done < many
    assert done % 3 == 0
    assert err == (
        f"oubli: interrupted; lines 1 to {done:,} are done and saved; run the same command again, which goes on there\n"
    )
    assert _spans(receipts) == [(n, n + 2) for n in range(1, done, 3)]
    told = run("unlearn", model, *given, "--json").json
    assert (told["stream"]["resumed_after"], told["requests"]) == (done, many - done)
    assert load_model(model).digest() == expected
    assert [first for first, _ in _spans(receipts)] == list(range(1, many + 1, 3))


def test_kills_at_random_moments(large, tmp_path):
    source, stream, expected, many = large
    model, receipts = copy_folder(source, tmp_path / "model"), tmp_path / "receipts.jsonl"
    given = ("unlearn", model, "--stream", stream, "--receipt", receipts, "--checkpoint", 0.02)
    draws, reached = random.Random(6), []
    for _ in range(5):
        seen = (model / "manifest.json").read_bytes()
        until = [None]

        def later(seen=seen, until=until):
            # Start-up takes most of the time: count from the first save on.
            if until[0] is None and (model / "manifest.json").read_bytes() != seen:
                until[0] = time.monotonic() + draws.uniform(0, 0.15)
            return until[0] is not None and time.monotonic() > until[0]

        assert _interrupted(*given, when=later, number=signal.SIGKILL)[0] == -signal.SIGKILL
        reached.append(run("info", model, "--json").json["stream"]["lines"])
        assert len(list(model.iterdir())) == 3
    assert reached == sorted(reached)
    assert 0 < reached[-1] < many
    assert run(*given).code == 0
    assert load_model(model).digest() == expected
    assert _spans(receipts) == [(n, n) for n in range(1, many + 1)]


# Forks before every change of the disk in turn, kills the fork there, and goes on. One thread layer survives a fork.
KILLER = (
    PRELUDE
    + """
source, place, stream = sys.argv[1:]
quiet("info", source)
found, limit = [], 0
while True:
    limit += 1
    model, receipts = os.path.join(place, str(limit)), os.path.join(place, f"{limit}.jsonl")
    shutil.copytree(source, model)
    command = ["unlearn", model, "--stream", stream, "--receipt", receipts, "--checkpoint", "0"]
    child = os.fork()
    if child == 0:
        at_change(limit)
        os._exit(quiet(*command)[0])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code, out = quiet("info", model, "--json")
    reached = (json.loads(out)["stream"] or {"lines": None})["lines"]
    lines = open(receipts).read().count("\\n") if os.path.exists(receipts) else 0
    again = quiet(*command)[0]
    digest = json.loads(quiet("info", model, "--json")[1])["digest"]
    spans = [(line["first"], line["last"]) for line in map(json.loads, open(receipts))]
    found.append([status, code, reached, lines, again, digest, spans])
    if status != -signal.SIGKILL:
        break
print(json.dumps(found))
"""
)


def test_kills_at_every_change_of_the_disk(fitted, tmp_path, requests, write):
    stream = write("requests.jsonl", _text(requests[:2]))
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLER, str(fitted), str(tmp_path), str(stream)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=400)
    found = json.loads(done.stdout)
    assert [status for status, *_ in found] == [-signal.SIGKILL] * (len(found) - 1) + [0]
    expected = _expected(fitted, requests[:2])
    assert all(entry[4:] == [0, expected, [[1, 1], [2, 2]]] for entry in found)
    reached = [entry[2] for entry in found]
    assert {None, 0, 1, 2} == set(reached)
    assert reached == sorted(reached, key=lambda lines: -1 if lines is None else lines)
    assert any(entry[3] > (entry[2] or 0) for entry in found), "some kill left receipts of what was not saved"


def test_receipts_of_what_was_not_saved_are_taken_out_and_nothing_else(model, tmp_path, requests, write):
    receipts, stream = tmp_path / "receipts.jsonl", write("requests.jsonl", _text(requests[:3]))
    given = ("unlearn", model, "--stream", stream, "--receipt", receipts)
    other = '{"stream": "00ff00ff00ff00ff", "first": 9, "last": 9, "requests": 1, "receipt": {}}\n'
    receipts.write_text("kept by hand\n" + other)
    assert run(*given).code == 0
    whole = receipts.read_text()
    undone = whole.splitlines(keepends=True)[-1].replace('"first": 3, "last": 3', '"first": 4, "last": 4')
    assert undone not in whole
    stream.write_text(_text(requests[:5]))
    for torn in (undone[:5], undone[:30], undone[:-1]):
        receipts.write_text(whole + undone + other + torn)
        again = copy_folder(model, tmp_path / f"{len(torn)}")
        assert run("unlearn", again, *given[2:]).code == 0
        text = receipts.read_text()
        assert text.startswith(whole + other)
        assert text.endswith("\n")
        assert undone not in text
    with receipts.open("a") as file:
        file.write("a word without an end")
    assert_refused(run(*given), "receipts.jsonl", "has no end", "another file")


def test_a_receipt_that_does_not_fit_leaves_model_and_receipts_in_step(model, fitted, tmp_path, requests, stream):
    receipts = tmp_path / "receipts.jsonl"
    given = ("unlearn", model, "--stream", stream, "--receipt", receipts)
    done = subprocess.run(
        command_line(*given, "--checkpoint", 0),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)),
    )
    assert done.returncode == 2
    assert "full" in done.stderr or "no room" in done.stderr
    place = run("info", model, "--json").json["stream"]
    reached = place["lines"] if place else 0
    assert _spans(receipts) == [(n, n) for n in range(1, reached + 1)]
    assert run(*given).code == 0
    assert load_model(model).digest() == _expected(fitted, requests)
    assert len(_spans(receipts)) == 14


def test_a_former_state_that_cannot_be_deleted(model, fitted, tmp_path, requests, stream, monkeypatch):
    receipts = tmp_path / "receipts.jsonl"
    given = ("unlearn", model, "--stream", stream, "--receipt", receipts, "--checkpoint", 0)
    stream.write_text(_text(requests[:5]))
    assert run(*given).code == 0
    stream.write_text(_text(requests))
    monkeypatch.setattr(shutil, "rmtree", _broken)
    assert_refused(run(*given), "in force", "may still be there", code=1)
    assert _spans(receipts) == [(n, n) for n in range(1, 7)]
    monkeypatch.undo()
    assert run("info", model, "--json").json["stream"]["lines"] == 6
    assert len(list(model.iterdir())) == 3
    assert run(*given).code == 0
    assert _spans(receipts) == [(n, n) for n in range(1, 15)]
    assert load_model(model).digest() == _expected(fitted, requests)


def _broken(folder):
    raise OSError(errno.EIO, "Input/output error")


def test_a_removal_that_fails_midway_leaves_the_last_save(model, fitted, tmp_path, requests, stream, monkeypatch):
    receipts, forget, calls = tmp_path / "receipts.jsonl", SGCRidge._forget, itertools.count(1)

    def failing(self, plan, level):
        if next(calls) == 6:
            raise CapacityError("a sum is too large")
        return forget(self, plan, level)

    monkeypatch.setattr(SGCRidge, "_forget", failing)
    given = ("unlearn", model, "--stream", stream, "--receipt", receipts)
    words = ("line 6: a sum is too large", "No line is done in the saved model")
    assert_refused(run(*given), *words)
    assert load_model(model).digest() == load_model(fitted).digest()
    assert receipts.read_text() == ""
    assert run(*given).code == 0
    assert load_model(model).digest() == _expected(fitted, requests)
    assert _spans(receipts) == [(n, n) for n in range(1, 15)]


def test_standard_input_that_is_closed(model, stream):
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command_line("unlearn", model, "--stream", "-")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard input is closed" in done.stderr


def test_a_named_pipe(model, fitted, tmp_path, requests):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        command_line("unlearn", model, "--stream", pipe, "--json"), stdout=subprocess.PIPE, text=True
    )
    # In two parts, the first of which ends within a line.
    text = _text(requests)
    with pipe.open("w") as file:
        file.write(text[:100])
        file.flush()
        time.sleep(0.5)
        file.write(text[100:])
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["stream"]["resumable"] is False
    assert json.loads(out)["requests"] == 14
    assert load_model(model).digest() == _expected(fitted, requests)


def test_two_at_once(large, tmp_path):
    model, receipts, stream = copy_folder(large[0], tmp_path / "model"), tmp_path / "receipts.jsonl", tmp_path / "short"
    many, node = 250, int(load_model(model).graph_.train_nodes[0])
    stream.write_text("".join(large[1].read_text().splitlines(keepends=True)[:many]))
    given = ("unlearn", model, "--stream", stream, "--checkpoint", 0)
    refused = []

    def meanwhile():
        if receipts.exists() and receipts.stat().st_size and not refused:
            refused.append(run(*given, "--receipt", receipts))
            refused.append(run("unlearn", model, "--node", node))
        return bool(refused)

    code, out, err = _interrupted(*given, "--receipt", receipts, when=meanwhile, number=0)
    assert_refused(refused[0], "another command is writing there")
    if refused[1].code == 0:
        assert (code, out) == (2, "")
        assert "another command changed the model" in err
    else:
        assert_refused(refused[1], "another command changed the model")
        assert code == 0
    assert run(*given[:-1], 30, "--receipt", receipts).code == 0
    assert _spans(receipts) == [(n, n) for n in range(1, many + 1)]


def test_saves_are_as_often_as_asked_for(fitted, tmp_path, stream):
    for seconds, saves in [("0", 14), ("1000", 1), ("inf", 1)]:
        model = copy_folder(fitted, tmp_path / seconds)
        assert run("unlearn", model, "--stream", stream, "--checkpoint", seconds, "--json").json["saves"] == saves


def test_a_certified_model_counts_requests_or_batches(graph_file, tmp_path, stream):
    for batch, counted in [(1, 14), (5, 3)]:
        model = tmp_path / f"{batch}"
        assert run("fit", graph_file, "-o", model, *MODELS["certified"]).code == 0
        told = run("unlearn", model, "--stream", stream, "--batch", batch, "--json").json
        assert told["odometer"]["requests"] == counted
        assert told["odometer"] == run("info", model, "--json").json["odometer"]
        assert told["guarantee"]["kind"] == "certified"
    model = tmp_path / "told"
    assert run("fit", graph_file, "-o", model, *MODELS["certified"]).code == 0
    assert "14 requests so far" in run("unlearn", model, "--stream", stream).out


def test_nothing_of_what_went_is_in_the_model(named_model, named_graph, write):
    gone = named_graph.node_ids[3:9].tolist()
    stream = write("requests.jsonl", _text([{"nodes": [name]} for name in gone]))
    assert all(_holders(named_model, _traces_of_id(name)) for name in gone)
    receipts = stream.with_name("receipts.jsonl")
    assert run("unlearn", named_model, "--stream", stream, "--receipt", receipts).code == 0
    hashes = [hashlib.sha256(text).hexdigest().encode() for text in [stream.read_bytes(), bytes(stream)]]
    for traces in (*map(_traces_of_id, gone), [bytes(stream)], hashes):
        assert _holders(named_model, traces) == []
        assert not any(trace in receipts.read_bytes() for trace in traces)


def test_progress_counts_lines_on_a_terminal(model, stream):
    code, out, shown = on_a_terminal("unlearn", model, "--stream", stream, "--json")
    assert code == 0
    assert out.startswith("{\n")
    assert "of 14 lines" in shown


def test_a_long_stream_is_not_read_into_memory(tmp_path):
    path = tmp_path / "requests.jsonl"
    with path.open("wb") as file:
        for _ in range(200_000):
            file.write(b'{"nodes": [3], "edges": [], "features": [], "labels": []}\n')
    tracemalloc.start()
    lines = FileLines(str(path), b"key", None)
    assert sum(1 for _ in lines) == lines.count() == 200_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    lines.close()
    assert path.stat().st_size > 10_000_000 > 2_500_000 > peak
