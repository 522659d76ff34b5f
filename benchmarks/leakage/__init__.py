"""How much of a graph one gradient gives away."""
