"""What processes use, from /proc: memory of their own, processor time, and bytes read and written."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TICK = os.sysconf("SC_CLK_TCK")
MEMORY = {"RssAnon": "anon", "VmRSS": "rss", "VmHWM": "hwm"}
COUNTERS = ("rchar", "wchar", "read_bytes", "write_bytes")


def family(pid: int) -> list[int]:
    """Return a process and those it started, and those they did, as far as they still run."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                with suppress(OSError):
                    found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
    return found


def memory(pid: int) -> dict[str, int]:
    """Return bytes of anonymous and of all resident memory of a process and its children, now, and their peaks."""
    total = dict.fromkeys(MEMORY.values(), 0)
    for one in family(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in MEMORY:
                    total[MEMORY[name]] += 1024 * int(value.split()[0])
    return total


@contextmanager
def metered(name: str, **described: Any) -> Iterator[dict[str, Any]]:
    """Fill a dictionary with what this process and its children used in the block.

    Beside what was `described` it has the seconds "wall" and "cpu", the COUNTERS of /proc/self/io, and "begin" and
    "end" on the clock that all processes share, so that another process may say what memory was in use meanwhile.
    """
    mark: dict[str, Any] = {"name": name, **described}
    cpu, moved = _cpu(), _moved()
    mark["begin"] = time.monotonic()
    yield mark
    mark["end"] = time.monotonic()
    mark["wall"], mark["cpu"] = mark["end"] - mark["begin"], _cpu() - cpu
    mark |= {counter: after - moved[counter] for counter, after in _moved().items()}


def _cpu() -> float:
    total = time.process_time()
    for one in family(os.getpid())[1:]:
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def _moved() -> dict[str, int]:
    total = dict.fromkeys(COUNTERS, 0)
    for one in family(os.getpid()):
        with suppress(OSError):
            for line in Path(f"/proc/{one}/io").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in total:
                    total[name] += int(value)
    return total


def drop_pages(folder: Path) -> None:
    """Ask the system to forget the pages of all files under a folder, but for those that are mapped and in use."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            try:
                # Pages that are not on the disk yet cannot be dropped.
                os.fdatasync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)
