"""The office changes its profile (平、急): recorded with its reason; open cases keep theirs, or follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from msgspec import structs

from engine.commands import privacy
from engine.core.case import Case, Event, micros, wall_time
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.judging import typed
from engine.core.org import Actor
from engine.core.planning import WEEK, dues
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Profile, Rulebook
from engine.core.values import duration_words
from engine.ids import new_id
from engine.service import Office
from engine.step import Step
from engine.store import subjects
from engine.store.changes import Change

BATCH = 200
_OTHERS = "final = '' AND coalesce(json_extract(snapshot, '$.profile'), '') <> ?"
_WAITING = (
    f'SELECT id FROM "case" WHERE {_OTHERS}'  # noqa: S608 - our own words
    " AND (? OR workflow IN (SELECT value FROM json_each(?))) AND id > ? ORDER BY id LIMIT ?"
)
"""The open cases under another profile that follow: all, or those of some workflows."""
_COUNT = f'SELECT count(*) FROM "case" WHERE {_OTHERS}'  # noqa: S608 - the same

_SWITCHED = (
    "SELECT actor, recorded_at, json_extract(data, '$.reason') FROM event WHERE case_id = 'system'"
    " AND type = 'profile_switched' ORDER BY seq DESC LIMIT 1"
)
_LATE = "SELECT count(*) FROM task WHERE case_id = ? AND ends <= ? AND state IN ('open', 'claimed')"


def current(office: Office) -> str:
    """The name of the profile the office works in; empty where its rules have none."""
    book = office.book()
    return book.profile or next(iter(book.profiles), "")


def standing(office: Office, user: str = "", reveal: str = "") -> dict[str, Any]:
    """The profile the office works in, which there are, and who switched to it when; with a reason for asking, why."""
    told: dict[str, Any] = {"profile": current(office), "profiles": list(office.book().profiles)}
    with office.store.reading() as driver:
        row = driver.execute(_SWITCHED).fetchone()
    if row is not None:
        told |= {"since": wall_time(row[1], office.book().zone), "by": row[0]}
    if reveal:
        privacy.record_reveal(office, office.actor(user), reveal, {"profile": told["profile"]})
        with office.store.reading() as driver:
            key = subjects.keys(driver, office.master, [row[2]]).get(row[2]) if row is not None else None
            told |= subjects.opened(driver, key) if key is not None else {}
    return told


def differences(book: Rulebook, name: str) -> list[str]:
    """What is otherwise in a profile than in the one the rules speak under, in words."""
    other = book.under("" if name == next(iter(book.profiles)) else name)
    told = [
        f"时限 {term}：{_length(book, term)} → {_length(other, term)}"
        for term in book.terms
        if book.terms[term].within != other.terms[term].within
    ]
    told += [
        f"参数 {book.parameters[key].title}：{_latest(book, key)} → {_latest(other, key)}"
        for key in book.parameters
        if book.parameters[key].values != other.parameters[key].values
    ]
    told += [
        f"计划 {flow.title}·{schedule.title}：每天 {'、'.join(schedule.at)} → {'、'.join(then.at)}"
        for flow in book.workflows.values()
        for schedule in flow.schedules.values()
        if (then := other.workflows[flow.name].schedules[schedule.name]).at != schedule.at
    ]
    return told + [
        f"催办阶梯：{book.ladders[book.ladder(key)].title} → {other.ladders[other.ladder(key)].title}"
        for key in book.ladders
        if book.ladder(key) != other.ladder(key)
    ]


def switch(office: Office, name: str, reason: str, actor: Actor, *, dry_run: bool = False) -> dict[str, Any]:
    """Work under another profile from now on; the reason is sealed. What it changes is told, and `dry_run` only tells.

    Cases opened from now on are reckoned by it. Open ones keep what they were opened under, unless the profile has
    them, or those of their workflow, follow: then each is reckoned anew, by an event of its own. Begun and broken off,
    it goes on when asked again.
    """
    office.require(actor, "profile")
    book = office.book()
    if name not in book.profiles:
        options = list(book.profiles)
        raise BadInput(
            Problem("PROFILE-001", f"没有状态 {name}", f"可用：{listing(options) or '无'}", nearest(name, options))
        )
    if not reason.strip():
        raise BadInput(Problem("FACT-003", "缺少理由", "必填"))
    before, profile = current(office), book.profiles[name]
    mark = "" if name == next(iter(book.profiles)) else name
    expected = _foreseen(office, profile, mark, actor)
    if before == name and not expected.cases:
        raise Refused(Problem("PROFILE-002", f"现在就是 {name}", "不用切换"))
    with office.store.reading() as driver:
        others = driver.execute(_COUNT, (mark,)).fetchone()[0]
    told = {"before": before, "profile": name, "differences": differences(book, name), "open_cases": others}
    told |= expected.told(office)
    if dry_run:
        return told | {"followed": 0}
    if before != name:
        _record(office, name, mark, before, reason, actor)
    return told | {"followed": _follow(office, profile, mark, actor)}


@dataclass(slots=True)
class _Foreseen:
    """What a switch makes of the open cases that follow it."""

    cases: int = 0
    overdue: int = 0
    past: list[int] = field(default_factory=list)
    """When each deadline would have been due that still runs and would be past at once."""
    schedules: int = 0
    tasks: list[int] = field(default_factory=lambda: [0, 0])
    """What the schedules that change ask for in the week to come: so far, and then."""

    def add(self, change: Change, now: int, zone: ZoneInfo) -> None:
        """Count one case in."""
        before, after = change.before or change.case, change.case
        self.cases += 1
        running = before.deadlines
        ahead = [
            micros(armed.due)
            for name, armed in after.deadlines.items()
            if name not in running or micros(running[name].due) > now
        ]
        self.past += [due for due in ahead if due <= now]
        for name in before.plans.keys() | after.plans.keys():
            plans = before.plans.get(name), after.plans.get(name)
            so_far, then = (dues(plan, now + 1, now + WEEK, zone) if plan is not None else () for plan in plans)
            if [*so_far] != [*then]:
                self.schedules += 1
                self.tasks[0] += len(so_far)
                self.tasks[1] += len(then)

    def told(self, office: Office) -> dict[str, Any]:
        """The same as it is shown; what there is nothing of is left out."""
        told: dict[str, Any] = {"following": self.cases, "overdue": self.overdue}
        if self.past:
            told |= {"past": len(self.past), "past_since": wall_time(min(self.past), office.book().zone)}
        if self.schedules:
            told |= {"schedules": self.schedules, "tasks_before": self.tasks[0], "tasks_after": self.tasks[1]}
        return told


def _foreseen(office: Office, profile: Profile, mark: str, actor: Actor) -> _Foreseen:
    """What the switch would do, found by doing it to every case that follows and writing nothing."""
    now, found = office.now(), _Foreseen()
    for batch in _waiting(office, profile, mark):
        for item in map(office.store.load, batch):
            if item is not None:
                zone = office.book(item[0].release).zone
                found.add(_switched(office, *item, mark, actor, now), micros(now), zone)
        with office.store.reading() as driver:
            found.overdue += sum(driver.execute(_LATE, (case, micros(now))).fetchone()[0] for case in batch)
    return found


def _record(office: Office, name: str, mark: str, before: str, reason: str, actor: Actor) -> None:
    now, key = office.now(), office.master.new_subject(new_id())
    sealed = subjects.Sealed()
    sealed.add(key, "profile", {"reason": reason.strip()}, new=True)
    with office.store.writing(micros(now)) as writer:
        sealed.write(writer)
        writer.cursor.execute(
            "INSERT INTO meta (name, value) VALUES ('profile', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (mark,),
        )
        data = {"profile": mark, "name": name, "before": before, "reason": key.subject}
        writer.system(Event("profile_switched", actor.user, now, data, office.account))


def _follow(office: Office, profile: Profile, mark: str, actor: Actor) -> int:
    """Reckon every case that follows anew, batch by batch; how many there were."""
    followed = 0
    for batch in _waiting(office, profile, mark):

        def decide(now: datetime, batch: Sequence[str] = batch) -> Step:
            found = [office.store.load(case_id) for case_id in batch]
            changes = [_switched(office, *item, mark, actor, now) for item in found if item and not item[0].final]
            return Step(changes, {})

        office.act(decide)
        followed += len(batch)
    return followed


def _waiting(office: Office, profile: Profile, mark: str) -> Iterator[list[str]]:
    """The open cases under another profile that follow, batch by batch."""
    last, flows = "", orjson.dumps(sorted(profile.following)).decode()
    while True:
        with office.store.reading() as driver:
            rows = driver.execute(_WAITING, (mark, profile.follows, flows, last, BATCH)).fetchall()
        if not rows:
            return
        yield [case for (case,) in rows]
        last = rows[-1][0]


def _switched(office: Office, case: Case, head: bytes, mark: str, actor: Actor, now: datetime) -> Change:
    """A case with its deadlines and schedules as the profile has them; nothing else of it changes.

    What was due already and is not done goes on beside the new rhythm.
    """
    book = office.book(case.release).under(mark, case.ruled_from)
    state = book.workflows[case.workflow].states[case.state]
    reckoning = Reckoning.of(book, structs.replace(case, profile=mark), typed(book, case))
    armed, ended, _ = reckoning.deadlines(state, now, case, stays=True)
    plans = reckoning.plans(state, now, case, stays=True)
    data = {"profile": mark, "armed": armed, "ended": ended, **plans}
    return Change.of(book, case, head, (Event("switched", actor.user, now, data, actor.account),))


def _length(book: Rulebook, term: str) -> str:
    within = book.terms[term].within
    return duration_words(within) if within is not None else "不设"


def _latest(book: Rulebook, name: str) -> str:
    value = book.parameters[name].values[-1].value
    return "、".join(map(str, value)) if isinstance(value, tuple) else str(value)
