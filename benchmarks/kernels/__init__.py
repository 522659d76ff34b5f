"""The kernels beside what others use for the same job: ``python -m benchmarks.kernels``."""
