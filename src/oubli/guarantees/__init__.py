"""What a deletion promises, the receipt of it, and how others check it."""

from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.levels import Certified, Exact, Guarantee, Heuristic
from oubli.guarantees.odometer import Odometer
from oubli.guarantees.receipt import Receipt
from oubli.guarantees.verification import Verification, verify

__all__ = [
    "Certified",
    "Exact",
    "Guarantee",
    "Heuristic",
    "Odometer",
    "Receipt",
    "Verification",
    "canonical_digest",
    "verify",
]
