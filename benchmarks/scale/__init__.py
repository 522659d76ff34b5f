"""From a million edges to a billion: what graphs, fits and removals cost in time, memory and disk, on each engine."""
