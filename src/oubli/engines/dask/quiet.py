"""Dask's log kept off the terminal: what goes wrong there is told by our errors, or mended."""

from __future__ import annotations

import logging
import threading

FAMILIES = ("distributed", "tornado", "bokeh")
_lock = threading.Lock()
_levels: dict[logging.Handler, int] = {}
_holders = 0


def quiet() -> None:
    """Raise the levels of Dask's handlers, until as many calls of `loud` as of this."""
    global _holders
    with _lock:
        _holders += 1
        for handler in _handlers():
            if handler not in _levels:
                _levels[handler] = handler.level
                handler.setLevel(logging.CRITICAL + 1)


def loud() -> None:
    """Put the levels back, once nobody needs it quiet."""
    global _holders
    with _lock:
        _holders -= 1
        if _holders == 0:
            for handler, level in _levels.items():
                handler.setLevel(level)
            _levels.clear()


def _handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.split(".")[0] in FAMILIES]
    return [handler for logger in loggers for handler in logger.handlers]
