"""Colours by role, for light and for dark surroundings: figures name a role, the page decides what it looks like."""

from __future__ import annotations

# Figures are drawn in the light colours, and each is replaced by its role afterwards: no two may be the same.
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#5b6570",
    "line": "#d3d8de",
    "leak": "#b3261e",
    "safe": "#1b6e4a",
    "unclear": "#8a5a00",
    "attack": "#2b59c3",
    "oracle": "#7b3fa0",
    "node0": "#d5dbe3",
    "node1": "#a9c8f5",
    "node2": "#f6b8a8",
    "node3": "#b5dfb0",
    "node4": "#d9c2f0",
    "node5": "#f5dc94",
    "node6": "#a5dede",
    "node7": "#f3bfdc",
    "glyph": "#14181d",
}

DARK = LIGHT | {
    "paper": "#15191e",
    "ink": "#e7eaee",
    "muted": "#a3adb8",
    "line": "#39424c",
    "leak": "#ff7a6e",
    "safe": "#6fd3a3",
    "unclear": "#f0c062",
    "attack": "#8fb1ff",
    "oracle": "#d2a3f2",
}

NODE_COLOURS = tuple(LIGHT[name] for name in LIGHT if name.startswith("node"))
