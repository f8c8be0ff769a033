"""The read side: lists of cases, tasks and alerts, and one case whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from engine.commands.custody import line
from engine.commands.privacy import personal
from engine.core import lifecycle
from engine.core.case import Case, micros, moment, wall_time
from engine.core.conditions import Fact, from_json, label
from engine.core.corrections import RECLASSIFIED
from engine.core.custody import asked_of_receiver
from engine.core.errors import Damaged
from engine.core.evolving import delayed
from engine.core.judging import typed
from engine.core.noting import title_of
from engine.core.org import Actor
from engine.core.planning import WEEK, dues
from engine.core.rulebook import Rulebook, Subject
from engine.core.why import why
from engine.core.workflows import Workflow
from engine.intake.exchange import channels
from engine.reading import doers
from engine.reading.asked import schedules_of, states_of, unit_of, workflow_of
from engine.reading.boards import late
from engine.reading.names import named
from engine.reading.timeline import decisions, timeline
from engine.reading.ways import evidence, ways
from engine.service import REASON, SIGNED, Office
from engine.store.changes import RAISED
from engine.timing import setbacks

MOST_ROWS = 200
VISIBLE = "(? OR c.id IN (SELECT case_id FROM involved WHERE unit IN (SELECT value FROM json_each(?))))"
"""Which cases `c` an actor may see; its two values come from `reach`."""
_CASES = (
    "SELECT c.id, c.category, c.workflow, c.state, c.owner, c.final, c.release, c.opened_at, min(d.due),"  # noqa: S608
    " max(d.shelved_until)"
    ' FROM "case" AS c LEFT JOIN deadline AS d ON d.case_id = c.id'
    f" WHERE (c.final = '') = ? AND (? = '' OR c.state IN (SELECT value FROM json_each(?))) AND {VISIBLE}"
    " AND (? = '' OR c.owner = ?) AND (? = '' OR c.workflow = ?)"
    " GROUP BY c.id HAVING NOT ? OR min(d.due) <= ? ORDER BY min(d.due) IS NULL, min(d.due), c.opened_at LIMIT ?"
)
OPEN_ALERTS = (
    "SELECT a.case_id, a.name, a.rung, a.level, a.told, a.due, a.raised_at, a.acknowledged_by, c.release,"  # noqa: S608
    " c.workflow, c.state, CASE WHEN a.armed_by = d.armed_by OR a.name IN (SELECT value FROM json_each(?)) THEN ''"
    " WHEN d.name IS NULL THEN 'ended' ELSE 'moved' END AS past"
    ' FROM alert AS a JOIN "case" AS c ON c.id = a.case_id'
    " LEFT JOIN deadline AS d ON d.case_id = a.case_id AND d.name = a.name"
    f" WHERE (? OR (a.acknowledged_at IS NULL AND past = '')) AND {VISIBLE}"
)
_ALERTS = f"{OPEN_ALERTS} AND (? = '' OR a.case_id = ?) ORDER BY a.raised_at DESC, a.case_id, a.rung DESC LIMIT ?"
_INCIDENTS = (
    "SELECT i.kind, i.case_id, i.name, i.tries, i.since"  # noqa: S608
    ' FROM incident AS i LEFT JOIN "case" AS c ON c.id = i.case_id'
    f" WHERE i.tries >= {setbacks.TRIES} AND (? OR {VISIBLE}) ORDER BY i.since DESC LIMIT ?"
)


_TASKS = (
    "SELECT t.case_id, t.schedule, t.due, t.ends, t.who, c.owner, c.category, c.workflow, c.release"  # noqa: S608
    ' FROM task AS t JOIN "case" AS c ON c.id = t.case_id'
    " WHERE t.state IN ('open', 'claimed') AND (:who = '' OR t.who = :who)"
    " AND (:workflow = '' OR c.workflow = :workflow) AND (:task = '' OR c.workflow || ' ' || t.schedule"
    f" IN (SELECT value FROM json_each(:schedules))) AND (:everything OR {doers.hers('t.schedule')})"
    " AND (:all OR c.id IN (SELECT case_id FROM involved WHERE unit IN (SELECT value FROM json_each(:units))))"
    " ORDER BY t.due, t.case_id LIMIT :most"
)
FURTHER = 3
"""So many due times of a plan are shown beyond the tasks that are made."""


def reach(office: Office, actor: Actor) -> tuple[bool, str]:
    """Whether she sees every case, and the units whose cases she sees."""
    return office.book().organisation.sees_all(actor), json.dumps(sorted(actor.units()))


def case_list(
    office: Office,
    actor: Actor,
    *,
    closed: bool = False,
    state: str = "",
    unit: str = "",
    workflow: str = "",
    overdue: bool = False,
    most: int = MOST_ROWS,
) -> list[dict[str, Any]]:
    """The cases an actor may see, those due first; open ones unless asked.

    Only those of one state or workflow (by name or title), of one unit, or overdue, where that is asked.
    """
    book, now = office.book(), office.now()
    owned, flow = unit_of(book.organisation, unit), workflow_of(book, workflow)
    stands = (0 if closed else 1, state, json.dumps(states_of(book, state)))
    asked = (*stands, *reach(office, actor), owned, owned, flow, flow, overdue, micros(now), most)
    with office.store.reading() as driver:
        rows = driver.execute(_CASES, asked).fetchall()
    listed = []
    for case_id, category, name, at, owner, final, release, opened_at, due, shelved in rows:
        book = office.book(release)
        listed.append(
            {
                "case": case_id,
                "category": category,
                "workflow": name,
                "state": at,
                "state_title": book.workflows[name].states[at].title,
                "owner": owner,
                "final": final,
                "opened_at": wall_time(opened_at, book.zone),
                "due": wall_time(due, book.zone) if due else "",
                "overdue": bool(due and moment(due) <= now),
                "shelved_until": wall_time(shelved, book.zone) if shelved and moment(shelved) > now else "",
            }
        )
    return named(office, listed)


def alert_list(
    office: Office,
    actor: Actor,
    *,
    everything: bool = False,
    of: str = "",
    raised: bool = True,
    most: int = MOST_ROWS,
) -> list[dict[str, Any]]:
    """What fails again and again, then alerts not yet acknowledged, the newest first, of the cases an actor may see.

    `everything`: also those acknowledged, and those of a deadline that has moved or ended since; `of`: those of one
    case only; without `raised`, only what belongs to no deadline.
    """
    asked = (json.dumps(sorted(RAISED)), everything, *reach(office, actor), of, of, most)
    rows: list[tuple[Any, ...]] = []
    if raised:
        with office.store.reading() as driver:
            rows = driver.execute(_ALERTS, asked).fetchall()
    zone = office.book().zone
    listed = [alert_row(office, zone, *row) for row in rows]
    return listed if of else (_incidents(office, actor, most) + listed + _silent(office, actor))[:most]


def alert_row(
    office: Office, zone: tzinfo, case_id: str, name: str, rung: int, level: str, *rest: Any
) -> dict[str, Any]:
    """An alert as it is listed."""
    told, due, raised_at, by, release, workflow, state, past = rest
    return {
        "case": case_id,
        "deadline": name,
        "title": _alert_title(office, release, workflow, state, name),
        "rung": rung,
        "level": level,
        "told": told,
        "due": wall_time(due, zone),
        "raised_at": wall_time(raised_at, zone),
        "acknowledged_by": by or "",
        "superseded": past,
    }


def task_list(
    office: Office,
    actor: Actor,
    *,
    mine: bool = False,
    everything: bool = False,
    task: str = "",
    workflow: str = "",
    most: int = MOST_ROWS,
) -> list[dict[str, Any]]:
    """Tasks to be done, the first due first: of her units' cases and those left to them, hers only, or all she sees.

    Only one task, or those of one workflow (by name or title), where that is asked.
    """
    book = office.book()
    asked: dict[str, Any] = {"who": actor.user if mine else "", "everything": mine or everything, "most": most}
    asked |= {"task": task, "schedules": json.dumps(schedules_of(book, task)), "workflow": workflow_of(book, workflow)}
    asked |= {"all": reach(office, actor)[0], **doers.asked(office.book(), actor.units())}
    with office.store.reading() as driver:
        rows = driver.execute(_TASKS, asked).fetchall()
    now = micros(office.now())
    listed = []
    for case_id, schedule, due, ends, by, owner, category, name, release in rows:
        book = office.book(release)
        flow = book.workflows[name]
        of = flow.tasks[flow.schedules[schedule].task]
        listed.append(
            {
                "case": case_id,
                "category": category,
                "owner": owner,
                "task": of.name,
                "title": of.title,
                "due": wall_time(due, book.zone),
                "ends": wall_time(ends, book.zone),
                "state": _task_state("claimed" if by else "open", due, ends, now),
                "who": by,
                "overdue": ends <= now,
            }
        )
    return named(office, listed)


def _task_state(state: str, due: int, ends: int, now: int) -> str:
    """A task in words; one whose time has passed undone is overdue by itself."""
    if state in ("open", "claimed") and ends <= now:
        return "超期"
    if state == "open":
        return "待做" if due <= now else "未到时"
    return {"claimed": "已认领", "done": "已做", "skipped": "免做", "missed": "漏做", "ended": "已停"}[state]


def _tasks(office: Office, case: Case, flow: Workflow) -> list[dict[str, Any]]:
    """The tasks of a case that are made, and of each plan the next due times beyond them, as reckoned."""
    zone, roles = office.book(case.release).zone, office.book(case.release).organisation.roles
    now = micros(office.now())
    with office.store.reading() as driver:
        rows = driver.execute(
            "SELECT schedule, due, ends, state, who FROM task WHERE case_id = ? ORDER BY due, schedule", (case.id,)
        ).fetchall()
        nexts = driver.execute(
            "SELECT name, next_at FROM schedule WHERE case_id = ? AND ended = 0 AND next_at IS NOT NULL", (case.id,)
        ).fetchall()
    made = [(due, name, ends, _task_state(state, due, ends, now), who) for name, due, ends, state, who in rows]
    for name, next_at in nexts:
        further = [due for due in dues(case.plans[name], next_at, next_at + 2 * WEEK, zone) if due > now]
        made += [(due, name, due + case.plans[name].within, "计划", "") for due in further[:FURTHER]]
    return [
        {
            "task": flow.schedules[name].task,
            "title": flow.schedules[name].title,
            "due": wall_time(due, zone),
            "ends": wall_time(ends, zone),
            "state": state,
            "who": who,
            "skip_by": [roles[role].title for role in flow.tasks[flow.schedules[name].task].skip_by],
        }
        for due, name, ends, state, who in sorted(made)
    ]


def _alert_title(office: Office, release: int, workflow: str, state: str, name: str) -> str:
    """The title of what an alert is about; of a case whose rules cannot be read, its name."""
    try:
        return title_of(office.book(release).workflows[workflow], name, state)
    except Damaged:
        return name


def _silent(office: Office, actor: Actor) -> list[dict[str, Any]]:
    """Channels that have gone silent, for those who are told of it."""
    book = office.book()
    if not reach(office, actor)[0] and book.default_owner not in actor.units():
        return []
    return [
        {
            "case": "",
            "deadline": channel.source,
            "title": f"{channel.source}没有来名单，已断 {late(channel.since, micros(office.now()))}",
            "rung": 0,
            "level": "蓝",
            "told": setbacks.head(book),
            "due": "",
            "raised_at": wall_time(channel.since, book.zone),
            "acknowledged_by": "",
            "superseded": "",
        }
        for channel in channels(office)
        if channel.silent
    ]


def _incidents(office: Office, actor: Actor, most: int) -> list[dict[str, Any]]:
    """What could not be done in several tries: shown also to the default owner, whose head is told of it."""
    book = office.book()
    asked = book.default_owner in actor.units()
    with office.store.reading() as driver:
        rows = driver.execute(_INCIDENTS, (asked, *reach(office, actor), most)).fetchall()
    return [
        {
            "case": case_id,
            "deadline": name,
            "title": f"{setbacks.WORDS[kind]}（{name}），已试 {tries} 次",
            "rung": 0,
            "level": "红",
            "told": setbacks.head(book),
            "due": "",
            "raised_at": wall_time(since, book.zone),
            "acknowledged_by": "",
            "superseded": "",
        }
        for kind, case_id, name, tries, since in rows
    ]


def case_show(office: Office, case_id: str, actor: Actor, reveal: str = "") -> dict[str, Any]:
    """Everything of one case: facts (masked), deadlines, clocks, what can be done now, and its timeline."""
    case, _ = office.case(case_id, actor)
    book = office.book(case.release)
    kind = book.kind_of(case.workflow)
    flow = book.workflows[case.workflow]
    known = personal(office, case, actor, reveal)
    titles = {name: of.title for name, of in kind.fields.items()}
    clocks = {}
    for name in flow.clocks:
        count = lifecycle.count_of(book, case, name)
        done = count.done_at.astimezone(book.zone).isoformat() if count.done_at else ""
        note = f"{count.note}（已提前结束）" if count.cut_short else count.note
        clocks[count.title] = {
            "day_zero": str(count.day_zero or ""),
            "days": count.days,
            "done_at": done,
            "note": note,
        }
    told = timeline(office, case)
    now = micros(office.now())
    successor = next((event["data"]["successor"] for event in told if event["type"] == RECLASSIFIED), "")
    return office.answer(book, case) | {
        "workflow_title": flow.title,
        "release": case.release,
        "subject": case.subject,
        "lead": case.lead,
        "supporting": list(case.supporting),
        "opened_at": case.opened_at.astimezone(book.zone).isoformat(),
        "personal": {_title(titles, name): known[name] for name in sorted(known, key=_order(kind))},
        "facts": _facts(book, kind, typed(book, case)) | _said_otherwise(kind, told),
        "clocks": clocks,
        "tasks": _tasks(office, case, flow),
        "why": {name: why(book, case, name) for name in case.deadlines},
        "shelved_until": {
            name: wall_time(until, book.zone)
            for name, armed in case.deadlines.items()
            if (until := delayed(case, name, armed.base).until) > now
        },
        "overdue": {name: past for name, armed in case.deadlines.items() if (past := late(micros(armed.due), now))},
        "since": wall_time(micros(case.held.at), book.zone),
        "can": [told for told, able in ways(office, book, case, [actor]) if able],
        "asked_of_receiver": evidence(kind, asked_of_receiver(book, case)),
        "proposed": [_title(titles, name) for name in case.proposal.facts] if case.proposal else [],
        "asked_under": case.asked.release if case.asked else None,
        "custody": line(office, case_id, actor),
        "parents": _parents(office, case),
        "children": [
            {"case": name, **child._asdict(), "title": flow.children[child.kind].title}
            for name, child in case.children.items()
        ],
        "follows": case.follows,
        "followed_by": successor,
        "decisions": decisions(kind, told),
        "timeline": told,
    }


def _parents(office: Office, case: Case) -> list[dict[str, str]]:
    """The cases that a case hangs on, and what it is to each, as that one's workflow calls it."""
    told = []
    for name, kind in case.parents.items():
        found = office.store.load(name)
        children = office.book(found[0].release).workflows[found[0].workflow].children if found else {}
        told.append({"case": name, "as": kind, "title": children[kind].title if kind in children else kind})
    return told


