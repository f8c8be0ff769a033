"""What is reckoned from the facts of a case: which day it is of a count, and when something is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct, structs

from engine.core.case import Armed, Case, Plan, micros, moment
from engine.core.conditions import Fact
from engine.core.errors import Problem
from engine.core.evolving import delayed
from engine.core.planning import due_next, dues, first_time, undone
from engine.core.rulebook import Rulebook
from engine.core.situation import Count
from engine.core.values import local_day, local_time, midnight
from engine.core.workflows import Clock, Deadline, Schedule, State, Workflow

CONFIRM = "confirm"
"""The name of the deadline by which a second person must answer a correction."""
HAND_OVER = "hand_over"
"""The name of the deadline by which an offer must be answered."""
RULES = "rules"
"""The name of the deadline by which a person must say what a change of rules makes of the case."""
Armings = dict[str, list[Any]]
"""Deadline → due, ladder, what it runs since, when that was, what said how long, and how long; all times in
microseconds: whoever asks why is answered from these words alone."""
MICRO = timedelta(microseconds=1)


def arming(since: str, base: int, within: str, length: timedelta, ladder: str, extended: int = 0) -> list[Any]:
    """A deadline as the event that arms it tells it."""
    micro = length // MICRO
    return [base + micro + extended, ladder, since, base, within, micro]


class Reckoning(Struct):
    """What counts and deadlines of a case follow from: its rules, what was decided, when it opened, its facts."""

    book: Rulebook
    flow: Workflow
    outcome: Mapping[str, Any]
    opened_at: datetime
    facts: Mapping[str, Fact]
    cut_short: Mapping[str, datetime] = {}
    """The clocks that ended early, and when."""
    freed: Mapping[str, datetime] = {}
    """The clocks that a change of rules ended, and the moment before which nobody could be let go."""

    @classmethod
    def of(cls, book: Rulebook, case: Case, facts: Mapping[str, Fact]) -> Reckoning:
        """What follows for a case from these facts, under the rules as they are for it."""
        book = book.under(case.profile, case.ruled_from)
        flow = book.workflows[case.workflow]
        return cls(book, flow, case.outcome, case.opened_at, facts, case.cut_short, case.freed)

    def days(self, name: str) -> tuple[int, ...] | None:
        """The days a parameter lists for this case; `decision.X` is the parameter its rule named as X."""
        if name.startswith("decision."):
            name = str(self.outcome.get(name.removeprefix("decision."), ""))
        return self.book.days(name, self.facts, self.opened_at) if name in self.book.parameters else None

    def ending(self, case: Case, known: Mapping[str, Fact], at: datetime) -> Reckoning:
        """With the clocks that end early: those that had, and those whose reason comes to hold by these facts.

        What was so from the beginning, or only becomes known, is no reason: `known` are the facts before.
        """
        ended = {
            clock.name: case.cut_short.get(clock.name, at)
            for clock in self.flow.clocks.values()
            if clock.ends_when
            and all(asked.holds(self.facts, self.outcome) for asked in clock.ends_when)
            and (clock.name in case.cut_short or any(asked.was_not(known, case.outcome) for asked in clock.ends_when))
        }
        return structs.replace(self, cut_short=ended) if ended or self.cut_short else self

    def cuts(self, before: Mapping[str, datetime]) -> dict[str, Any]:
        """What an event tells of clocks that ended early, when it is other than before; often nothing."""
        if self.cut_short == before:
            return {}
        return {"cut_short": {name: micros(at) for name, at in self.cut_short.items()}}

    def count(self, name: str) -> Count:
        """What a clock says: day 0, the days it takes, when it is done."""
        clock = self.flow.clocks[name]
        days = self.days(clock.days)
        total = days[-1] if days else None
        other = self.count(clock.after) if clock.after else None
        zero, note = self._zero(clock, other)
        if zero is None:
            return Count(clock.title, None, total, None, self._lacks(clock, other))
        full = None if total is None else midnight(zero + timedelta(days=total), self.book.zone)
        cut, freed = self.cut_short.get(name), self.freed.get(name)
        done = full_at = min((at for at in (full, cut) if at is not None), default=None)
        if full_at is not None and other is not None and other.full_at is not None and other.done_at is not None:
            full_at = max(full_at, other.full_at)
            done = max(full_at, other.done_at)
        early = cut is not None and full_at != full
        if freed is not None and done is not None and freed > done:
            day = local_day(freed, self.book.zone).isoformat()
            why = f"新规则自 {day} 起" if day >= self.book.ruled_from else f"按原来的规则 {day} 已满"
            done, note = freed, f"{note}（{why}）"
        return Count(clock.title, zero, total, done, "", note, cut_short=early, full_at=full_at)

    def _zero(self, clock: Clock, other: Count | None) -> tuple[date | None, str]:
        """Day 0 of a clock, and in words why it is not the day of its anchor."""
        note = ""
        zero = next((day for anchor in clock.anchor if (day := self._day(anchor)) is not None), None)
        if other is not None and other.full_at is not None:
            zero = local_day(other.full_at, self.book.zone)
            note = f"（自{other.title}期满的 {zero.isoformat()} 起算）"
        again = [(day, fact) for fact in clock.restarts_on if (day := self._day(fact)) is not None]
        later = max((found for found in again if zero is None or found[0] > zero), default=None)
        served: Any = self.facts.get(clock.minus) if clock.minus else None
        if later is not None:
            zero, note, served = later[0], f"（自{self._title(later[1])} {later[0].isoformat()} 重新起算）", None
        if zero is None:
            return None, ""
        if clock.day_zero == "next":
            zero += timedelta(days=1)
        if served:
            zero -= timedelta(days=served)
            note += f"（{self._title(clock.minus)} {served} 天已计入）"
        return zero, note

    def _day(self, fact: str) -> date | None:
        value: Any = self.facts.get(fact)
        return local_day(value, self.book.zone) if isinstance(value, datetime) else value

    def _title(self, fact: str) -> str:
        return self.book.subjects[self.flow.subject].fields[fact].title

    def _lacks(self, clock: Clock, other: Count | None) -> str:
        """What must be filled in before a clock can count."""
        if other is not None:
            return other.anchors or f"{other.title}的天数"
        return " 或 ".join(f"{self._title(anchor)}（{anchor}）" for anchor in clock.anchor)

    def deadlines(
        self, state: State, now: datetime, case: Case | None = None, *, stays: bool = False
    ) -> tuple[Armings, list[str], list[Problem]]:
        """What is armed where a case enters a state (or stays in it), what ends, and why a deadline cannot be armed.

        A deadline already running is armed anew only when its due time is another. No case: it is being opened.
        """
        running: Mapping[str, Armed] = case.deadlines if case is not None else {}
        entering = _Entering(self, state, now, case, stays)
        armed: Armings = {}
        problems: list[Problem] = []
        for deadline in state.deadlines:
            told, why = entering.arming(deadline)
            if told is None:
                problems.append(Problem("CASE-013", f"时限“{deadline.title}”无法确定", why))
            elif not _same(running.get(deadline.name), told):
                armed[deadline.name] = told
        names = {deadline.name for deadline in state.deadlines}
        if stays and case is not None and case.offer is not None:
            names.add(HAND_OVER)
        if case is not None and not state.final:
            names |= {CONFIRM} if case.proposal is not None else set()
            names |= {RULES} if case.asked is not None else set()
        return armed, sorted(running.keys() - names), problems

    def plans(self, state: State, now: datetime, case: Case | None = None, *, stays: bool = False) -> dict[str, Any]:
        """Schedules that begin, go on otherwise, or end where a case enters a state or stays in it; often none.

        One whose clock has no day 0 yet begins when it has. Of one that asks for nothing more, what is overdue stays.
        """
        running: Mapping[str, Plan] = case.plans if case is not None else {}
        entering = _Entering(self, state, now, case, stays)
        asked = {
            schedule.name: entering.plan(schedule)
            for schedule in self.flow.schedules.values()
            if state.stage in schedule.stages and not state.final and schedule.asked(self.facts, self.outcome)
        }
        if not asked and not running:
            return {}
        left = {name: entering.overdue(name) for name in running.keys() - asked.keys() if not state.final}
        wanted = {name: plan for name, plan in (asked | left).items() if plan}
        planned = {name: plan for name, plan in wanted.items() if not _goes_on(running.get(name), plan)}
        unplanned = sorted(running.keys() - wanted.keys())
        return {"planned": planned, "unplanned": unplanned} if planned or unplanned else {}


class _Entering(Struct):
    """A case on its way into a state."""

    reckoning: Reckoning
    state: State
    now: datetime
    case: Case | None
    stays: bool

    def arming(self, deadline: Deadline) -> tuple[list[Any] | None, str]:
        """When it is due and why then, or why nobody can tell."""
        since, why = self._since(deadline.since)
        if since is None:
            return None, why
        book, facts, opened_at = self.reckoning.book, self.reckoning.facts, self.reckoning.opened_at
        within = book.within(deadline.within, facts, opened_at)
        if within is None:
            return None, f"{deadline.within} 在当日没有适用的值"
        base = micros(since)
        put_off = delayed(self.case, deadline.name, base).extended
        return arming(deadline.since, base, deadline.within, within, book.ladder(deadline.ladder), put_off), ""

    def _since(self, since: str) -> tuple[datetime | None, str]:
        word, _, name = since.partition(" ")
        if word == "opened":
            return self.reckoning.opened_at, ""
        if word == "state":
            return (self.case.entered.at if self.case is not None and self.stays else self.now), ""
        if word == "stage":
            return self._stage(name)
        if word == "clock":
            count = self.reckoning.count(name)
            return count.done_at, count.cannot
        book, flow = self.reckoning.book, self.reckoning.flow
        value: Any = self.reckoning.facts.get(name)
        if value is None:
            return None, f"请先填写 {book.subjects[flow.subject].fields[name].title}（{name}）"
        return (value if isinstance(value, datetime) else midnight(value, book.zone)), ""

    def plan(self, schedule: Schedule) -> dict[str, Any] | None:
        """The due times of a schedule from the entry into its stages on; None while nobody can tell them.

        What nobody asked for while there was time to do it is not asked for afterwards.
        """
        start = self._began(schedule)
        book = self.reckoning.book
        task = self.reckoning.flow.tasks[schedule.task]
        within = book.within(task.within, self.reckoning.facts, self.reckoning.opened_at)
        if within is None:
            return None
        told = {
            "task": task.name,
            "start": micros(start),
            "within": within // timedelta(microseconds=1),
            "ladder": book.ladder(task.ladder),
        }
        if not schedule.days:
            every = (
                book.within(schedule.every, self.reckoning.facts, self.reckoning.opened_at) if schedule.every else None
            )
            if schedule.every and every is None:
                return None
            told |= {"daily": list(schedule.at)}
            if every and every.days > 1:
                told |= {"every": every.days, "start": first_time(schedule.at, start, book.zone)}
            return told | self._going_on(schedule.name, told)
        count = self.reckoning.count(schedule.clock)
        zero, days = count.day_zero, self.reckoning.days(schedule.days)
        if zero is None or days is None:
            return None
        first = max(zero, local_day(start, book.zone))
        dates = [date for day in days if (date := zero + timedelta(days=day)) >= first]
        listed = self._times(schedule, dates)
        if count.cut_short and count.done_at is not None:
            listed = [at for at in listed if at <= micros(count.done_at)]
        before = self.case.plans.get(schedule.name) if self.case is not None else None
        asked = set(before.due) if before is not None else set()
        latest = micros(self.now - within)
        due = [at for at in listed if at > latest or at in asked]
        late = self._caught_up(schedule, zero + timedelta(days=days[-1]), first)
        due += next((times for day in late if (times := [at for at in day if at > latest or at in asked])), [])
        earlier = micros(midnight(local_day(start, book.zone), book.zone))
        before_this = [at for at in asked if at < earlier]  # overdue since the case was in these stages before
        due += self._of_its_days(schedule, before_this)
        due = sorted({*due, *self._of_other_rules(schedule, [at for at in listed if at <= latest])})
        return told | {"due": due} if due else None

    def overdue(self, name: str) -> dict[str, Any] | None:
        """What is overdue of a schedule that asks for nothing more here: it is still to be done, or to be waived.

        Of work that these rules no longer know nobody could.
        """
        case, schedule = self.case, self.reckoning.flow.schedules.get(name)
        if case is None or schedule is None or schedule.task != case.plans[name].task:
            return None
        plan, book = case.plans[name], self.reckoning.book
        until = micros(self.now) - plan.within
        due = self._of_its_days(schedule, undone(case, name, until, book.zone))
        if not due:
            return None
        if not plan.daily and plan.due[-1] <= until:  # it asked for nothing more already
            due = self._of_its_days(schedule, plan.due)
        ladder = book.ladder(self.reckoning.flow.tasks[plan.task].ladder)
        return {"task": plan.task, "start": plan.start, "within": plan.within, "ladder": ladder, "due": due}

    def _of_its_days(self, schedule: Schedule, dues: Sequence[int]) -> list[int]:
        """Of these due times those on its days as they are counted now: where day 0 was wrong, so were they.

        A change of rules excuses nobody from what was asked before it.
        """
        book = self.reckoning.book
        if not schedule.days or book.ruled_from:
            return list(dues)
        zero, days = self.reckoning.count(schedule.clock).day_zero, self.reckoning.days(schedule.days)
        there = {zero + timedelta(days=day) for day in days} if zero is not None and days is not None else set()
        return [at for at in dues if local_day(moment(at), book.zone) in there]

    def _of_other_rules(self, schedule: Schedule, missed: list[int]) -> list[int]:
        """What was due by the rules so far and is not done: a change of rules excuses nobody from it.

        Back under the rules of before, that is what they had asked for until then.
        """
        case, book = self.case, self.reckoning.book
        if case is None:
            return []
        if book.release < case.release:
            done = {local_day(one.at, book.zone) for one in case.results if one.task == schedule.task}
            return [at for at in missed if local_day(moment(at), book.zone) not in done]
        before = case.plans.get(schedule.name)
        if before is None or not book.ruled_from:
            return []
        changed = micros(midnight(date.fromisoformat(book.ruled_from), book.zone))
        return undone(case, schedule.name, min(changed, micros(self.now) - before.within), book.zone)

    def _going_on(self, name: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Where one runs already: another rhythm begins with its next time, and what is undone stays beside it.

        What a new rhythm would have asked for before now, nobody has been asked for.
        """
        running = self.case.plans.get(name) if self.case is not None else None
        if self.case is None or running is None:
            return {}
        zone, now = self.reckoning.book.zone, micros(self.now)
        plan = Plan(told["task"], 0, (), tuple(told["daily"]), told["start"], every=told.get("every", 1))
        if (running.daily, running.every) != (plan.daily, plan.every):
            plan = plan._replace(start=due_next(plan, now, zone) or now)
        left = undone(self.case, name, now, zone)
        again = set(dues(plan, left[0], now, zone)) if left else set()
        due = [at for at in left if at not in again]
        return {"start": plan.start} | ({"due": due} if due else {})

    def _times(self, schedule: Schedule, dates: Iterable[date]) -> list[int]:
        zone = self.reckoning.book.zone
        return sorted(micros(local_time(date, at, zone)) for date in dates for at in schedule.at)

    def _caught_up(self, schedule: Schedule, last: date, first: date) -> list[list[int]]:
        """When the last day of a task is made up for that a change of rules left behind: then or the day after.

        Whoever the new days let go is let go by that result, and before the change nobody had asked for it.
        """
        book, case = self.reckoning.book, self.case
        if not book.ruled_from or case is None:
            return []
        changed = max(date.fromisoformat(book.ruled_from), first)
        done = (local_day(done.at, book.zone) for done in case.results if done.task == schedule.task)
        if last >= changed or any(last <= day < changed for day in done):
            return []
        return [self._times(schedule, [day]) for day in (changed, changed + timedelta(days=1))]

    def _began(self, schedule: Schedule) -> datetime:
        """When the case came into the stages of a schedule, as it stands now."""
        flow, case = self.reckoning.flow, self.case
        if case is None or _stage_of(flow, case) not in schedule.stages:
            return self.now
        running = case.plans.get(schedule.name)
        if running is not None:
            return moment(running.start)
        if schedule.when:  # nobody asked for it before
            return self.now
        return max((case.stages[stage].at for stage in schedule.stages if stage in case.stages), default=self.now)

    def _stage(self, name: str) -> tuple[datetime | None, str]:
        before = _stage_of(self.reckoning.flow, self.case) if self.case is not None else ""
        if self.state.stage == name and before != name:
            return self.now, ""
        entry = self.case.stages.get(name) if self.case is not None else None
        return (entry.at if entry else None), f"案件还没有进入过“{name}”"


def _stage_of(flow: Workflow, case: Case) -> str:
    """The stage a case stands in; empty when these rules have no such state."""
    return flow.states[case.state].stage if case.state in flow.states else ""


def _goes_on(running: Plan | None, plan: Mapping[str, Any]) -> bool:
    """Whether a schedule that runs is the one that is wanted."""
    if running is None or running.task != plan["task"]:
        return False
    daily = plan.get("daily", [])
    same = [list(running.daily), running.within, running.ladder, running.every]
    listed = daily or list(running.due) == plan["due"]
    return bool(listed) and same == [daily, plan["within"], plan["ladder"], plan.get("every", 1)]


def _same(running: Armed | None, told: list[Any]) -> bool:
    return running is not None and [micros(running.due), running.ladder] == told[:2]
