"""How far a model is in a stream of requests: saved with the model, so that the two move at once.

A stream is recognised by keyed hashes, under the key of the model's ledger: without the key they are noise, and with it
one can test a guess, and no more.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class StreamPosition:
    """Place in a stream up to which a model has honoured its requests. It is no part of the model's digest.

    Parameters
    ----------
    token : str
        Random name, which the stream's receipts bear.
    lines, bytes : int
        How much of the stream is done.
    requests : int
        How many requests that was.
    content : str
        Keyed hash of the bytes that are done.
    name, first : str
        Keyed hashes of the file's path and of its first request: they tell a changed stream from another one.
    """

    token: str
    lines: int
    bytes: int
    requests: int
    content: str
    name: str
    first: str

    def to_dict(self) -> dict[str, Any]:
        """Return the position as plain values."""
        return asdict(self)


def keyed_hash(key: bytes, purpose: str, content: bytes = b"") -> hmac.HMAC:
    """Return an HMAC-SHA-256, to be fed further; hashes for different purposes do not compare."""
    return hmac.new(key, purpose.encode() + b"\0" + content, hashlib.sha256)
