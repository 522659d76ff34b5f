"""What forgetting costs beside fitting again: ``python -m benchmarks.unlearning``."""
