"""What one command changes, decided and made into rows before the write lock is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from msgspec import Struct

from engine.core.case import WORK, Armed, Case, Event, micros
from engine.core.corrections import Correction
from engine.core.custody import UNSETTLED, Taken, place_of
from engine.core.evolving import delayed, evolve
from engine.core.migrations import ASKED
from engine.core.noting import title_of
from engine.core.record import from_json, to_json
from engine.core.rulebook import Rulebook
from engine.core.units import seat_of
from engine.store.plans import Op, changed


class Due(NamedTuple):
    """A deadline row to be written: the rung to come and when; `next_at` None: no rung is left."""

    name: str
    armed_by: int
    due: int
    ladder: str
    rung: int
    next_at: int | None
    shelved_until: int | None


class Silent(NamedTuple):
    """The ladder of a deadline goes on at `until` or later."""

    name: str
    until: int


class Raised(NamedTuple):
    """An alert to be written, and what to tell whom."""

    armed_by: int
    name: str
    rung: int
    level: str
    told: str
    due: int
    text: str


class Held(NamedTuple):
    """A unit becomes responsible: since when, by which event; no unit: nobody has to be any more."""

    event: int
    unit: str
    since: int


class Aboard(NamedTuple):
    """A case on a trip: the event that offered it, and once answered the event and how."""

    trip: str
    offered: int
    answered: int | None
    outcome: str


class Change(NamedTuple):
    """One command's effect on one case: its events in order and what follows from them."""

    case: Case
    before: Case | None
    head: bytes
    events: tuple[Event, ...]
    due: tuple[Due, ...] = ()
    ended: tuple[str, ...] = ()
    raised: tuple[Raised, ...] = ()
    joined: tuple[str, ...] = ()
    """Units that were not involved before."""
    held: tuple[Held, ...] = ()
    aboard: tuple[Aboard, ...] = ()
    placed: Taken | None = None
    """The place that is taken up now, where it is another."""
    left: bool = False
    """Whether the place it took up is free now."""
    quiet: tuple[Silent, ...] = ()
    """Acknowledged: silent until there was no work for long enough."""
    shelved: tuple[Silent, ...] = ()
    planned: tuple[tuple[Op, ...], ...] = ()
    """What each event does to schedules and tasks."""

    @classmethod
    def of(
        cls,
        book: Rulebook,
        before: Case | None,
        head: bytes,
        events: tuple[Event, ...],
        case_id: str = "",
        was: Rulebook | None = None,
    ) -> Change:
        """What these events do to the rows of a case; `case_id` is needed for its first event only.

        `was`: the rules it was under before, where the events move it under others.
        """
        seq = before.seq if before is not None else 0
        case, raised, held, aboard, quiet, shelved, planned = before, [], [], [], [], [], []
        for happened in events:
            last, case = case, evolve(case, happened, case_id)
            if ops := changed(book, last, case, happened):
                planned.append(tuple(ops))
            raised += _raised(book, case, happened)
            raised += _at_once(book, case, happened)
            quiet += _quiet(case, happened)
            if happened.type == "postponed" and "until" in happened.data:
                shelved.append(Silent(happened.data["deadline"], happened.data["until"]))
            if case.owner != (last.owner if last is not None else ""):
                held.append(Held(case.seq, case.owner, micros(case.held.at)))
            if last is not None:
                aboard += _aboard(last, case, happened)
        if case is None:
            raise ValueError("a change has events")
        heard = {(alert.armed_by, alert.name) for alert in raised}
        due = [
            _due(book, case, name, armed, int((armed.event, name) in heard))
            for name, armed in case.deadlines.items()
            if armed.event > seq
        ]
        ended = [name for name in before.deadlines if name not in case.deadlines] if before is not None else []
        joined = sorted(case.involved - before.involved if before is not None else case.involved)
        lay, lies = place_of(was or book, before) if before is not None else None, place_of(book, case)
        return cls(
            case,
            before,
            head,
            events,
            tuple(due),
            tuple(ended),
            tuple(raised),
            tuple(joined),
            tuple(held),
            tuple(aboard),
            lies if lies != lay else None,
            lay is not None and lies is None,
            tuple([silent for silent in quiet if silent.name in case.acknowledged] if quiet else quiet),
            tuple(shelved),
            tuple(planned),
        )

    def then(self, book: Rulebook, *events: Event) -> Change:
        """This, and after it more events of the same case."""
        return Change.of(book, self.before, self.head, self.events + events, self.case.id)


