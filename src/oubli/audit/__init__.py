"""Attackers, who see what an observer sees and nothing else, and the scores of what they make of it."""
