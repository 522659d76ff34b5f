"""Fields of text found and read as integers, a buffer at a time, without a Python object a line."""

from __future__ import annotations

import numba as nb
import numpy as np

WHOLE, WIDTH, ODD = 0, 1, 2
"""How `find_fields` ends: all read; a line of another width; text that only the csv module should read."""

NEWLINE, RETURN, TAB, SPACE, QUOTE, HASH, LAST = 10, 13, 9, 32, 34, 35, 126
MINUS, ZERO, NINE = 45, 48, 57


@nb.njit(cache=True, nogil=True)
def find_fields(text, delimiter, width, first, second, bounds, lines):  # type: ignore[no-untyped-def]
    """Find two fields of every line.

    Parameters
    ----------
    text : ndarray of uint8
        Whole lines.
    delimiter : int
        0 for any number of spaces or tabs.
    width, first, second : int
        Fields a line has, and the two that are wanted.
    bounds : ndarray of int64, shape (lines, 4)
        Takes the begin and end of both, without the spaces around them.
    lines : ndarray of int64
        Takes the number of each row's line, from 0.

    Returns
    -------
    rows, line : int
        How many were found, and how many lines were read.
    fault : int
        `WHOLE`, `WIDTH` or `ODD`.
    found : int
        Fields of the line that has not `width`.
    comment : int
        The first line that is a comment, or -1.
    """
    rows, line, at, comment, size = 0, 0, 0, -1, text.size
    while at < size:
        if text[at] == HASH:
            if comment < 0:
                comment = line
            while at < size and text[at] != NEWLINE:
                if _is_odd(text[at]) and text[at] != QUOTE:
                    return rows, line, ODD, 0, comment
                if text[at] == RETURN and at + 1 < size and text[at + 1] != NEWLINE:
                    return rows, line, ODD, 0, comment
                at += 1
            at += 1
            line += 1
            continue
        found, filled = 0, False
        while True:
            while at < size and (text[at] == SPACE or (text[at] == TAB and delimiter != TAB)):
                at += 1
            if delimiter == 0 and (at >= size or text[at] == NEWLINE or text[at] == RETURN):
                break
            begin = end = at
            while at < size and text[at] != NEWLINE and text[at] != RETURN:
                letter = text[at]
                if letter == delimiter or (delimiter == 0 and letter in (SPACE, TAB)):
                    break
                if _is_odd(letter) or (letter == QUOTE and delimiter != 0):
                    return rows, line, ODD, 0, comment
                at += 1
                if letter != SPACE and letter != TAB:
                    end = at
            if found == first:
                bounds[rows, 0], bounds[rows, 1] = begin, end
            elif found == second:
                bounds[rows, 2], bounds[rows, 3] = begin, end
            found += 1
            filled = filled or end > begin
            if delimiter == 0:
                continue
            if at < size and text[at] == delimiter:
                at += 1
                continue
            break
        if at < size and text[at] == RETURN:
            at += 1
            if at < size and text[at] != NEWLINE:
                return rows, line, ODD, 0, comment
        at += 1
        if found > 1 or filled:
            if found != width:
                return rows, line, WIDTH, found, comment
            lines[rows] = line
            rows += 1
        line += 1
    return rows, line, WHOLE, 0, comment


@nb.njit(cache=True, nogil=True, inline="always")
def _is_odd(letter):  # type: ignore[no-untyped-def]
    return (letter < SPACE and letter != TAB and letter != RETURN) or letter > LAST


@nb.njit(cache=True, nogil=True)
def read_integers(text, bounds, out):  # type: ignore[no-untyped-def]
    """Read fields as int64 written as Python would; tell whether all of them are.

    Parameters
    ----------
    text : ndarray of uint8
    bounds : ndarray of int64, shape (rows, 4)
        From `find_fields`.
    out : ndarray of int64, shape (rows, 2)
    """
    for row in range(len(out)):
        for side in range(2):
            at, end = bounds[row, 2 * side], bounds[row, 2 * side + 1]
            negative = at < end and text[at] == MINUS
            if negative:
                at += 1
            # Up to 19 digits fit an unsigned integer of 64 bits.
            if at == end or end - at > 19 or (text[at] == ZERO and (end - at > 1 or negative)):
                return False
            value = np.uint64(0)
            for place in range(at, end):
                if text[place] < ZERO or text[place] > NINE:
                    return False
                value = value * np.uint64(10) + np.uint64(text[place] - ZERO)
            if value > np.uint64(2**63 - 1) + np.uint64(negative):
                return False
            out[row, side] = -np.int64(value - np.uint64(1)) - 1 if negative else np.int64(value)
    return True
