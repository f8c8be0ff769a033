"""What was proved, and what was not: each failure with where a manager mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A failure with its counter-example, and where it stands: a table, a workflow, `unit X` …, and the path in it."""

    code: str
    what: str
    expected: str
    of: str
    path: Path = ()
    also: tuple[Path, ...] = ()
    """What else it is about, in the same file."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One promise of the closed loop: how much of what was looked at, and every failure."""

    name: str
    promise: str
    proved: Mapping[str, int] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
