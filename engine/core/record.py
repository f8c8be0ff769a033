"""A case as JSON: the row that saves replaying its events; what it never had is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.case import Armed, Asked, Case, Child, Delay, Done, Entry, Mark, Offer, Plan, Proposal, micros, moment


def to_json(case: Case) -> dict[str, Any]:
    """The case as JSON can hold it; `seq` and `id` are columns of their own."""
    told: dict[str, Any] = {
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
        "held": _entry(case.held),
        "final": case.final,
        "facts": case.facts,
        "personal": sorted(case.personal),
        "stages": {name: _entry(entry) for name, entry in case.stages.items()},
        "acted": case.acted,
        "involved": sorted(case.involved),
        "deadlines": {name: [micros(armed.due), *armed[1:]] for name, armed in case.deadlines.items()},
        "results": _results(case.results),
    }
    told |= {name: value for name in _PLAIN if (value := getattr(case, name))}
    for name in _TUPLES:
        if value := getattr(case, name):
            told[name] = {key: [*item] for key, item in value.items()}
    if case.offer:
        told["offer"] = [*case.offer[:3], micros(case.offer.at), case.offer.event]
    for name in _ROWS:
        if value := getattr(case, name):
            told[name] = [*value]
    for name in _MOMENTS:
        if value := getattr(case, name):
            told[name] = {key: micros(at) for key, at in value.items()}
    if case.index_results:
        told["index_results"] = _results(case.index_results)
    return told


_ROWS = {"proposal": Proposal, "asked": Asked}
_MOMENTS = ("cut_short", "freed")
_TUPLES = ("postponed", "plans", "marks", "children")
_PLAIN = ("left", "returns", "parents", "follows", "acknowledged", "profile", "ruled_from")
"""Fields that JSON holds as they are, and that most cases never have."""


def from_json(plain: Mapping[str, Any], case_id: str, seq: int) -> Case:
    """The case that `to_json` wrote down."""
    told = {
        **plain,
        "id": case_id,
        "seq": seq,
        "supporting": tuple(plain["supporting"]),
        "opened_at": moment(plain["opened_at"]),
        "entered": Entry(moment(plain["entered"][0]), plain["entered"][1]),
        "held": Entry(moment(plain["held"][0]), plain["held"][1]),
        "personal": frozenset(plain["personal"]),
        "involved": frozenset(plain["involved"]),
        "stages": {name: Entry(moment(at), event) for name, (at, event) in plain["stages"].items()},
        "deadlines": {name: Armed(moment(due), *rest) for name, (due, *rest) in plain["deadlines"].items()},
        "results": _done(plain["results"]),
    }
    if "postponed" in plain:
        told["postponed"] = {name: Delay(*delay) for name, delay in plain["postponed"].items()}
    if "plans" in plain:
        told["plans"] = {
            name: Plan(task, event, tuple(due), tuple(daily), *rest)
            for name, (task, event, due, daily, *rest) in plain["plans"].items()
        }
    if "marks" in plain:
        told["marks"] = {name: Mark(*mark) for name, mark in plain["marks"].items()}
    if "children" in plain:
        told["children"] = {name: Child(*child) for name, child in plain["children"].items()}
    if "offer" in plain:
        to, transition, trip, at, event = plain["offer"]
        told["offer"] = Offer(to, transition, trip, moment(at), event)
    told |= {name: made(*plain[name]) for name, made in _ROWS.items() if name in plain}
    told |= {name: {key: moment(at) for key, at in plain[name].items()} for name in _MOMENTS if name in plain}
    if "index_results" in plain:
        told["index_results"] = _done(plain["index_results"])
    return Case(**told)


def _entry(entry: Entry) -> list[int]:
    return [micros(entry.at), entry.event]


def _results(results: tuple[Done, ...]) -> list[list[Any]]:
    return [[done.task, done.result, micros(done.at), done.event, *([done.of] if done.of else [])] for done in results]


def _done(rows: list[list[Any]]) -> tuple[Done, ...]:
    return tuple(Done(task, result, moment(at), *rest) for task, result, at, *rest in rows)
