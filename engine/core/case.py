"""A case and the events that make it: what happened is told once, and the case follows from it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


AT = "@"


def occurrence(schedule: str, due: int) -> str:
    """The name of one occurrence of a schedule, also that of its deadline."""
    return f"{schedule}{AT}{due}"


def parts(name: str) -> tuple[str, int]:
    """The schedule and the due time that an occurrence is named after; 0: the deadline of a state."""
    schedule, _, due = name.rpartition(AT)
    return (schedule, int(due)) if schedule else (name, 0)


class Event(NamedTuple):
    """Something that happened to a case, in the past tense; `data` is what JSON can hold and never personal."""

    type: str
    actor: str
    occurred_at: datetime
    data: Mapping[str, Any]
    account: str = ""


class Armed(NamedTuple):
    """A deadline that is running: when it is due, by which ladder it is urged, and the event that armed it.

    `base` is the moment it counts from and `length` how long, as `within` said; both in microseconds.
    """

    due: datetime
    ladder: str
    since: str
    event: int
    base: int
    within: str
    length: int


class Delay(NamedTuple):
    """By how much a deadline that counts from `base` was extended and shelved in all, and until when it is silent.

    All in microseconds. Counted from another moment it is another deadline, and nothing was put off.
    """

    base: int
    extended: int = 0
    shelved: int = 0
    until: int = 0


class Done(NamedTuple):
    """The result of a task, with the time it speaks of (when the swab was taken, not when it was typed in)."""

    task: str
    result: str
    at: datetime
    event: int
    of: str = ""
    """The case that told it, where it is not this one's own."""


class Entry(NamedTuple):
    """When a stage was last entered, or an owner took over, and by which event."""

    at: datetime
    event: int


class Plan(NamedTuple):
    """A schedule that is running: the due times of its task, listed, or daily at these local times from `start` on."""

    task: str
    event: int
    due: tuple[int, ...] = ()
    daily: tuple[str, ...] = ()
    start: int = 0
    within: int = 0
    """How many microseconds after its due time each may be done."""
    ladder: str = ""


class Mark(NamedTuple):
    """What became of one occurrence of a task: `claimed`, `done` or `skipped`, and by whom."""

    state: str
    by: str


class Offer(NamedTuple):
    """A hand-over under way: `to` may accept or return it; accepting fires `transition`, or changes the owner only."""

    to: str
    transition: str
    trip: str
    at: datetime
    event: int


class Child(NamedTuple):
    """A case opened by this one: what it is to it, and how it ended (empty: still open)."""

    kind: str
    final: str = ""


class Proposal(NamedTuple):
    """A correction that reaches so far back that a second person has to confirm it."""

    facts: Mapping[str, Any]
    by: str
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
    held: Entry
    """Since when the owner is responsible."""
    results: tuple[Done, ...] = ()
    seq: int = 1
    final: str = ""
    left: Mapping[str, str] = {}
    """The state from which each stage was last entered: where `to: previous` leads back to."""
    plans: Mapping[str, Plan] = {}
    offer: Offer | None = None
    returns: int = 0
    """How often the case was given back instead of taken."""
    postponed: Mapping[str, Delay] = {}
    """The deadlines that were extended (延期) or shelved (挂账)."""
    acknowledged: Mapping[str, int] = {}
    """Deadlines whose ladder an acknowledgement stopped, and for how many microseconds without work on the case."""
    parents: Mapping[str, str] = {}
    """The cases that this one hangs on, and what it is to each."""
    follows: str = ""
    """The case of the same subject that was closed for this one."""
    children: Mapping[str, Child] = {}
    index_results: tuple[Done, ...] = ()
    """The results of the cases this one hangs on."""
    proposal: Proposal | None = None
    marks: Mapping[str, Mark] = {}
    """Occurrences of scheduled tasks that somebody has touched, by their name; all others are untouched."""
    cut_short: Mapping[str, datetime] = {}
    """The clocks that ended before their days were full, and when."""


WORK = frozenset(
    {
        "advanced",
        "stated",
        "corrected",
        "proposed",
        "offered",
        "accepted",
        "returned",
        "postponed",
        "claimed",
        "skipped",
    }
)
"""Events in which somebody works on the case."""


