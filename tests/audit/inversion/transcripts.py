"""Transcripts of worlds in which it is known what can be found."""

from dataclasses import replace

import numpy as np

from oubli.audit.inversion.transcript import Observation, Shadow, Transcript

NODES, PAIRS, CLASSES = 480, 60, 4
GROUPS = ("removed", "retained", "absent")
OWN = (*GROUPS, "never")


def disjoint_pairs(generator):
    """Pairs of the four groups, no two of which share a node: what is planted in one leaves the others alone."""
    parts = generator.permutation(NODES)[: 8 * PAIRS].reshape(4, PAIRS, 2)
    return dict(zip(OWN, np.sort(parts, axis=2), strict=True))


def random_edges(generator, count=1000):
    drawn = np.sort(generator.integers(NODES, size=(count, 2)), axis=1)
    return np.unique(drawn[drawn[:, 0] < drawn[:, 1]], axis=0)


def ring_edges(reach=3):
    """Every node joined to the next few on a ring: all degrees the same."""
    first = np.arange(NODES)
    edges = [np.stack([first, (first + step) % NODES], axis=1) for step in range(1, reach + 1)]
    return np.sort(np.concatenate(edges), axis=1)


def joined(rows, pairs, generator, share=0.9):
    """Rows in which the second end of each pair is nearly the first."""
    mixed = rows.copy()
    mixed[pairs[:, 1]] = share * rows[pairs[:, 0]] + (1 - share) * rows[pairs[:, 1]]
    return mixed


def observed(generator, groups, planted):
    """Answers, features or what was answered before, alike at the ends of edges where that is planted."""
    edges = np.concatenate([groups["removed"], groups["retained"]])
    answers = generator.dirichlet(np.full(CLASSES, 0.7), NODES)
    features = generator.random((NODES, 20))
    if planted == "answers":
        answers = joined(answers, edges, generator)
    if planted == "features":
        features = joined(features, edges, generator)
    before = answers.copy()
    if planted == "before":
        before = joined(answers, groups["removed"], generator, 0.5)
        moved = groups["removed"][:, 0]
        before[moved] = 0.5 * before[moved] + 0.5 * np.roll(before[moved], 1, axis=1)
    else:
        before = 0.95 * answers + 0.05 * generator.dirichlet(np.ones(CLASSES), NODES)
    known = random_edges(generator)
    if planted == "neighbours":
        shared = generator.integers(NODES, size=len(edges))
        paths = np.concatenate([np.stack([edges[:, end], shared], axis=1) for end in (0, 1)])
        known = np.unique(np.sort(np.concatenate([known, paths[paths[:, 0] != paths[:, 1]]]), axis=1), axis=0)
    return Observation(features.astype(np.float32), answers, known, before)


def assembled(sides, generator):
    """A transcript of two sides, each its groups and what is seen there, and which of its pairs are what."""
    (own, shadow), (groups, seen) = sides
    pairs = np.concatenate([groups[name] for name in GROUPS])
    kind = np.repeat(GROUPS, PAIRS)
    labels = shadow.posteriors.argmax(axis=1)
    known = Shadow(shadow, own["removed"], own["retained"], own["absent"], labels, own["never"])
    order = generator.permutation(len(pairs))
    return Transcript(seen, pairs[order], known), kind[order]


def transcript(planted, seed=0):
    """A world in which one thing tells edges, or removed ones, from pairs without: what `planted` says, or nothing."""
    generator = np.random.default_rng(seed)
    groups = [disjoint_pairs(generator) for _ in range(2)]
    return assembled([(part, observed(generator, part, planted)) for part in groups], generator)


def pitfall(depth=(0.06, 0.06), seed=0):
    """A world of one degree, in which the ends of removed edges are less sure than those around them.

    How sure those around are goes up and down along the ring by far more, so that an answer alone tells little. `depth`
    is that of the shadow, and of the victim.
    """
    generator = np.random.default_rng(seed)
    sides = []
    for depth_here in depth:
        groups = disjoint_pairs(generator)
        level = 0.7 + 0.2 * np.sin(np.arange(NODES) * 6 * np.pi / NODES) + 0.01 * generator.standard_normal(NODES)
        level[groups["removed"]] -= depth_here
        answers = np.repeat((1 - level)[:, None] / (CLASSES - 1), CLASSES, axis=1)
        answers[np.arange(NODES), generator.integers(CLASSES, size=NODES)] = level
        sides.append((groups, Observation(generator.random((NODES, 20)).astype(np.float32), answers, ring_edges())))
    return assembled(sides, generator)


def with_answers(given, generator):
    """The transcript with other answers of victim and shadow."""
    shadow, seen = (
        replace(part, posteriors=generator.dirichlet(np.ones(CLASSES), len(part.posteriors)), before=None)
        for part in (given.shadow.seen, given.seen)
    )
    return replace(given, seen=seen, shadow=replace(given.shadow, seen=shadow))
