"""Where a hop switches from pushing deltas to a full recomputation, moved to one end or the other."""

from __future__ import annotations

from oubli.propagation import Propagation

AS_IT_IS = Propagation._prefers_full
NAMES = ("as it is", "never", "always", "late")


def switch(name: str) -> None:
    """Recompute a hop whole: as it is, never, always, or from the second hop on."""
    asked: list[int] = []

    def late(self, *args):
        # A removal asks before it starts, then before each hop until the answer is yes.
        asked.append(len(asked))
        answer = len(asked) == 3
        if len(asked) == min(3, self.hops + 1):
            asked.clear()
        return answer

    deciders = {
        "as it is": AS_IT_IS,
        "never": lambda self, *args: False,
        "always": lambda self, *args: True,
        "late": late,
    }
    Propagation._prefers_full = deciders[name]