def evolve(case: Case | None, event: Event, case_id: str = "") -> Case:
    """The case after one more event; `case_id` is needed for the first one only."""
    if case is None:
        return _opened(case_id, event)
    seq = case.seq + 1
    changed: dict[str, Any] = {"seq": seq}
    if event.type in WORK:
        changed |= _told(case, event, seq)
    if then := _THEN.get(event.type):
        changed |= then(case, event, seq)
    return _tidied(case._replace(**changed))


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
        held=entry,
        plans=_plans({}, data, 1),
        cut_short=_cut_short({}, data),
        results=_carried(data.get("results", ())),
        parents=data.get("parents", {}),
        follows=data.get("follows", ""),
    )


def _told(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """What every piece of work may bring: facts, deadlines and schedules begun or ended, and who did it."""
    data = event.data
    heard = case.acknowledged
    if heard:
        over = {*data.get("armed", ()), *data.get("ended", ())}
        heard = {name: again for name, again in heard.items() if name not in over}
    return {
        "acknowledged": heard,
        "facts": {**case.facts, **data.get("facts", {})},
        "personal": case.personal | set(data.get("personal", ())),
        "acted": {**case.acted, event.actor: seq},
        "deadlines": _deadlines(case.deadlines, data, seq),
        "plans": _plans(case.plans, data, seq),
        "cut_short": _cut_short(case.cut_short, data),
    }


def _advanced(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """What a transition changes beside the facts: the result of a task, and where the case stands."""
    data = event.data
    changed: dict[str, Any] = {}
    if done := data.get("task"):
        changed["results"] = (*case.results, Done(done["name"], done["result"], moment(done["at"]), seq))
        if "due" in done:
            changed["marks"] = {**case.marks, occurrence(done["schedule"], done["due"]): Mark("done", event.actor)}
    if "entered" not in data:
        return changed
    entry = Entry(event.occurred_at, seq)
    changed |= {"state": data["to"], "entered": entry, "final": data.get("final", ""), "offer": None}
    changed |= _owned(case, data["owner"], entry)
    if data["stage"] != data["stage_before"] and "back" not in data:
        changed["stages"] = {**case.stages, data["stage"]: entry}
        changed["left"] = {**case.left, data["stage"]: case.state}
    return changed


def _owned(case: Case, owner: str, entry: Entry) -> dict[str, Any]:
    """Another owner is responsible from now on; the same one goes on."""
    if owner == case.owner:
        return {}
    return {"owner": owner, "held": entry, "involved": case.involved | ({owner} if owner else set())}


def _corrected(case: Case, event: Event, _: int) -> dict[str, Any]:
    data = event.data
    changed = {"proposal": None, "parents": {**case.parents, **data.get("parents", {})}}
    if "decision" not in data:
        return changed
    supporting = tuple(data["supporting"])
    return changed | {
        "outcome": data["decision"]["outcome"],
        "category": data["category"],
        "lead": data["lead"],
        "supporting": supporting,
        "involved": case.involved | {data["lead"], *supporting},
    }


def _proposed(_: Case, event: Event, seq: int) -> dict[str, Any]:
    return {"proposal": Proposal(event.data["proposed"], event.actor, seq)}


def _rejected(_: Case, __: Event, ___: int) -> dict[str, Any]:
    return {"proposal": None}


def _reclassified(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """Closed, for another case of the same subject goes on in its stead."""
    ended: dict[str, Any] = {"final": "reclassified", "deadlines": {}, "plans": {}, "offer": None}
    return ended | _owned(case, "", Entry(event.occurred_at, seq))


def _offered(case: Case, event: Event, seq: int) -> dict[str, Any]:
    data = event.data
    return {
        "offer": Offer(data["to"], data.get("transition", ""), data.get("trip", ""), event.occurred_at, seq),
        "involved": case.involved | {data["to"]},
        "returns": case.returns + bool(data.get("declined")),
    }


def _accepted(case: Case, event: Event, seq: int) -> dict[str, Any]:
    return {"offer": None} | _owned(case, event.data["owner"], Entry(event.occurred_at, seq))


def _returned(case: Case, event: Event, _: int) -> dict[str, Any]:
    return {"offer": None, "returns": case.returns + bool(event.data.get("counted"))}


def _claimed(case: Case, event: Event, _: int) -> dict[str, Any]:
    name = occurrence(event.data["schedule"], event.data["due"])
    others = {key: mark for key, mark in case.marks.items() if key != name}
    return {"marks": others if event.data.get("given_up") else {**others, name: Mark("claimed", event.actor)}}


def _skipped(case: Case, event: Event, _: int) -> dict[str, Any]:
    name = occurrence(event.data["schedule"], event.data["due"])
    return {"marks": {**case.marks, name: Mark("skipped", event.actor)}}


def _tidied(case: Case) -> Case:
    """Nobody holds, and no acknowledgement silences, what is no longer planned; what was done or skipped stays so."""
    if not case.marks and not case.acknowledged:
        return case

    def planned(name: str) -> bool:
        schedule, due = parts(name)
        return schedule in case.plans and (not case.plans[schedule].due or due in case.plans[schedule].due)

    def heard(name: str) -> bool:
        over = name in case.marks and case.marks[name].state != "claimed"
        return AT not in name or (planned(name) and not over)

    marks = {name: mark for name, mark in case.marks.items() if mark.state != "claimed" or planned(name)}
    return case._replace(
        marks=marks, acknowledged={name: again for name, again in case.acknowledged.items() if heard(name)}
    )


def _postponed(case: Case, event: Event, _: int) -> dict[str, Any]:
    data = event.data
    name, base = data["deadline"], case.deadlines[data["deadline"]].base
    delay = delayed(case, name, base)
    if data["kind"] == "extended":
        delay = delay._replace(extended=delay.extended + data["by"])
    else:
        delay = delay._replace(shelved=delay.shelved + data["by"], until=data["until"])
    return {"postponed": {**case.postponed, name: delay}}


def _acknowledged(case: Case, event: Event, _: int) -> dict[str, Any]:
    return {"acknowledged": {**case.acknowledged, **event.data["again"]}}


def delayed(case: Case | None, name: str, base: int) -> Delay:
    """By how much a deadline that counts from this moment is put off."""
    delay = case.postponed.get(name) if case is not None else None
    return delay if delay is not None and delay.base == base else Delay(base)


def _child(case: Case, event: Event, _: int) -> dict[str, Any]:
    data = event.data
    return {"children": {**case.children, data["child"]: Child(data["kind"], data.get("final", ""))}}


def _index(case: Case, event: Event, seq: int) -> dict[str, Any]:
    done = event.data["task"]
    told = Done(done["name"], done["result"], moment(done["at"]), seq, event.data["index"])
    return {"index_results": (*case.index_results, told)}


def _carried(results: Iterable[tuple[str, str, int]]) -> tuple[Done, ...]:
    return tuple(Done(task, result, moment(at), 1) for task, result, at in results)


_THEN: dict[str, Callable[[Case, Event, int], dict[str, Any]]] = {
    "advanced": _advanced,
    "corrected": _corrected,
    "proposed": _proposed,
    "rejected": _rejected,
    "reclassified": _reclassified,
    "offered": _offered,
    "accepted": _accepted,
    "returned": _returned,
    "postponed": _postponed,
    "claimed": _claimed,
    "skipped": _skipped,
    "acknowledged": _acknowledged,
    "child_opened": _child,
    "child_closed": _child,
    "index_tested": _index,
}
"""What each kind of event changes; the others leave only their place in the chain."""


def _deadlines(before: Mapping[str, Armed], data: Mapping[str, Any], seq: int) -> dict[str, Armed]:
    ended = set(data.get("ended", ()))
    kept = {name: armed for name, armed in before.items() if name not in ended}
    for name, (due, ladder, since, base, within, length) in data.get("armed", {}).items():
        kept[name] = Armed(moment(due), ladder, since, seq, base, within, length)
    return kept


def _plans(before: Mapping[str, Plan], data: Mapping[str, Any], seq: int) -> Mapping[str, Plan]:
    if "planned" not in data:
        return before
    kept = {name: plan for name, plan in before.items() if name not in data["unplanned"]}
    for name, told in data["planned"].items():
        due, daily = tuple(told.get("due", ())), tuple(told.get("daily", ()))
        kept[name] = Plan(told["task"], seq, due, daily, told["start"], told["within"], told["ladder"])
    return kept


def _cut_short(before: Mapping[str, datetime], data: Mapping[str, Any]) -> Mapping[str, datetime]:
    return {name: moment(at) for name, at in data["cut_short"].items()} if "cut_short" in data else before
