"""A case and the events that make it: what happened is told once, and the case follows from it alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC: the form in which times are hashed and stored."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(since_epoch: int) -> datetime:
    """The time in UTC that `micros` came from."""
    return EPOCH + timedelta(microseconds=since_epoch)


class Event(NamedTuple):
    """Something that happened to a case, in the past tense; `data` is what JSON can hold and never personal."""

    type: str
    actor: str
    occurred_at: datetime
    data: Mapping[str, Any]
    account: str = ""


class Armed(NamedTuple):
    """A deadline that is running: when it is due, by which ladder it is urged, and the event that armed it."""

    due: datetime
    ladder: str
    since: str
    event: int


class Done(NamedTuple):
    """The result of a task, with the time it speaks of (when the swab was taken, not when it was typed in)."""

    task: str
    result: str
    at: datetime
    event: int


class Entry(NamedTuple):
    """When a stage was last entered, and by which event."""

    at: datetime
    event: int


class Case(NamedTuple):
    """One person, venue, item or matter until it is closed; `facts` as JSON holds them, `personal` by name only."""

    id: str
    workflow: str
    release: int
    subject: str
    state: str
    owner: str
    lead: str
    supporting: tuple[str, ...]
    category: str
    outcome: Mapping[str, Any]
    opened_at: datetime
    entered: Entry
    facts: Mapping[str, Any]
    personal: frozenset[str]
    stages: Mapping[str, Entry]
    acted: Mapping[str, int]
    """The last event of each who acted on the case."""
    involved: frozenset[str]
    """Every unit that led, supported or owned the case."""
    deadlines: Mapping[str, Armed]
    results: tuple[Done, ...] = ()
    seq: int = 1
    final: str = ""


def evolve(case: Case | None, event: Event, case_id: str = "") -> Case:
    """The case after one more event; `case_id` is needed for the first one only."""
    if case is None:
        return _opened(case_id, event)
    seq = case.seq + 1
    data = event.data
    changed: dict[str, Any] = {"seq": seq}
    if event.type in ("advanced", "stated"):
        changed |= {
            "facts": {**case.facts, **data.get("facts", {})},
            "personal": case.personal | set(data.get("personal", ())),
            "acted": {**case.acted, event.actor: seq},
            "deadlines": _deadlines(case.deadlines, data, seq),
        }
    if event.type == "advanced":
        changed |= _advanced(case, event, seq)
    return case._replace(**changed)


def replay(events: Iterable[Event], case_id: str) -> Case | None:
    """The case its events lead to; the rules are not asked again."""
    case = None
    for event in events:
        case = evolve(case, event, case_id)
    return case


def _opened(case_id: str, event: Event) -> Case:
    data = event.data
    entry = Entry(event.occurred_at, 1)
    supporting = tuple(data["supporting"])
    return Case(
        id=case_id,
        workflow=data["workflow"],
        release=data["release"],
        subject=data["subject"],
        state=data["to"],
        owner=data["owner"],
        lead=data["lead"],
        supporting=supporting,
        category=data["category"],
        outcome=data["decision"]["outcome"],
        opened_at=event.occurred_at,
        entered=entry,
        facts=dict(data.get("facts", {})),
        personal=frozenset(data.get("personal", ())),
        stages={data["stage"]: entry},
        acted={event.actor: 1},
        involved=frozenset({data["owner"], data["lead"], *supporting}),
        deadlines=_deadlines({}, data, 1),
    )


def _advanced(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """What a transition changes beside the facts: the result of a task, and where the case stands."""
    data = event.data
    changed: dict[str, Any] = {}
    if done := data.get("task"):
        changed["results"] = (*case.results, Done(done["name"], done["result"], moment(done["at"]), seq))
    if "entered" not in data:
        return changed
    entry = Entry(event.occurred_at, seq)
    same_stage = data["stage"] == data["stage_before"]
    owner = data["owner"]
    return changed | {
        "state": data["to"],
        "owner": owner,
        "entered": entry,
        "final": data.get("final", ""),
        "stages": case.stages if same_stage else {**case.stages, data["stage"]: entry},
        "involved": case.involved | ({owner} if owner else set()),
    }


def _deadlines(before: Mapping[str, Armed], data: Mapping[str, Any], seq: int) -> dict[str, Armed]:
    ended = set(data.get("ended", ()))
    kept = {name: armed for name, armed in before.items() if name not in ended}
    for name, (due, ladder, since) in data.get("armed", {}).items():
        kept[name] = Armed(moment(due), ladder, since, seq)
    return kept


def to_json(case: Case) -> dict[str, Any]:
    """The case as JSON can hold it, for the row that saves replaying it; `seq` and `id` are columns of their own."""
    return {
        "workflow": case.workflow,
        "release": case.release,
        "subject": case.subject,
        "state": case.state,
        "owner": case.owner,
        "lead": case.lead,
        "supporting": case.supporting,
        "category": case.category,
        "outcome": case.outcome,
        "opened_at": micros(case.opened_at),
        "entered": _entry(case.entered),
        "final": case.final,
        "facts": case.facts,
        "personal": sorted(case.personal),
        "stages": {name: _entry(entry) for name, entry in case.stages.items()},
        "acted": case.acted,
        "involved": sorted(case.involved),
        "deadlines": {
            name: [micros(armed.due), armed.ladder, armed.since, armed.event] for name, armed in case.deadlines.items()
        },
        "results": [[done.task, done.result, micros(done.at), done.event] for done in case.results],
    }


def from_json(plain: Mapping[str, Any], case_id: str, seq: int) -> Case:
    """The case that `to_json` wrote down."""
    return Case(
        **{
            **plain,
            "id": case_id,
            "seq": seq,
            "supporting": tuple(plain["supporting"]),
            "opened_at": moment(plain["opened_at"]),
            "entered": Entry(moment(plain["entered"][0]), plain["entered"][1]),
            "personal": frozenset(plain["personal"]),
            "involved": frozenset(plain["involved"]),
            "stages": {name: Entry(moment(at), event) for name, (at, event) in plain["stages"].items()},
            "deadlines": {
                name: Armed(moment(due), ladder, since, event)
                for name, (due, ladder, since, event) in plain["deadlines"].items()
            },
            "results": tuple(Done(task, result, moment(at), event) for task, result, at, event in plain["results"]),
        }
    )


def _entry(entry: Entry) -> list[int]:
    return [micros(entry.at), entry.event]