def corrected(book: Rulebook, change: Change | None, case: Case, head: bytes, done: Correction) -> list[Change]:
    """The changes a correction makes, after what happened to the case before it in the same command."""
    events = (change.events if change is not None else ()) + done.events
    changes = [Change.of(book, change.before if change is not None else case, head, events)]
    if done.successor is not None:
        successor, first = done.successor
        changes.append(Change.of(book, None, b"", (first,), successor))
    return changes


def _aboard(before: Case, case: Case, happened: Event) -> list[Aboard]:
    """A case put on a trip, or taken off it: received, given back, missing at the gate, or moved by something else."""
    trip = case.offer.trip if case.offer is not None and case.offer.event == case.seq else ""
    if trip:
        return [Aboard(trip, case.seq, None, "")]
    if before.offer is None or not before.offer.trip or case.offer is not None:
        return []
    data = happened.data
    if happened.type == "returned":
        outcome = "missing" if data.get("missing") else "returned"
    else:
        outcome = "accepted" if data.get("accepted") or data.get("owner") == before.offer.to else "moved"
    return [Aboard(before.offer.trip, before.offer.event, case.seq, outcome)]


def _due(book: Rulebook, case: Case, name: str, armed: Armed, rung: int) -> Due:
    """A deadline that was armed: the rung to come, not before it may be heard again."""
    rungs = book.ladders[armed.ladder].rungs
    until = delayed(case, name, armed.base).until
    comes = max(micros(armed.due + rungs[rung].at), until) if rung < len(rungs) else None
    return Due(name, armed.event, micros(armed.due), armed.ladder, rung, comes, until or None)


def _at_once(book: Rulebook, case: Case, happened: Event) -> Iterator[Raised]:
    """The first rungs of deadlines that an event arms, where they stand so early that they ring with it."""
    for name, armed in case.deadlines.items():
        if armed.event != case.seq:
            continue
        rung = book.ladders[armed.ladder].rungs[0]
        early = armed.due + rung.at <= happened.occurred_at
        if early and not delayed(case, name, armed.base).until:
            told = book.organisation.told(rung.tell, case.owner, case.lead, seat_of(book, case))
            text = f"{rung.level}：案件 {case.id} 时限 {title_of(book.workflows[case.workflow], name, case.state)}"
            yield Raised(case.seq, name, 0, rung.level, told, micros(armed.due), text)


def _quiet(case: Case, happened: Event) -> list[Silent]:
    """Ladders that an acknowledgement stops, and those that stay so because somebody works on the case."""
    if happened.type != "acknowledged" and (happened.type not in WORK or not case.acknowledged):
        return []
    lengths = happened.data["again"] if happened.type == "acknowledged" else case.acknowledged
    at = micros(happened.occurred_at)
    return [Silent(name, at + again) for name, again in lengths.items()]


MISSED = "missed"
"""The event, and its alert, that overdue work can no longer be done: its case closed, or has forgotten it."""
RAISED = {
    "no_match": "没有规则覆盖，已归默认责任单位",
    "differs": "新来的信息会导致不同判定，请核对",
    "breach": "闭环有缺口，见 bihuan loop",
    "looked_back": "参照表更新，等级变高，已重新判定",
    "identity": "与已知人员相同，但姓名或证件号不同，请核对是不是同一人",
    UNSETTLED: "退单已达次数上限，请裁定责任单位",
    ASKED: "规则变了，请决定本案怎么办（bihuan rules resolve）",
    MISSED: "超期未做的任务不再要做，记为漏做",
}
"""Alerts that an event raises by itself, and that no deadline stands behind."""


