"""The errors of oubli.

::

    OubliError
    ├── InputError (also a ValueError)     what was given cannot be used
    │   ├── UnknownNodeError               no such node id, or no longer
    │   │   └── AlreadyRemovedError        it was removed before, so it cannot be removed again
    │   └── UnsupportedRemovalError        this model cannot forget that: never, not yet, or use something else
    ├── CapacityError                      a number does not fit its accumulator, or data does not fit memory or disk
    ├── NotFittedError                     `fit` has to come first
    └── CertificateError                   a certificate could not be given, or does not hold

Every message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

__all__ = [
    "AlreadyRemovedError",
    "CapacityError",
    "CertificateError",
    "InputError",
    "NotFittedError",
    "OubliError",
    "UnknownNodeError",
    "UnsupportedRemovalError",
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