def _order(kind: Subject) -> Callable[[str], int]:
    """Facts in the order of the pack; what other sources said comes behind."""
    places = {name: place for place, name in enumerate(kind.fields)}
    return lambda name: places.get(name, len(places))


def _facts(book: Rulebook, kind: Subject, facts: Mapping[str, Fact]) -> dict[str, str]:
    told = {}
    for name in sorted(facts, key=_order(kind)):
        value = facts[name]
        if isinstance(value, datetime):
            told[kind.fields[name].title] = wall_time(micros(value), book.zone)
        else:
            told[kind.fields[name].title] = label(kind.fields[name], value)
    return told


def _said_otherwise(kind: Subject, events: list[dict[str, Any]]) -> dict[str, str]:
    """What other sources say of a fact that is known otherwise, and which they are."""
    told = {}
    for event in events:
        for name, value in event["data"].get("other", {}).items():
            origin = event["data"].get("origin", {})
            of = kind.fields[name]
            source = f"{origin.get('source', '')} {origin.get('file', '')}:{origin.get('row', '')}"
            told[f"{of.title}（来自 {source}）"] = label(of, from_json(of, value))
    return told


def _title(titles: dict[str, str], name: str) -> str:
    if name.startswith(REASON):
        return f"理由（{name.removeprefix(REASON)}）"
    if name.startswith(SIGNED):
        return f"签收人（{name.removeprefix(SIGNED)}）"
    base, _, origin = name.partition("@")
    return titles.get(base, base) + (f"（来自 {origin}）" if origin else "")
