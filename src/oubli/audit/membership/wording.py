"""What the figures of an audit of memberships mean, in words for readers who know no paper."""

from __future__ import annotations

from collections.abc import Mapping

from oubli.audit.membership.world import FEWEST_NEVER

METRICS = (
    {
        "name": "auc_matched",
        "title": "Unlearned labels told from labels the model never had",
        "describe": "How often a label that was learned and unlearned is scored above one of the same data that the "
        "model never had (AUC; 0.5 is guessing). Which is which was drawn at random, so what is above 0.5 tells that "
        "something was unlearned.",
    },
    {
        "name": "tpr_matched",
        "title": "Unlearned labels found at 1 % false alarms",
        "describe": "The share of unlearned labels that are scored above all but 1 % of the labels that the model "
        "never had: what an attacker finds who must be nearly sure. Guessing finds 1 %.",
    },
    {
        "name": "auc_retained",
        "title": "Labels still in training told from labels the model never had",
        "describe": "How often a label that the model was trained on and keeps is scored above one that it never had "
        "(AUC): whether the attack works on this kind of model at all. Where it is 0.5 the model gives away no label, "
        "and nothing about its unlearning can be seen by this attack.",
    },
    {
        "name": "tpr_retained",
        "title": "Labels still in training found at 1 % false alarms",
        "describe": "The share of labels in training that are scored above all but 1 % of those that the model never "
        "had. Guessing finds 1 %.",
    },
)

_THREAT_MODEL = (
    "Somebody who may ask the model for its answers wants to know whose labels it was trained on. The attacker has "
    "the whole graph with its features, knows the true class of {candidates} candidates, asks the model about every "
    "node after it unlearned {unlearned} labels, and trains models of the same kind on random halves of the "
    "candidates; {known} more labels, one of each class, are in training for all to know. Which candidates' labels "
    "the victim was trained on the attacker does not know, nor which it unlearned; it sees no weights and no "
    "training. Of the candidates, drawn at random, {retained} are in training still, {unlearned} were unlearned, and "
    "{never} the model never had. Attacks marked so also have what the model answered before the removal, as anybody "
    "has who asked twice; such a change gives labels away even where the model was trained again without them, and "
    "then what was forgotten is not to blame. Every figure stands beside that of the floor: the same model, of the "
    "same seed, trained without the labels, attacked in the same way; a method that adds noise draws it anew for its "
    "floor, so that they differ by chance, too. What is above the floor beyond that is what unlearning left behind."
)
_FEW = " With fewer than {fewest} labels that the model never had, rates at 1 % false alarms allow no false alarm."


def threat_model(sizes: Mapping[str, int]) -> str:
    """Say who attacks, what they see and what they do not, for groups of these sizes."""
    candidates = sizes["unlearned"] + sizes["retained"] + sizes["never"]
    text = _THREAT_MODEL.format(candidates=candidates, **sizes)
    return text + (_FEW.format(fewest=FEWEST_NEVER) if sizes["never"] < FEWEST_NEVER else "")
