"""The office changes its profile (平、急): recorded with its reason; open cases keep theirs, or follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.commands import privacy
from engine.commands.custody import shown
from engine.core.case import Case, Event, micros
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.judging import typed
from engine.core.org import Actor
from engine.core.reckoning import Armings, Reckoning
from engine.core.rulebook import Rulebook
from engine.core.values import duration_words
from engine.ids import new_id
from engine.service import Office
from engine.step import Step
from engine.store import subjects
from engine.store.changes import Change

BATCH = 200
_OTHERS = (
    "SELECT id FROM \"case\" WHERE final = '' AND coalesce(json_extract(snapshot, '$.profile'), '') <> ? AND id > ?"
)

_SWITCHED = (
    "SELECT actor, recorded_at, json_extract(data, '$.reason') FROM event WHERE case_id = 'system'"
    " AND type = 'profile_switched' ORDER BY seq DESC LIMIT 1"
)
_LATE = (
    "SELECT count(*) FROM task AS t JOIN \"case\" AS c ON c.id = t.case_id WHERE c.final = '' AND t.ends <= ?"
    " AND t.state IN ('open', 'claimed') AND coalesce(json_extract(c.snapshot, '$.profile'), '') <> ?"
)


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
        told |= {"since": shown(office, row[1]), "by": row[0]}
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
    return told + [
        f"催办阶梯：{book.ladders[book.ladder(key)].title} → {other.ladders[other.ladder(key)].title}"
        for key in book.ladders
        if book.ladder(key) != other.ladder(key)
    ]


def switch(office: Office, name: str, reason: str, actor: Actor, *, dry_run: bool = False) -> dict[str, Any]:
    """Work under another profile from now on; the reason is sealed. What it changes is told, and `dry_run` only tells.

    Cases opened from now on are reckoned by it. Open ones keep what they were opened under, unless the profile has
    them follow: then each is reckoned anew, by an event of its own. Begun and broken off, it goes on when asked again.
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
    waiting = _waiting(office, mark, "")
    if before == name and not (profile.follows and waiting):
        raise Refused(Problem("PROFILE-002", f"现在就是 {name}", "不用切换"))
    told = {"before": before, "profile": name, "differences": differences(book, name), "open_cases": len(waiting)}
    if profile.follows:
        with office.store.reading() as driver:
            told["overdue"] = driver.execute(_LATE, (micros(office.now()), mark)).fetchone()[0]
        if past := _past_at_once(office, mark):
            told |= {"past": len(past), "past_since": shown(office, min(past))}
    if dry_run:
        return told | {"followed": 0}
    if before != name:
        _record(office, name, mark, before, reason, actor)
    return told | {"followed": _follow(office, mark, actor) if profile.follows else 0}


def _past_at_once(office: Office, mark: str) -> list[int]:
    """When each deadline of an open case would have been due that still runs and would be past under the profile."""
    now, last = office.now(), ""
    past = []
    while batch := _waiting(office, mark, last)[:BATCH]:
        for found in map(office.store.load, batch):
            if found is not None:
                armed, running = _reckoned(office, found[0], mark, now)[1], found[0].deadlines
                ahead = [due for name, (due, *_) in armed.items() if name not in running or running[name].due > now]
                past += [due for due in ahead if due <= micros(now)]
        last = batch[-1]
    return past


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


def _follow(office: Office, mark: str, actor: Actor) -> int:
    """Reckon every open case anew, batch by batch; how many there were."""
    followed, last = 0, ""
    while batch := _waiting(office, mark, last)[:BATCH]:

        def decide(now: datetime, batch: Sequence[str] = batch) -> Step:
            found = [office.store.load(case_id) for case_id in batch]
            changes = [_switched(office, *item, mark, actor, now) for item in found if item and not item[0].final]
            return Step(changes, {})

        office.act(decide)
        followed, last = followed + len(batch), batch[-1]
    return followed


def _waiting(office: Office, mark: str, after: str) -> list[str]:
    """The open cases that are under another profile."""
    with office.store.reading() as driver:
        return [case for (case,) in driver.execute(f"{_OTHERS} ORDER BY id", (mark, after))]


def _switched(office: Office, case: Case, head: bytes, mark: str, actor: Actor, now: datetime) -> Change:
    """A case with its deadlines and schedules as the profile has them; nothing else of it changes.

    What was due already and is not done goes on beside the new rhythm.
    """
    book, armed, ended, plans = _reckoned(office, case, mark, now)
    data = {"profile": mark, "armed": armed, "ended": ended, **plans}
    return Change.of(book, case, head, (Event("switched", actor.user, now, data, actor.account),))


def _reckoned(
    office: Office, case: Case, mark: str, now: datetime
) -> tuple[Rulebook, Armings, list[str], dict[str, Any]]:
    """The rules of a case under a profile, what they arm, what ends, and its schedules."""
    book = office.book(case.release).under(mark, case.ruled_from)
    state = book.workflows[case.workflow].states[case.state]
    reckoning = Reckoning.of(book, case._replace(profile=mark), typed(book, case))
    armed, ended, _ = reckoning.deadlines(state, now, case, stays=True)
    return book, armed, ended, reckoning.plans(state, now, case, stays=True)


def _length(book: Rulebook, term: str) -> str:
    within = book.terms[term].within
    return duration_words(within) if within is not None else "不设"


def _latest(book: Rulebook, name: str) -> str:
    value = book.parameters[name].values[-1].value
    return "、".join(map(str, value)) if isinstance(value, tuple) else str(value)
