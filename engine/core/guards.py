"""What must hold before a transition: cells on facts, clocks, linked cases and on who acts, each told in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.core.conditions import Cell, Fact, Field, from_json, holds, label, words
from engine.core.situation import Situation
from engine.core.taskguards import TaskGuard
from engine.core.values import local_day


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
        return "" if holds(self.cell, value) else f"要求 {self.asks}，现为 {now or '未知'}"

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return words(self.field, self.cell)

    def holds(self, facts: Mapping[str, Fact], _: Mapping[str, object]) -> bool:
        """Whether these facts meet it."""
        return holds(self.cell, facts.get(self.field.name))

    def was_not(self, facts: Mapping[str, Fact], outcome: Mapping[str, object]) -> bool:
        """Whether it was known to be otherwise."""
        return facts.get(self.field.name) is not None and not self.holds(facts, outcome)


@dataclass(frozen=True, slots=True)
class ComparedGuard:
    """A number or date must be below another fact of the case, or not be."""

    field: Field
    other: Field
    below: bool

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else how the two stand."""
        if self.holds(at.facts, {}):
            return ""
        one, two = (label(of, at.facts.get(of.name)) for of in (self.field, self.other))
        return f"要求 {self.asks}，现为 {one} 与 {two}"

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"{self.field.title}{'低于' if self.below else '不低于'}{self.other.title}"

    def holds(self, facts: Mapping[str, Fact], _: Mapping[str, object]) -> bool:
        """Whether these facts meet it; an unknown one never does."""
        one, two = _number(facts.get(self.field.name)), _number(facts.get(self.other.name))
        return one is not None and two is not None and (one < two) == self.below

    def was_not(self, facts: Mapping[str, Fact], outcome: Mapping[str, object]) -> bool:
        """Whether it was known to be otherwise."""
        known = all(facts.get(of.name) is not None for of in (self.field, self.other))
        return known and not self.holds(facts, outcome)


@dataclass(frozen=True, slots=True)
class KeptUpGuard:
    """A number, day or time that is stated must not be less than the case had."""

    field: Field

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else how the two stand."""
        had, value = from_json(self.field, at.case.facts.get(self.field.name)), at.facts.get(self.field.name)
        if value is None or had is None or not value < had:  # type: ignore[operator]  # one field, one type
            return ""
        was, now = (_shown(self.field, one, at) for one in (had, value))
        return f"要求 {self.asks}，原来为 {was}，现为 {now}"

    @property
    def asks(self) -> str:
        """What it asks for, in words."""
        return f"{self.field.title}不{'早' if self.field.type in ('date', 'time') else '少'}于原来的"


def _shown(of: Field, value: Fact, at: Situation) -> str:
    return f"{value.astimezone(at.zone):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else label(of, value)


def _number(value: Fact) -> float | None:
    if isinstance(value, date):
        return float(value.toordinal())
    return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True)
class ClockGuard:
    """A clock must have reached a day, or be done (`day` None)."""

    clock: str
    day: int | None

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else from when on it will."""
        count = at.count(self.clock)
        if count.day_zero is None:
            return count.cannot
        if self.day is None and count.done_at is not None and count.done_at <= at.now:
            return ""
        days = count.days if self.day is None else self.day
        if days is None:
            return count.cannot
        today = local_day(at.now, at.zone)
        number = (today - count.day_zero).days
        if self.day is not None and number >= self.day:
            return ""
        due = count.day_zero + timedelta(days=days)
        if self.day is None and count.done_at is not None:
            due = local_day(count.done_at, at.zone)
        told = f"今天是第 {number} 天" if number >= 0 else "还没有开始"
        return (
            f"{count.title}须满 {days} 天{count.note}，{told}，"
            f"{due.isoformat()} 0 时起方可（还差 {(due - today).days} 天）"
        )


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
class OutsideGuard:
    """The one who acts belongs to another unit than the one a fact names, nor to one above or below that."""

    field: Field

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else why somebody from outside is needed."""
        unit = at.facts.get(self.field.name)
        if unit is None:
            return f"请先填写 {self.field.title}（{self.field.name}）"
        return f"须由 {unit} 以外的人员办理，{at.actor} 属于该单位或其上下级" if unit in at.units else ""


@dataclass(frozen=True, slots=True)
class DecisionGuard:
    """What the rules gave must be one of these, or with `negated` none of them; of a list, any part of it counts."""

    name: str
    allowed: frozenset[str]
    negated: bool = False

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else what the rules gave."""
        if self.holds(at.facts, at.case.outcome):
            return ""
        given, word = "、".join(self._given(at.case.outcome)), "不为" if self.negated else "为"
        case = f"本案为 {given}" if given else "本案没有这一项"
        return f"只适用于判定 {self.name} {word} {'、'.join(sorted(self.allowed))} 的案件，{case}"

    def holds(self, _: Mapping[str, object], outcome: Mapping[str, object]) -> bool:
        """Whether this is what the rules gave."""
        return self.negated == self.allowed.isdisjoint(self._given(outcome))

    def _given(self, outcome: Mapping[str, object]) -> list[str]:
        given = outcome.get(self.name)
        return [str(one) for one in given] if isinstance(given, list | tuple) else [] if given is None else [str(given)]

    def was_not(self, facts: Mapping[str, object], outcome: Mapping[str, object]) -> bool:
        """Whether the rule had given something else."""
        return not self.holds(facts, outcome)


@dataclass(frozen=True, slots=True)
class ChildrenGuard:
    """The cases this one opened (of a kind; empty: any) must be closed: all of them, or at least one."""

    kind: str
    title: str
    any_one: bool = False

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else which of them are still open."""
        linked = {name: child for name, child in at.case.children.items() if self.kind in ("", child.kind)}
        still = [name for name, child in linked.items() if not child.final]
        if self.any_one:
            told = f"{len(still)} 件都未办结" if still else "一件也没有"
            return "" if len(still) < len(linked) else f"要求{self.title}至少办结一件，现在{told}"
        return f"{self.title}还有 {len(still)} 件未办结：{'、'.join(still)}" if still else ""


@dataclass(frozen=True, slots=True)
class NoIndexGuard:
    """The case hangs on no other."""

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else on which it hangs."""
        index = dict.fromkeys([*at.case.parents, *(done.of for done in at.case.index_results)])
        return f"只适用于没有上级案件的案件，本案挂在 {'、'.join(index)} 名下" if index else ""


@dataclass(frozen=True, slots=True)
class HandOverGuard:
    """No hand-over of the case waits for its receiver."""

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else who has yet to accept."""
        offer = at.case.offer
        return "" if offer is None else f"已交 {offer.to}，等待签收，签收或退回之后方可办理"


StatedGuard = FactGuard | ComparedGuard | DecisionGuard
"""What can be told from the facts and the decision alone."""
Guard = (
    StatedGuard
    | KeptUpGuard
    | ClockGuard
    | TaskGuard
    | ActorGuard
    | OutsideGuard
    | ChildrenGuard
    | NoIndexGuard
    | HandOverGuard
)
