"""Case numbers: random, short, sayable, with a letter that tells a slip of the pen."""

from __future__ import annotations

import os
from collections.abc import Iterator

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
_BYTES = 7
"""Enough for ten characters of five bits."""
_PRIME = 31
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_SLIPS = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V", "-": None, " ": None})


def new_ids(count: int) -> Iterator[str]:
    """New numbers of ten random characters and a check character each, drawn at once: asking the system is dear."""
    drawn = os.urandom(_BYTES * count)
    for start in range(0, len(drawn), _BYTES):
        number = int.from_bytes(drawn[start : start + _BYTES])
        body = "".join([ALPHABET[number >> shift & 31] for shift in range(0, 5 * LENGTH, 5)])
        yield body + _check(body)


def new_id() -> str:
    """One new number."""
    return next(new_ids(1))


def read_id(text: str) -> str | None:
    """The number somebody wrote or said, put into its form; None when it cannot be one."""
    plain = text.strip().upper().translate(_SLIPS)
    known = len(plain) == LENGTH + 1 and all(letter in ALPHABET for letter in plain)
    return plain if known and _check(plain[:-1]) == plain[-1] else None


def _check(body: str) -> str:
    """Weighted sum modulo 31: any one wrong character and any two swapped neighbours change it."""
    total = sum([(place + 1) * _VALUES[letter] for place, letter in enumerate(body)])
    return ALPHABET[total % _PRIME]
