"""Ids that look like something else: each request reaches the node that it names, or none."""

import pytest
from tests.cli.command import assert_refused, run, snapshot

from oubli import load_model


def gone(model, *arguments):
    """Return the ids that a request takes away."""
    before = set(load_model(model).graph_.node_ids.tolist())
    done = run("unlearn", model, *arguments)
    assert done.code == 0, done.err
    return before - set(load_model(model).graph_.node_ids.tolist())


@pytest.mark.parametrize("content", ["c\n#a\n", "c\n  #a \n", "c\n#\n"])
@pytest.mark.parametrize("kind", ["nodes", "features", "labels"])
def test_a_comment_that_is_an_id_is_refused(odd_model, write, content, kind):
    before = snapshot(odd_model)
    refused = run("unlearn", odd_model, f"--{kind}", write("ids.txt", content))
    assert_refused(refused, "ids.txt, line 2", "'#", "--request")
    assert snapshot(odd_model) == before


@pytest.mark.parametrize("content", ["#a,a\n", "#a\ta\n", "#a a\n", "#a,misspelled\n", " #a , a\n"])
def test_a_comment_that_is_an_edge_is_refused(odd_model, write, content):
    before = snapshot(odd_model)
    assert_refused(run("unlearn", odd_model, "--edges", write("ties.txt", content)), "ties.txt, line 1", "--request")
    assert snapshot(odd_model) == before


def test_other_comments_are_passed_over(odd_model, write):
    text = f"# who asked\n#b\n# {'long ' * 500}\n#\tnul \0\nc\n"
    assert gone(odd_model, "--nodes", write("ids.txt", text)) == {"c"}
    done = run("unlearn", odd_model, "--edges", write("ties.txt", "# a remark on this\n#b,a\na,#a\n"), "--json")
    assert done.json["receipt"]["removed"]["edges"] == 1


@pytest.mark.parametrize("node", ["#a", "a", "a ", " b", "b", "#", " "])
def test_options_are_taken_as_they_are(odd_model, node):
    assert gone(odd_model, "--node", node) == {node}


def test_an_option_with_a_space_too_many_names_no_one(odd_model):
    before = snapshot(odd_model)
    assert_refused(run("unlearn", odd_model, "--node", "c "), "--node c ", "no node 'c '")
    assert_refused(run("unlearn", odd_model, "--edge", "c ,d"), "--edge c ,d")
    assert snapshot(odd_model) == before


@pytest.mark.parametrize(
    ("line", "node"), [("a", "a"), ("a ", "a "), (" a", "a"), (" b", " b"), ("b ", "b"), ("\tc ", "c"), (" ", " ")]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_lines_of_files_name_exact_ids_first(odd_model, write, line, node, ending):
    assert gone(odd_model, "--nodes", write("ids.txt", f"{line}{ending}")) == {node}


def test_a_file_given_twice_does_not_reach_a_neighbour_in_name(odd_model, write):
    path = write("ids.txt", "a \n")
    assert gone(odd_model, "--nodes", path) == {"a "}
    assert_refused(run("unlearn", odd_model, "--nodes", path), "ids.txt, line 1", "'a '", "removed before")
    assert gone(odd_model, "--nodes", path, "--missing", "ignore") == set()


def test_ends_of_edges_name_exact_ids_first(odd_model, write):
    edges = {frozenset(edge) for edge in load_model(odd_model).graph_.edges.tolist()}
    assert run("unlearn", odd_model, "--edges", write("ties.txt", "a ,a\nc, d\n")).code == 0
    assert run("unlearn", odd_model, "--edge", "a , b").code == 0
    left = {frozenset(edge) for edge in load_model(odd_model).graph_.edges.tolist()}
    assert edges - left == {frozenset(pair) for pair in (("a ", "a"), ("c", "d"), ("a ", " b"))}


@pytest.mark.parametrize("bad", ["x\0", "x" * 1025])
def test_ids_that_cannot_be_are_refused_with_their_line(odd_model, write, bad):
    assert_refused(run("unlearn", odd_model, "--nodes", write("ids.txt", f"c\n{bad}\n")), "ids.txt, line 2", "'x")
