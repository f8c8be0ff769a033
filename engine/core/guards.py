"""What must hold before a transition: cells on facts, clocks, task results and on who acts, each told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.core.case import Case
from engine.core.conditions import Cell, Fact, Field, holds, label, words
from engine.core.values import local_day


@dataclass(frozen=True, slots=True)
class Count:
    """What a clock says at a moment: its day 0, how many days it takes, and which anchors it could count from."""

    title: str
    day_zero: date | None
    days: int | None
    done_at: datetime | None
    anchors: str


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class FactGuard:
    """A fact must be so."""

    field: Field
    cell: Cell

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else what is missing."""
        if self.field.pii:
            value: Fact = "stated" if self.field.name in at.personal else None
            now = "" if value is None else "已填"
        else:
            value = at.facts.get(self.field.name)
            now = label(self.field, value)
        return "" if holds(self.cell, value) else f"要求 {words(self.field, self.cell)}，现为 {now or '未知'}"


@dataclass(frozen=True, slots=True)
class ClockGuard:
    """A clock must have reached a day, or be done (`day` None)."""

    clock: str
    day: int | None

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else from when on it will."""
        count = at.count(self.clock)
        if count.day_zero is None:
            return f"{count.title}无法起算：请先填写 {count.anchors}"
        days = count.days if self.day is None else self.day
        if days is None:
            return f"{count.title}没有适用的天数参数"
        today = (local_day(at.now, at.zone) - count.day_zero).days
        if today >= days:
            return ""
        due = count.day_zero + timedelta(days=days)
        return (
            f"{count.title}须满 {days} 天，今天是第 {today} 天，{due.isoformat()} 0 时起方可（还差 {days - today} 天）"
        )


@dataclass(frozen=True, slots=True)
class TaskGuard:
    """The last result of a task must be this one, and taken no earlier than a day of its clock."""

    task: str
    title: str
    last: str
    from_day: str
    """A whole number, or the parameter whose last day counts; empty: any day."""
    clock: str

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else which result is asked for and which is there."""
        done = max((done for done in at.case.results if done.task == self.task), key=lambda done: done.at, default=None)
        needed, day, missing = self._needed(at)
        if missing:
            return missing
        zero = at.count(self.clock).day_zero if self.clock else None
        if done is None:
            return f"缺少{needed}：还没有任何结果"
        taken = local_day(done.at, at.zone)
        told = f"第 {(taken - zero).days} 天" if zero else taken.isoformat()
        if done.result != self.last:
            return f"要求{needed}，最近一次（{told}）为 {done.result}"
        if zero is not None and day is not None and (taken - zero).days < day:
            return f"缺少{needed}：最近一次采样在{told}"
        return ""

    def _needed(self, at: Situation) -> tuple[str, int | None, str]:
        if not self.from_day:
            return f"{self.title}结果为 {self.last}", None, ""
        if self.from_day.isdigit():
            day = int(self.from_day)
        else:
            days = at.days_of(self.from_day)
            if not days:
                return "", None, f"{self.title}没有适用的检测日参数 {self.from_day}"
            day = days[-1]
        return f"第 {day} 天及以后采样的{self.title}结果为 {self.last}", day, ""


@dataclass(frozen=True, slots=True)
class ActorGuard:
    """The one who acts has not acted on this case since it entered a stage."""

    not_since: str

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else why another person is needed."""
        entry = at.case.stages.get(self.not_since)
        if entry is None or at.case.acted.get(at.actor, 0) < entry.event:
            return ""
        return f"须由自进入“{self.not_since}”以来未经办本案的人员办理，{at.actor} 已经办过，请换人"


@dataclass(frozen=True, slots=True)
class DecisionGuard:
    """What the deciding rule gave must be one of these."""

    name: str
    allowed: frozenset[str]

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else what the rule gave."""
        given = at.case.outcome.get(self.name)
        if given in self.allowed:
            return ""
        return f"只适用于判定 {self.name} 为 {'、'.join(sorted(self.allowed))} 的案件，本案为 {given or '未定'}"


Guard = DecisionGuard | FactGuard | ClockGuard | TaskGuard | ActorGuard
