"""What a guard may look at: the case, its facts and counts, the moment, and who acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.core.case import Case
from engine.core.conditions import Fact


@dataclass(frozen=True, slots=True)
class Count:
    """What a clock says at a moment: its day 0, how many days it takes, and what it lacks to count from."""

    title: str
    day_zero: date | None
    days: int | None
    done_at: datetime | None
    anchors: str
    note: str = ""
    """Why day 0 is not the day of the anchor, in words."""
    cut_short: bool = False
    """Whether it ended before its days were full."""
    full_at: datetime | None = None
    """When it was done by its days alone, even where a change of rules said so only later: what follows it counts on.
    """

    @property
    def cannot(self) -> str:
        """Why nobody can tell when it is done, in words."""
        if self.day_zero is None:
            return f"{self.title}无法起算：请先填写 {self.anchors}"
        return f"{self.title}没有适用的天数参数"


@dataclass(slots=True)
class Situation:
    """Everything a guard may look at: the case, its facts with the evidence being given, the moment, and who acts."""

    case: Case
    facts: Mapping[str, Fact]
    personal: frozenset[str]
    actor: str
    now: datetime
    zone: ZoneInfo
    count: Callable[[str], Count]
    days_of: Callable[[str], tuple[int, ...] | None]
    in_stage_since: datetime
    units: frozenset[str] = frozenset()
    """The units that who acts belongs to, with all above and below them."""
