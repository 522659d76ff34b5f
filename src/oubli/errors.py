"""The errors of oubli.

::

    OubliError
    ├── InputError (also a ValueError)     what was given cannot be used
    │   ├── UnknownNodeError               no such node id, or no longer
    │   │   └── AlreadyRemovedError        it was removed before, so it cannot be removed again
    │   └── UnsupportedRemovalError        this model cannot forget that: never, not yet, or use something else
    ├── CapacityError                      a number does not fit its accumulator, or data does not fit memory or disk
    ├── NotFittedError                     `fit` has to come first
    ├── UnsweptError                       saved, but the former state could not be deleted from the disk
    └── CertificateError                   a certificate could not be given, or does not hold

Every message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "AlreadyRemovedError",
    "CapacityError",
    "CertificateError",
    "InputError",
    "NotFittedError",
    "OubliError",
    "UnknownNodeError",
    "UnsupportedRemovalError",
    "UnsweptError",
]


class OubliError(Exception):
    """Root of all errors raised on purpose by oubli."""


class InputError(OubliError, ValueError):
    """What was given cannot be used as it is."""


class UnknownNodeError(InputError):
    """A node id that the graph does not hold."""


class AlreadyRemovedError(UnknownNodeError):
    """What was asked to be removed has been removed before."""


class UnsupportedRemovalError(InputError):
    """A removal that this model cannot honour: never, not yet, or by another model."""


class CapacityError(OubliError):
    """A number exceeds its accumulator, or data exceeds memory or disk."""


class NotFittedError(OubliError):
    """The estimator has not been fitted yet."""


class CertificateError(OubliError):
    """A certificate could not be given or does not hold."""


class UnsweptError(OubliError):
    """The new state is in force, but the former one, with what was removed, may still be there.

    Attributes
    ----------
    state : str
        Name of the new state.
    """

    def __init__(self, folder: Path, state: str, error: Exception) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        super().__init__(
            f"{folder}: the model is saved and its new state ({state}) in force, but the former one, with what was "
            f"removed, may still be there ({reason}). Run `oubli info {folder}` to sweep it away, and see that no "
            "other state- folder is left in it"
        )
        self.state = state
