"""All tables of audits of models that forgot, one after the other (hours); each goes on where it was stopped."""

from __future__ import annotations

from benchmarks.inversion import control, edges, efficacy, membership

if __name__ == "__main__":
    for part in (edges, membership, efficacy, control):
        part.main([])
