"""All tables of leakage, one after the other: lifting, the defences, GraphDLG beside its rivals (hours)."""

from __future__ import annotations

from benchmarks.leakage import defences, lifting, rivals

if __name__ == "__main__":
    lifting.main(["--resume"])
    defences.main([])
    rivals.main([])
