"""How events make a case: each kind of event changes what it tells of, and nothing asks the rules again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import structs

from engine.core.case import (
    AT,
    WORK,
    Armed,
    Asked,
    Case,
    Child,
    Delay,
    Done,
    Entry,
    Event,
    Mark,
    Offer,
    Plan,
    Proposal,
    moment,
    occurrence,
    parts,
)

REMEMBERED = 45 * 86_400_000_000
"""For so long it is known of an occurrence what became of it: a result speaks of 30 days ago at most."""


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
    return _tidied(structs.replace(case, **changed))


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
        involved=frozenset({data["owner"], data["lead"], *supporting, *data.get("involved", ())}),
        deadlines=_deadlines({}, data, 1),
        held=entry,
        plans=_plans({}, data, 1),
        cut_short=_cut_short({}, data),
        results=_carried(data.get("results", ())),
        parents=data.get("parents", {}),
        follows=data.get("follows", ""),
        profile=data.get("profile", ""),
        ruled_from=data.get("ruled_from", ""),
        freed=_moments(data.get("freed", {})),
    )


def _told(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """What every piece of work may bring: facts, deadlines and schedules begun or ended, and who did it."""
    data = event.data
    changed: dict[str, Any] = {"acted": {**case.acted, event.actor: seq}}
    if facts := data.get("facts"):
        changed["facts"] = {**case.facts, **facts}
    if personal := data.get("personal"):
        changed["personal"] = case.personal.union(personal)
    if data.get("armed") or data.get("ended"):
        changed["deadlines"] = _deadlines(case.deadlines, data, seq)
        changed["acknowledged"] = _heard(case, data)
    if "planned" in data:
        changed["plans"] = _plans(case.plans, data, seq)
    if "cut_short" in data:
        changed["cut_short"] = _cut_short(case.cut_short, data)
    return changed


def _heard(case: Case, data: Mapping[str, Any]) -> Mapping[str, int]:
    """The acknowledgements that are left: one speaks of a deadline as it was armed."""
    if not case.acknowledged:
        return case.acknowledged
    over = {*data.get("armed", ()), *data.get("ended", ())}
    return {name: again for name, again in case.acknowledged.items() if name not in over}


def _advanced(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """What a transition changes beside the facts: the result of a task, and where the case stands."""
    data = event.data
    changed: dict[str, Any] = {}
    if done := data.get("task"):
        results = (*case.results, Done(done["name"], done["result"], moment(done["at"]), seq))
        if done.get("last"):
            latest = max((one for one in results if one.task == done["name"]), key=lambda one: (one.at, one.event))
            results = tuple(one for one in results if one.task != latest.task or one is latest)
        changed["results"] = results
        if "due" in done:
            changed["marks"] = _marked(case, done["schedule"], done["due"], Mark("done", event.actor))
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
    changed = {
        "proposal": None if "confirms" in data else case.proposal,
        "parents": {**case.parents, **data.get("parents", {})},
        "offer": None if "withdrawn" in data else case.offer,
    }
    return changed | _decided(case, data)


def _decided(case: Case, data: Mapping[str, Any]) -> dict[str, Any]:
    """Who leads and what was found out, where it was decided again."""
    if "decision" not in data:
        return {}
    supporting = tuple(data["supporting"])
    return {
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
    return {"marks": _marked(case, event.data["schedule"], event.data["due"], Mark("skipped", event.actor))}


def _marked(case: Case, schedule: str, due: int, mark: Mark) -> dict[str, Mark]:
    """The marks with one more; of the same schedule those are dropped to which no result can belong any more."""

    def kept(name: str) -> bool:
        of, at = parts(name)
        return of != schedule or at > due - REMEMBERED

    return {**{name: one for name, one in case.marks.items() if kept(name)}, occurrence(schedule, due): mark}


def _tidied(case: Case) -> Case:
    """Nobody holds, and no acknowledgement silences, what is no longer planned; what was done or skipped stays so."""
    if not case.marks and not case.acknowledged:
        return case

    def planned(name: str) -> bool:
        schedule, due = parts(name)
        plan = case.plans.get(schedule)
        return plan is not None and (bool(plan.daily) or due in plan.due)

    def heard(name: str) -> bool:
        over = name in case.marks and case.marks[name].state != "claimed"
        return AT not in name or (planned(name) and not over)

    marks = {name: mark for name, mark in case.marks.items() if mark.state != "claimed" or planned(name)}
    return structs.replace(
        case, marks=marks, acknowledged={name: again for name, again in case.acknowledged.items() if heard(name)}
    )


def _switched(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """Deadlines and schedules as another profile has them."""
    data = event.data
    return {
        "profile": data["profile"],
        "deadlines": _deadlines(case.deadlines, data, seq),
        "plans": _plans(case.plans, data, seq),
    }


def _migrated(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """Under another release from now on, and where that has it, in another state or another unit's hands."""
    data = event.data
    entry = Entry(event.occurred_at, seq)
    changed = {
        "release": data["release"],
        "ruled_from": data["ruled_from"],
        "freed": _moments(data.get("freed", {})),
        "asked": None,
        "acknowledged": _heard(case, data),
        "deadlines": _deadlines(case.deadlines, data, seq),
        "plans": _plans(case.plans, data, seq),
        "cut_short": _cut_short(case.cut_short, data),
        "left": data.get("left", case.left),
        **_decided(case, data),
    }
    stages = {**case.stages, **{new: case.stages[old] for new, old in data.get("stages", {}).items()}}
    if "to" in data:
        changed["state"] = data["to"]
    if "entered" in data:
        since = entry if data["entered"] is True else Entry(moment(data["entered"][0]), data["entered"][1])
        changed["entered"] = stages[data["stage"]] = since
    if data.get("withdrawn"):
        changed["offer"] = None
    changed["stages"] = stages
    if "owner" in data:
        after = structs.replace(case, involved=changed.get("involved", case.involved))
        changed |= _owned(after, data["owner"], entry)
    return changed


def _asked(case: Case, event: Event, seq: int) -> dict[str, Any]:
    data = event.data
    return {
        "asked": Asked(data["release"], data["entry"], data["ruled_from"], seq),
        "acknowledged": _heard(case, data),
        "deadlines": _deadlines(case.deadlines, data, seq),
    }


def _answered(case: Case, event: Event, seq: int) -> dict[str, Any]:
    """It stays under the rules it has."""
    return {"asked": None, "deadlines": _deadlines(case.deadlines, event.data, seq)}


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
    "switched": _switched,
    "migrated": _migrated,
    "asked": _asked,
    "answered": _answered,
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
        rest = (told["start"], told["within"], told["ladder"], told.get("every", 1))
        kept[name] = Plan(told["task"], seq, due, daily, *rest)
    return kept


def _cut_short(before: Mapping[str, datetime], data: Mapping[str, Any]) -> Mapping[str, datetime]:
    return _moments(data["cut_short"]) if "cut_short" in data else before


def _moments(told: Mapping[str, int]) -> dict[str, datetime]:
    return {name: moment(at) for name, at in told.items()}
