"""Reproducible measurements of oubli: run a module, read results/NAME.md."""
