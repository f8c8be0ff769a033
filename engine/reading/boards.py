"""Boards: what is hers to do, her unit's, to be signed for, due soon, overdue or shelved; counted, and listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from engine.commands.custody import MOST_ROWS, sight
from engine.core.case import AT, micros, wall_time
from engine.core.errors import BadInput, Damaged, Problem, Refused, listing, nearest
from engine.core.noting import title_of
from engine.core.org import Actor
from engine.core.reckoning import MICRO
from engine.core.values import duration_words
from engine.reading import doers
from engine.reading.asked import unit_of
from engine.reading.names import named as with_names
from engine.service import Office

SOON = timedelta(hours=4)
"""Due within so long is due soon."""
BOARDS = {
    "mine": "我的",
    "department": "部门",
    "community": "社区",
    "waiting": "待签收",
    "soon": "将到期",
    "overdue": "超期",
    "shelved": "挂账",
}
_OURS = "(:all OR c.owner IN (SELECT value FROM json_each(:units)))"
_HOME = "(c.owner IN (SELECT value FROM json_each(:communities))) = (:board = 'community')"
_OFFER = "json_extract(c.snapshot, '$.offer[0]'), json_extract(c.snapshot, '$.offer[2]')"
_CASES = (
    '"case" AS c LEFT JOIN deadline AS d ON d.case_id = c.id AND d.name ='
    " (SELECT e.name FROM deadline AS e WHERE e.case_id = c.id ORDER BY e.due, e.name LIMIT 1)"
    f" WHERE c.final = '' AND {_OURS} AND {_HOME}"
)
_DUE = 'deadline AS d JOIN "case" AS c ON c.id = d.case_id WHERE'
_TASK = 'task AS t JOIN "case" AS c ON c.id = t.case_id WHERE'
_SCHEDULE = f"substr(d.name, 1, instr(d.name, '{AT}') - 1)"
_FROM = {
    "mine": f"{_TASK} t.state = 'claimed' AND t.who = :user AND (:all OR EXISTS (SELECT 1 FROM involved AS i"
    " WHERE i.case_id = c.id AND i.unit IN (SELECT value FROM json_each(:units))))",
    "department": _CASES,
    "community": _CASES,
    "waiting": f"{_DUE} d.name = 'hand_over' AND (:all OR json_extract(c.snapshot, '$.offer[0]')"
    " IN (SELECT value FROM json_each(:units)) OR (c.owner IN (SELECT value FROM json_each(:units))"
    " AND json_extract(c.snapshot, '$.offer[0]') IN (SELECT value FROM json_each(:unstaffed))))",
    "soon": f"{_DUE} d.due > :now AND d.due <= :soon AND {_OURS}",
    "overdue": f"{_DUE} d.due <= :now AND (:all OR {doers.hers(_SCHEDULE)})",
    "shelved": f"{_DUE} d.shelved_until > :now AND {_OURS}",
}
"""Where each board finds what stands on it."""
_COUNTED = {
    "mine": "sum(t.ends <= :now), 0",
    "waiting": "sum(d.due <= :now), count(DISTINCT nullif(json_extract(c.snapshot, '$.offer[2]'), ''))",
    "soon": "0, 0",
    "shelved": "sum(d.due <= :now), 0",
}
_COUNTS = {name: f"SELECT count(*), {counted} FROM {_FROM[name]}" for name, counted in _COUNTED.items()}
_BY_OWNER = (
    f"SELECT c.owner, count(*) FROM \"case\" AS c WHERE c.final = '' AND {_OURS} GROUP BY c.owner",
    f"SELECT c.owner, count(DISTINCT c.id), count(*) FROM {_FROM['overdue']} GROUP BY c.owner",
    (
        "SELECT CASE WHEN :all OR c.owner IN (SELECT value FROM json_each(:units)) THEN c.owner ELSE '' END AS owner,"
        f" count(*) FROM {_TASK} t.state IN ('open', 'claimed') AND t.due <= :now"
        f" AND (:all OR {doers.hers('t.schedule')}) GROUP BY 1"
    ),
)
"""Open cases; overdue ones, with how many deadlines; and tasks to be done now."""


class Board(NamedTuple):
    """How much stands on a board, how much of it is overdue, and what is counted."""

    name: str
    title: str
    number: int
    overdue: int
    about: str


def boards(office: Office, actor: Actor, unit: str = "") -> list[Board]:
    """Every board with its counts: what her units answer for now, or everything for whoever sees all cases.

    `unit`: that unit's, one of hers or for whoever sees all cases.
    """
    asked = _asked(office, actor, "", unit)
    with office.store.reading() as driver:
        counts = {name: driver.execute(sql, asked).fetchone() for name, sql in _COUNTS.items()}
        cases, late_ones, work = (driver.execute(sql, asked).fetchall() for sql in _BY_OWNER)
    communities = office.book().organisation.communities

    def of(rows: Iterable[tuple[Any, ...]], *, community: bool) -> int:
        return sum(row[1] for row in rows if (row[0] in communities) == community)

    past = sum(row[2] for row in late_ones)
    counts |= {
        "department": (of(cases, community=False), of(late_ones, community=False)),
        "community": (of(cases, community=True), of(late_ones, community=True)),
        "overdue": (past, past),
    }
    about = {
        "mine": "我认领的任务",
        "department": f"部门、场所等负责的案件；现在该做的任务 {of(work, community=False)} 项",
        "community": f"社区负责的案件；现在该做的任务 {of(work, community=True)} 项",
        "waiting": f"等待签收的案件，其中车次 {counts['waiting'][2]} 个",
        "soon": f"{duration_words(SOON)}内到期的时限",
        "overdue": f"已过的时限，涉及案件 {sum(row[1] for row in late_ones)} 件",
        "shelved": "挂账中的时限",
    }
    return [Board(name, title, counts[name][0], counts[name][1] or 0, about[name]) for name, title in BOARDS.items()]


def board(office: Office, actor: Actor, asked_for: str, most: int = MOST_ROWS, unit: str = "") -> list[dict[str, Any]]:
    """What stands on one board (`unit`: that of this unit), due first above; the board by its name or Chinese one."""
    name = next((name for name, title in BOARDS.items() if asked_for in (name, title)), "")
    if not name:
        options = [*BOARDS.values(), *BOARDS]
        expected = f"可用：{listing(list(BOARDS.values()))}"
        raise BadInput(Problem("ARG-005", f"没有看板 {asked_for}", expected, nearest(asked_for, options)))
    asked = _asked(office, actor, name, unit)
    named = f"t.schedule || '{AT}' || t.due, t.ends" if name == "mine" else "d.name, d.due"
    offer = _OFFER if name == "waiting" else "'', ''"
    with office.store.reading() as driver:
        rows = driver.execute(
            f"SELECT c.id, c.category, c.release, c.workflow, c.state, c.owner, {named}, {offer} FROM {_FROM[name]}"
            " ORDER BY 8 IS NULL, 8, c.id LIMIT :most",
            asked | {"most": most},
        ).fetchall()
    told = _teller(office, asked["now"])
    return with_names(office, [told(*row) for row in rows])


def _asked(office: Office, actor: Actor, name: str, unit: str) -> dict[str, Any]:
    """What the questions above are asked with."""
    now = office.now()
    everything, _, _ = sight(office, actor)
    organisation = office.book().organisation
    unit = unit_of(organisation, unit)
    if unit and not everything and unit not in actor.units():
        raise Refused(Problem("AUTH-002", f"{actor.user} 不能看 {unit} 的看板", "看得到全部案件的角色，或本单位的人"))
    return {
        "unstaffed": json.dumps([unit for unit in organisation.units if not organisation.staffed(unit)]),
        "all": everything and not unit,
        **doers.asked(office.book(), frozenset({unit}) if unit else actor.units()),
        "communities": json.dumps(sorted(organisation.communities)),
        "board": name,
        "user": actor.user,
        "now": micros(now),
        "soon": micros(now + SOON),
    }


def _teller(office: Office, now: int) -> Callable[..., dict[str, Any]]:
    """A row of a board as it is told."""

    def told(
        case: str,
        category: str,
        release: int,
        workflow: str,
        state: str,
        owner: str,
        name: str | None,
        due: int | None,
        receiver: str,
        trip: str,
    ) -> dict[str, Any]:
        state_title, what = _titles(office, release, workflow, state, name or "")
        return {
            "case": case,
            "category": category,
            "state": state,
            "state_title": state_title,
            "owner": owner,
            "receiver": receiver,
            "trip": trip,
            "what": what,
            "due": wall_time(due, office.book(release).zone) if due is not None else "",
            "overdue": late(due, now),
        }

    return told


def _titles(office: Office, release: int, workflow: str, state: str, name: str) -> tuple[str, str]:
    """What the state and the deadline are called; of a case whose rules cannot be read, their names."""
    try:
        flow = office.book(release).workflows[workflow]
    except Damaged:
        return state, name
    return flow.states[state].title, title_of(flow, name, state) if name else ""


def late(due: int | None, now: int) -> str:
    """By how long something is overdue, in words of days, hours and minutes; empty: it is not."""
    if due is None or due > now:
        return ""
    minutes = (now - due) * MICRO // timedelta(minutes=1)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    words = [f"{days} 天" if days else "", f"{hours} 小时" if hours else ""]
    words.append(f"{minutes} 分" if minutes and not days else "")
    return " ".join(word for word in words if word) or "刚到"