def _raised(book: Rulebook, case: Case, happened: Event) -> list[Raised]:
    """Alerts that an event raises by itself."""
    data = happened.data
    names = list(data.get("alerts", ()))
    if happened.type == "opened" and not data["decision"]["matched"]:
        names.append("no_match")
    if "differs" in data:
        names.append("differs")
    if not names:
        return []
    head = book.organisation.told("unit.head", case.owner or case.lead)
    told = {UNSETTLED: book.hand_over.arbiter, MISSED: data.get("told", "")}
    at = micros(happened.occurred_at)
    return [
        Raised(case.seq, name, 0, _LEVELS.get(name, "蓝"), told.get(name, head), at, f"案件 {case.id}：{RAISED[name]}")
        for name in names
    ]


_LEVELS = {MISSED: "红"}
"""How loud an alert of an event is, where it is louder than others."""


Rows = dict[str, list[dict[str, Any]]]
"""What changes do beside a case and its events, by the name a change has for it; what they do not do is not there."""
_AS_IT_IS = ("due", "raised", "aboard", "quiet", "shelved")


class Ready(Struct):
    """A change as it will be written, its JSON made: all but its place in the chain, which only the lock settles."""

    row: dict[str, Any]
    head: bytes
    events: list[dict[str, Any]]
    rows: Rows
    planned: tuple[tuple[Op, ...], ...]

    @classmethod
    def of(cls, change: Change) -> Ready:
        """The rows of a change."""
        case = change.case
        before = case.seq - len(change.events)
        row = {
            "id": case.id,
            "case_id": case.id,
            "before": before,
            "seq": case.seq,
            "workflow": case.workflow,
            "release": case.release,
            "subject": case.subject,
            "state": case.state,
            "owner": case.owner,
            "category": case.category,
            "final": case.final,
            "opened_at": micros(case.opened_at),
            "snapshot": to_json(case),
        }
        events = [event_row(case.id, seq, happened) for seq, happened in enumerate(change.events, before + 1)]
        return cls(row, change.head, events, _rows(change), change.planned)

    def case(self) -> Case:
        """The case as it will stand."""
        return from_json(self.row["snapshot"], self.row["id"], self.row["seq"])

    def then(self, later: Ready) -> Ready:
        """This, and after it a later change of the same case."""
        anew = {item["name"] for item in later.rows.get("due", ())}
        rows = dict(self.rows)
        for name in rows.keys() & {"quiet", "shelved"}:
            rows[name] = [item for item in rows[name] if item["name"] not in anew]
        if later.rows.keys() & {"placed", "left"}:
            rows.pop("placed", None)
        return Ready(
            later.row | {"before": self.row["before"]},
            self.head,
            self.events + later.events,
            gathered([rows, later.rows]),
            self.planned + later.planned,
        )


def _rows(change: Change) -> Rows:
    case = change.case
    rows = {
        name: [{"case_id": case.id, **item._asdict()} for item in items]
        for name in _AS_IT_IS
        if (items := getattr(change, name))
    }
    if change.ended:
        rows["ended"] = [{"case_id": case.id, "name": name} for name in change.ended]
    if change.joined:
        rows["joined"] = [{"case_id": case.id, "unit": unit} for unit in change.joined]
    if change.held:
        rows["held"] = [{"case_id": case.id, "subject": case.subject, **item._asdict()} for item in change.held]
    if change.placed:
        rows["placed"] = [{"case_id": case.id, **change.placed._asdict(), "follows": case.follows}]
    if change.left:
        rows["left"] = [{"case_id": case.id}]
    return rows


def gathered(several: Sequence[Rows]) -> Rows:
    """The rows of several changes, in their order."""
    if len(several) == 1:
        return several[0]
    rows: Rows = {}
    for each in several:
        for name, some in each.items():
            rows.setdefault(name, []).extend(some)
    return rows


def event_row(case_id: str, seq: int, happened: Event) -> dict[str, Any]:
    """An event as it will be written, but for its place in the chain."""
    return {
        "case_id": case_id,
        "seq": seq,
        "type": happened.type,
        "actor": happened.actor,
        "account": happened.account,
        "occurred_at": micros(happened.occurred_at),
        "data": plain(happened.data),
    }


def plain(data: Mapping[str, Any] | list[Any]) -> bytes:
    """JSON as it is kept and hashed: its keys in the order in which they came to be, which replaying repeats."""
    return b"".join((orjson.dumps(data), b""))  # a copy of its own size: orjson leaves twice as much behind it
