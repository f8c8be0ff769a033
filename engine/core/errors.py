"""The one error tree: what was wrong, where, what is allowed, and the nearest right name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mistake stands: a file, its line and column (1 = first), and the path of keys or the cell inside it."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        position = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return " ".join(part for part in (position, self.path) if part)


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, told as `CODE file:line:col path — what is wrong — what was expected — did you mean`."""

    code: str
    what: str
    expected: str = ""
    hint: str = ""
    place: Place = NOWHERE

    def __str__(self) -> str:
        head = " ".join(part for part in (self.code, str(self.place)) if part)
        return " — ".join(part for part in (head, self.what, self.expected, self.hint) if part)


class BihuanError(Exception):
    """Anything the engine refuses; `problems` are all its reasons, `exit_code` is what the command returns."""

    exit_code = 2
    status = 422

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"… 另有 {len(self.problems) - MOST_SHOWN} 处 ({len(self.problems) - MOST_SHOWN} more)")
        return "\n".join(lines)


class BadInput(BihuanError):
    """What was given cannot be read or does not exist; nothing was applied."""


class Refused(BihuanError):
    """The rules do not allow it now; every unmet condition is listed, each with what would satisfy it."""

    exit_code = 1
    status = 409


class Conflict(Refused):
    """Somebody else moved the case first; says who, when, and what is possible now."""


class Damaged(BihuanError):
    """The stored record is not what the engine wrote: a broken chain, a missing key, a changed release."""

    exit_code = 1
    status = 500


def closest(word: str, allowed: Iterable[str]) -> str:
    """The allowed name that looks most like `word`; empty when none comes close."""
    return next(iter(get_close_matches(word, list(allowed), n=1, cutoff=0.5)), "")


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The allowed name that looks most like `word`, as a hint sentence; empty when none comes close."""
    close = closest(word, allowed)
    return f"是不是 {close}？(did you mean {close})" if close else ""


def listing(allowed: Sequence[str], most: int = 12) -> str:
    """The allowed names as text, shortened when there are many."""
    shown = "、".join(allowed[:most]) or "无"
    return f"{shown} 等 {len(allowed)} 项" if len(allowed) > most else shown
