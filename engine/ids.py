"""Case numbers: random, short, sayable, with a letter that tells a slip of the pen."""

from __future__ import annotations

import os
from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
_BYTES = 7
"""Enough for ten characters of five bits."""
_PIECE = 65_536
Draw = Callable[[int], bytes]
_PRIME = 31
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_SLIPS = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", "-": None, " ": None})


class Drawn:
    """Random bytes, asked of the system in large pieces for work that needs many small ones; none is given twice."""

    __slots__ = ("_at", "_piece")

    def __init__(self) -> None:
        self._piece = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        """So many bytes."""
        start, self._at = self._at, self._at + count
        if self._at > len(self._piece):
            self._piece, start, self._at = os.urandom(max(count, _PIECE)), 0, count
        return self._piece[start : self._at]


def new_id(draw: Draw = os.urandom) -> str:
    """A new number of ten random characters and a check character."""
    number = int.from_bytes(draw(_BYTES))
    body = "".join([ALPHABET[number >> shift & 31] for shift in range(0, 5 * LENGTH, 5)])
    return body + _check(body)


def read_id(text: str) -> str | None:
    """The number somebody wrote or said, put into its form; None when it cannot be one."""
    plain = text.strip().upper().translate(_SLIPS)
    known = len(plain) == LENGTH + 1 and _VALUES.keys() >= set(plain)
    return plain if known and _check(plain[:-1]) == plain[-1] else None


def _check(body: str) -> str:
    """Weighted sum modulo 31: any one wrong character changes it (0 for Z apart), and any two swapped neighbours."""
    total = sum([(place + 1) * _VALUES[letter] for place, letter in enumerate(body)])
    return ALPHABET[total % _PRIME]
