"""What the figures of an audit of removed edges mean, in words for readers who know no paper."""

from __future__ import annotations

METRICS = (
    {
        "name": "auc_matched",
        "title": "Unlearned edges told from edges the model never had",
        "describe": "How often an edge that was learned and unlearned is scored above an edge of the same graph that "
        "the model never had (AUC; 0.5 is guessing). Both are edges, drawn alike, so that it is no help that connected "
        "nodes are alike: what is above 0.5 tells that something was unlearned. What lies below the floor by more than "
        "its interval tells so too, to whoever turns the score round.",
    },
    {
        "name": "auc_removed",
        "title": "Unlearned edges told from pairs without an edge",
        "describe": "How often an unlearned edge is scored above a pair that never was an edge (AUC). Connected nodes "
        "are alike in most graphs, so it is above 0.5 for a model that never saw the edges too: read it beside that "
        "of retraining.",
    },
    {
        "name": "auc_retained",
        "title": "Edges that are still there told from pairs without an edge",
        "describe": "How often an edge that the model keeps, and that the attacker was not told of, is scored above a "
        "pair that never was an edge (AUC): how well the attack works on what was not unlearned.",
    },
    {
        "name": "auc_all",
        "title": "Unlearned and kept edges together, told from pairs without an edge",
        "describe": "The same for unlearned and kept edges in one pool, as published attacks are scored (AUC).",
    },
    {
        "name": "tpr_matched",
        "title": "Unlearned edges found at 1 % false alarms",
        "describe": "The share of unlearned edges that are scored above all but 1 % of the edges that the model never "
        "had: what an attacker finds who must be nearly sure. Guessing finds 1 %.",
    },
)

THREAT_MODEL = (
    "Somebody who may ask the model for its answers wants to know which edges it was made to forget. The graph is cut"
    " in two halves. One is the victim's: the attacker knows the features of its nodes, asks the model about every "
    "node, and knows the edges that remain but for some, which are hidden. The other half is the attacker's own: "
    "there it trains a model in the same way, has it forget edges by the same method, and knows the truth. Attacks "
    "marked so also have what the model answered before the removal, as anybody has who asked twice; such a change "
    "gives edges away even where the model was trained again without them, and then what was forgotten is not to "
    "blame. The attacker sees no weights, no training, and no other removal. Scored are pairs of nodes of the "
    "victim's half, in an order that says nothing: edges that were unlearned, edges that the model never had, hidden "
    "edges that it has, and pairs without an edge. Every figure stands beside that of the floor: the same model, of "
    "the same seed, trained without the edges, attacked in the same way; a method that adds noise draws it anew for "
    "its floor, so that they differ by chance, too. A gap between both beyond that is what unlearning left behind."
)
