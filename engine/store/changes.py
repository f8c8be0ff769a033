"""What one command changes, decided and made into rows before the write lock is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from engine.core.case import Case, Event, from_json, micros, to_json


class Due(NamedTuple):
    """A deadline row to be written: the rung to come and when; `next_at` None: no rung is left."""

    name: str
    armed_by: int
    due: int
    ladder: str
    rung: int
    next_at: int | None


class Raised(NamedTuple):
    """An alert to be written, and what to tell whom."""

    armed_by: int
    name: str
    rung: int
    level: str
    told: str
    due: int
    text: str


class Change(NamedTuple):
    """One command's effect on one case: its events in order and what follows from them."""

    case: Case
    head: bytes
    events: tuple[Event, ...]
    due: tuple[Due, ...] = ()
    ended: tuple[str, ...] = ()
    raised: tuple[Raised, ...] = ()
    joined: tuple[str, ...] = ()
    """Units that were not involved before."""


@dataclass(slots=True)
class Ready:
    """A change as it will be written, its JSON made: all but its place in the chain, which only the lock settles."""

    row: dict[str, Any]
    head: bytes
    events: list[dict[str, Any]]
    due: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    raised: list[dict[str, Any]]
    joined: list[tuple[str, str]]

    @classmethod
    def of(cls, change: Change) -> Ready:
        """The rows of a change."""
        case = change.case
        here = {"case_id": case.id}
        before = case.seq - len(change.events)
        return cls(
            row={
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
                "snapshot": plain(to_json(case)),
            },
            head=change.head,
            events=[event_row(case.id, seq, happened) for seq, happened in enumerate(change.events, before + 1)],
            due=[here | item._asdict() for item in change.due],
            ended=[here | {"name": name} for name in change.ended],
            raised=[here | item._asdict() for item in change.raised],
            joined=[(unit, case.id) for unit in change.joined],
        )

    def case(self) -> Case:
        """The case as it will stand."""
        return from_json(orjson.loads(self.row["snapshot"]), self.row["id"], self.row["seq"])

    def then(self, later: Ready) -> Ready:
        """This, and after it a later change of the same case."""
        return Ready(
            later.row | {"before": self.row["before"]},
            self.head,
            self.events + later.events,
            self.due + later.due,
            self.ended + later.ended,
            self.raised + later.raised,
            self.joined + later.joined,
        )


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
