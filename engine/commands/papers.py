"""Papers printed and served: who opened what for which paper is recorded, and so is who received it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.case import Case, Event, micros, moment, parts, wall_time
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.judging import typed
from engine.core.noting import title_of
from engine.core.org import Actor
from engine.core.papers import ANY, TRIP, Paper
from engine.core.rulebook import Rulebook
from engine.core.whose import whose
from engine.ids import read_id
from engine.papers import compose
from engine.reading.boards import late
from engine.service import SIGNED, Office
from engine.step import Step
from engine.store import subjects
from engine.store.changes import Change
from engine.store.store import Driver

MOST = 2000
"""So many papers at most are printed at once."""
SERVED_AT, SIGNED_BY = "送达时间", "签收人"
_FOUND = (
    'SELECT c.id FROM "case" AS c WHERE c.workflow IN (SELECT value FROM json_each(?))'
    " AND c.workflow || ' ' || c.state IN (SELECT value FROM json_each(?)) AND (? OR c.id IN"
    " (SELECT case_id FROM involved WHERE unit IN (SELECT value FROM json_each(?))))"
    " AND (? OR c.id IN (SELECT case_id FROM deadline WHERE due <= ?)) ORDER BY c.opened_at, c.id LIMIT ?"
)
_LATE = (
    "SELECT d.name, d.due, a.level, a.told FROM deadline AS d LEFT JOIN alert AS a ON a.case_id = d.case_id"
    " AND a.armed_by = d.armed_by AND a.name = d.name AND a.rung = (SELECT max(rung) FROM alert"
    " WHERE case_id = d.case_id AND armed_by = d.armed_by AND name = d.name)"
    " WHERE d.case_id = ? AND d.due <= ? ORDER BY d.due, d.name"
)
_LATEST = (
    "SELECT type, json_extract(data, '$.paper') AS p, max(occurred_at) FROM event"
    " WHERE case_id = ? AND type IN ('printed', 'served') GROUP BY type, p"
)
_ON_BOARD = "SELECT case_id, outcome FROM trip_case WHERE trip = ? ORDER BY case_id"
_OUTCOMES = {"accepted": "已签收", "missing": "未到", "returned": "退回", "moved": "另行办理"}


@dataclass(slots=True)
class Sheet:
    """A paper of one case or trip, as it is named and what it says."""

    name: str
    code: str
    data: dict[str, Any]
    of: list[tuple[Case, bytes]]
    """The cases it is of."""
    impersonal: bool = False
    """Whether nothing personal is said of them."""


def paper_of(book: Rulebook, name: str) -> Paper:
    """The paper of that name or title."""
    for paper in book.papers.values():
        if name in (paper.name, paper.title):
            return paper
    options = list(book.papers)
    raise BadInput(Problem("PAPER-002", f"没有文书 {name}", f"可用：{listing(options)}", nearest(name, options)))


def suitable(office: Office, name: str, actor: Actor, state: str = "") -> list[str]:
    """The cases she sees that a paper is of, where they stand now; `state` by its name or title."""
    book = office.book()
    paper = paper_of(book, name)
    if paper.of == (TRIP,):
        raise Refused(Problem("PAPER-003", f"{paper.title}按车次打印", "写明车次，见 bihuan trip list"))
    flows = [flow for flow in book.workflows.values() if paper.of == (ANY,) or flow.name in paper.of]
    allowed = [
        (f"{flow.name} {of.name}", of)
        for flow in flows
        for of in flow.states.values()
        if not paper.states or of.name in paper.states
    ]
    states = [where for where, of in allowed if not state or state in (of.name, of.title)]
    if not states:
        options = list(dict.fromkeys(of.title for _, of in allowed))
        raise BadInput(
            Problem("ARG-005", f"{paper.title}不用于环节 {state}", f"可用：{listing(options)}", nearest(state, options))
        )
    everything = any(role in paper.by and paper.everywhere(book.organisation, role) for role, _ in actor.roles)
    names, units = json.dumps([flow.name for flow in flows]), json.dumps(sorted(actor.units()))
    asked = (names, json.dumps(states), everything, units, paper.rows is None, micros(office.now()), MOST + 1)
    with office.store.reading() as driver:
        rows = driver.execute(_FOUND, asked).fetchall()
        if len(rows) > MOST:
            raise Refused(Problem("PAPER-003", f"一次要打印的案件超过 {MOST} 件", "用 --state 分批"))
        return [case_id for (case_id,) in rows if _has(office, driver, paper.name, case_id, actor)]


def _has(office: Office, driver: Driver, name: str, case_id: str, actor: Actor) -> bool:
    """Whether a case has this paper by the rules it goes by, for this actor to print."""
    found = office.store.load(case_id)
    if found is None:
        return False
    case = found[0]
    book = office.book(case.release)
    if name not in book.papers or not book.papers[name].suits(case, typed(book, case)):
        return False
    return not (book.papers[name].by_others and actor.units() & set(_overdue(book, case, driver, office.now())[1]))


def sheets(office: Office, name: str, codes: Sequence[str], actor: Actor) -> list[Sheet]:
    """The paper of each case (or trip); that it was printed, its personal facts opened for it, is recorded first.

    Whoever only sees a case prints it without them.
    """
    made: list[Sheet] = []

    def decide(now: datetime) -> Step:
        made.clear()
        problems: list[Problem] = []
        unreadable = False
        with office.store.reading() as driver:
            for code in dict.fromkeys(read_id(code) or code for code in codes):
                try:
                    made.append(_sheet(office, driver, name, code, actor, now))
                except (BadInput, Refused) as refused:
                    unreadable |= isinstance(refused, BadInput)
                    problems += [each for each in refused.problems if each not in problems]
        if problems:
            raise (BadInput if unreadable else Refused)(problems)
        return Step(list(_recorded(office, made, actor, now)), {})

    office.act(decide)
    return made


def _recorded(office: Office, made: Iterable[Sheet], actor: Actor, now: datetime) -> Iterator[Change]:
    """That a paper was printed of a case, and whether with its personal facts, told on each once for each paper."""
    opened: dict[str, tuple[Case, bytes]] = {}
    events: dict[str, list[Event]] = {}
    for sheet in made:
        told = {"paper": sheet.name, "number": sheet.data["number"]}
        told |= {"impersonal": True} if sheet.impersonal else {}
        for case, head in sheet.of:
            opened[case.id] = (case, head)
            events.setdefault(case.id, []).append(Event("printed", actor.user, now, told, actor.account))
    for case, head in opened.values():
        yield Change.of(office.book(case.release), case, head, tuple(events[case.id]))


def _sheet(office: Office, driver: Driver, name: str, code: str, actor: Actor, now: datetime) -> Sheet:
    if paper_of(office.book(), name).of == (TRIP,):
        return _of_trip(office, driver, name, code, actor, now)
    case, head = office.case(code, actor)
    book = office.book(case.release)
    paper = paper_of(book, name)
    _allowed(book, paper, actor, case.involved)
    if not paper.suits(case, typed(book, case)):
        stands = book.workflows[case.workflow].states[case.state].title
        lacks = paper.lacks(book.kind_of(case.workflow).fields)
        where = _where(book, paper) + (f"，要求{lacks}" if lacks else "")
        raise Refused(Problem("PAPER-003", f"案件 {case.id} 在“{stands}”，不出{paper.title}", where))
    lines, units = _overdue(book, case, driver, now) if paper.rows else ([], ())
    if paper.rows and not lines:
        raise Refused(Problem("PAPER-003", f"案件 {case.id} 没有超期的时限，不出{paper.title}", "见 bihuan case show"))
    if paper.by_others and (own := actor.units() & set(units)):
        what = f"案件 {case.id} 逾期的事归 {listing(sorted(own))} 办，{actor.user} 不能出{paper.title}"
        raise Refused(Problem("AUTH-002", what, "由别的单位的人出"))
    hers = book.organisation.concerns(actor, case.involved)
    known = compose.of_case(book, case, _personal(office, driver, case.subject) if hers else {})
    known |= compose.of_doers(book, units)
    data = compose.page(book, paper, case.id, known, lines, now, rehearsal=office.rehearsal)
    return Sheet(paper.name, case.id, data, [(case, head)], impersonal=not hers)


def _of_trip(office: Office, driver: Driver, name: str, code: str, actor: Actor, now: datetime) -> Sheet:
    book = office.book()
    paper = paper_of(book, name)
    row = driver.execute(
        "SELECT id, vehicle, giver, receiver, opened_at, received_at FROM trip WHERE id = ?", (code,)
    ).fetchone()
    if row is None:
        raise BadInput(Problem("CASE-404", f"没有车次 {code}", "编号见 bihuan trip list"))
    trip, vehicle, giver, receiver, opened, received = row
    _allowed(book, paper, actor, (giver, receiver))
    lines, aboard = [], []
    for case_id, outcome in driver.execute(_ON_BOARD, (trip,)).fetchall():
        if (found := office.store.load(case_id)) is None:
            continue
        aboard.append(found)
        case = found[0]
        known = compose.of_case(office.book(case.release), case, _personal(office, driver, case.subject))
        lines.append(known | {"outcome": _OUTCOMES.get(outcome, outcome)})
    told = {"trip": trip, "vehicle": vehicle, "giver": giver, "receiver": receiver, "count": len(lines)}
    told |= {"opened": opened, "received": received}
    known = compose.of_trip(book, told, _personal(office, driver, trip).get("driver", ""))
    data = compose.page(book, paper, trip, known, lines, now, rehearsal=office.rehearsal)
    return Sheet(paper.name, trip, data, aboard)


def _personal(office: Office, driver: Driver, subject: str) -> dict[str, str]:
    key = subjects.keys(driver, office.master, [subject]).get(subject)
    return subjects.opened(driver, key) if key is not None else {}


def _overdue(
    book: Rulebook, case: Case, driver: Driver, now: datetime
) -> tuple[list[Mapping[str, str]], tuple[str, ...]]:
    """The deadlines of a case that have passed, each with who was urged last and who may settle it; and those units."""
    flow = book.workflows[case.workflow]
    rows = driver.execute(_LATE, (case.id, micros(now))).fetchall()
    doers = {key: whose(book, case, name) for key, name in {parts(name)[0]: name for name, *_ in rows}.items()}
    lines: list[Mapping[str, str]] = [
        {
            "deadline": title_of(flow, name, case.state),
            "due": compose.time_words(moment(due), book.zone),
            "late": late(due, micros(now)),
            "level": level or "",
            "told": told or "",
            "doer": "、".join(doer.words(book) for doer in doers[parts(name)[0]]),
        }
        for name, due, level, told in rows
    ]
    return lines, tuple(dict.fromkeys(doer.unit for name, *_ in rows for doer in doers[parts(name)[0]]))


def _allowed(book: Rulebook, paper: Paper, actor: Actor, units: Iterable[str]) -> None:
    if not paper.may(book.organisation, actor, frozenset(units)):
        roles = [book.organisation.roles[role].title for role in paper.by]
        raise Refused(Problem("AUTH-002", f"{actor.user} 不能出{paper.title}", f"可以出的角色：{listing(roles)}"))


def _where(book: Rulebook, paper: Paper) -> str:
    """Where a paper is printed, in words."""
    flows = [flow for flow in book.workflows.values() if paper.of == (ANY,) or flow.name in paper.of]
    states = [of.title for flow in flows for of in flow.states.values() if of.name in paper.states]
    where = f"，环节 {listing(list(dict.fromkeys(states)))}" if states else ""
    return f"用于流程 {listing([flow.title for flow in flows])}{where}"


def serve(
    office: Office, case_id: str, name: str, actor: Actor, served_at: datetime, signed_by: str, request_key: str = ""
) -> dict[str, Any]:
    """Record that a paper was served: when, and who signed for it (sealed); only what was printed can be."""
    raw = {"at": served_at.isoformat(), "signed": signed_by}
    digest = office.digest("serve", f"{case_id} {name}", actor.user, raw) if request_key else ""

    def decide(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        book = office.book(case.release)
        paper = paper_of(book, name)
        _allowed(book, paper, actor, case.involved)
        _timely(office, case, paper, served_at, now)
        happened = Event("served", actor.user, served_at, {"paper": paper.name}, actor.account)
        kind = book.kind_of(case.workflow)
        sealed = office.seal(case.subject, kind, {f"{SIGNED}{case.id}:{case.seq + 1}": signed_by.strip()})
        change = Change.of(book, case, head, (happened,))
        return Step([change], {"case": case.id, "paper": paper.name, "served_at": served_at.isoformat()}, sealed)

    if not signed_by.strip():
        raise BadInput(Problem("FACT-003", f"缺少 {SIGNED_BY}", "必填"))
    return office.act(decide, request_key, digest)


def _timely(office: Office, case: Case, paper: Paper, served_at: datetime, now: datetime) -> None:
    """A paper is served after it was printed, and not tomorrow."""
    with office.store.reading() as driver:
        (printed,) = driver.execute(
            "SELECT min(occurred_at) FROM event WHERE case_id = ? AND type = 'printed'"
            " AND json_extract(data, '$.paper') = ?",
            (case.id, paper.name),
        ).fetchone()
    if printed is None:
        raise Refused(Problem("PAPER-004", f"案件 {case.id} 没有打印过{paper.title}", "先 bihuan paper print"))
    if not printed // 60_000_000 * 60_000_000 <= micros(served_at) <= micros(now):
        zone = office.book(case.release).zone
        first = moment(printed).astimezone(zone)
        raise Refused(
            Problem(
                "PAPER-004",
                f"{SERVED_AT}不对：{served_at.astimezone(zone):%Y-%m-%d %H:%M}",
                f"不早于打印（{first:%Y-%m-%d %H:%M}），不晚于现在",
            )
        )


def papers_of(office: Office, actor: Actor, case_id: str = "") -> list[dict[str, str]]:
    """The papers of the rules and where each is used; of a case: which it has, when printed and when served."""
    if not case_id:
        book = office.book()
        return [
            {
                "paper": paper.name,
                "title": paper.title,
                "used": "车次" if paper.of == (TRIP,) else "任何流程" if paper.of == (ANY,) else _where(book, paper),
                "by": "、".join(book.organisation.roles[role].title for role in paper.by),
            }
            for paper in book.papers.values()
        ]
    case, _ = office.case(case_id, actor)
    book, now = office.book(case.release), micros(office.now())
    facts = typed(book, case)
    with office.store.reading() as driver:
        overdue = driver.execute(_LATE, (case.id, now)).fetchone() is not None
        rows = driver.execute(_LATEST, (case.id,)).fetchall()
    printed, served = ({paper: at for kind, paper, at in rows if kind == of} for of in ("printed", "served"))
    return [
        {
            "paper": paper.name,
            "title": paper.title,
            "printed": _shown(book, printed.get(paper.name)),
            "served": _shown(book, served.get(paper.name)),
        }
        for paper in book.papers.values()
        if paper.name in printed or (paper.suits(case, facts) and (overdue or not paper.rows))
    ]


def _shown(book: Rulebook, at: int | None) -> str:
    return wall_time(at, book.zone) if at is not None else ""
