"""A deadline put off by an approver, within a limit: extended (延期), or shelved (挂账) for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.core.case import Case, Event, micros
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.evolving import delayed
from engine.core.judging import who
from engine.core.org import Actor
from engine.core.reckoning import MICRO
from engine.core.rulebook import Rulebook
from engine.core.values import duration_words
from engine.core.workflows import Deadline

EXTENDED, SHELVED = "extended", "shelved"
WORDS = {EXTENDED: "延期", SHELVED: "挂账"}


def postpone(book: Rulebook, case: Case, kind: str, name: str, length: timedelta, actor: Actor, now: datetime) -> Event:
    """Extended, the deadline is due later and alerts anew; shelved, its ladder is silent until then and goes on.

    No other deadline moves, nor any clock of the person; in all never by more than the pack allows.
    """
    deadline = _running(book, case, name)
    name = deadline.name
    allowed = deadline.extend if kind == EXTENDED else deadline.shelve
    if allowed is None:
        raise Refused(Problem("CASE-010", f"时限“{deadline.title}”不能{WORDS[kind]}", "规则包没有允许"))
    armed, by = case.deadlines[name], length // MICRO
    delay = delayed(case, name, armed.base)
    unmet = who(book, case, allowed.by, actor)
    before = (delay.extended if kind == EXTENDED else delay.shelved) * MICRO
    if before + length > allowed.most:
        so_far = f"已{WORDS[kind]} {duration_words(before)}，" if before else ""
        unmet.append(f"{so_far}最多共 {duration_words(allowed.most)}")
    if unmet:
        raise Refused([Problem("CASE-010", reason) for reason in unmet])
    data: dict[str, Any] = {"deadline": name, "kind": kind, "by": by}
    if kind == EXTENDED:
        data["armed"] = {
            name: [micros(armed.due) + by, armed.ladder, armed.since, armed.base, armed.within, armed.length]
        }
    else:
        data["until"] = max(micros(now), delay.until) + by
    return Event("postponed", actor.user, now, data, actor.account)


def _running(book: Rulebook, case: Case, name: str) -> Deadline:
    """The deadline of that name or title that is running; there is none: told with those there are."""
    of_state = {item.name: item for item in book.workflows[case.workflow].states[case.state].deadlines}
    running = {key: item for key, item in of_state.items() if key in case.deadlines}
    for key, item in running.items():
        if name in (key, item.title):
            return item
    shown = listing([f"{key}（{item.title}）" for key, item in running.items()]) or "无"
    raise BadInput(
        Problem(
            "CASE-030",
            f"案件没有时限 {name}",
            f"正在计的：{shown}",
            nearest(name, [*running, *(item.title for item in running.values())]),
        )
    )
