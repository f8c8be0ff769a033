"""What a transition does to a case: the event it makes, the one its result fires, and the offer of a hand-over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import structs

from engine.core.case import Case, Event, micros
from engine.core.conditions import Fact, to_json
from engine.core.dating import untimely
from engine.core.errors import Problem, Refused
from engine.core.evolving import evolve
from engine.core.judging import NOTHING, Attempt, Stated
from engine.core.org import Actor
from engine.core.planning import fitting
from engine.core.reckoning import HAND_OVER, Reckoning, arming
from engine.core.rulebook import Rulebook
from engine.core.tables import Decision
from engine.core.tasks import claimed_by_another
from engine.core.units import community_of, home_of, unit_of
from engine.core.workflows import PREVIOUS, SAME, State, TaskType, Transition, Workflow


def opened(
    book: Rulebook,
    flow: Workflow,
    state: State,
    decision: Decision | None,
    subject: str,
    stated: Stated,
    actor: Actor,
    now: datetime,
    *,
    freed: Mapping[str, datetime] | None = None,
    **more: Any,
) -> Event:
    """The first event of a case: where it begins, whose it is, and by which decision.

    Raises `Refused` when a deadline cannot be armed, or what is stated by hand lies too far back.
    """
    facts = {name: value for name, value in stated.facts.items() if value is not None}
    outcome: Mapping[str, Any] = decision.outcome if decision is not None else {}
    community = community_of(book, book.subjects[flow.subject].jurisdiction, facts)
    lead = unit_of(outcome.get("lead", book.default_owner), book.default_owner, community, facts)
    supporting = [unit_of(unit, lead, community, facts) for unit in outcome.get("supporting", ())]
    lost = decision is not None and not decision.matched
    reckoning = Reckoning(book, flow, outcome, now, facts, freed=freed or {})
    armed, _, problems = reckoning.deadlines(state, now)
    by_hand = [] if more.get("origin") or more.get("follows") else untimely(reckoning, reckoning, facts)
    if problems or by_hand:
        raise Refused([*problems, *by_hand])
    data: dict[str, Any] = {
        "workflow": flow.name,
        "release": book.release,
        "subject": subject,
        "to": state.name,
        "stage": state.stage,
        "owner": book.default_owner if lost else unit_of(state.owner, lead, community, facts) or lead,
        "lead": lead,
        "supporting": list(dict.fromkeys(unit for unit in supporting if unit != lead)),
        "category": outcome.get("category", ""),
        "decision": _UNDECIDED if decision is None else decision.told,
        "facts": {name: to_json(value) for name, value in facts.items()},
        "personal": sorted(stated.personal),
        "armed": armed,
        **({"profile": book.profile} if book.profile else {}),
        **({"ruled_from": book.ruled_from} if book.ruled_from else {}),
        **({"freed": {name: micros(at) for name, at in freed.items()}} if freed else {}),
        **reckoning.plans(state, now),
        **{name: value for name, value in more.items() if value},
    }
    return Event("opened", actor.user, now, data, actor.account)


_UNDECIDED = {"table": "", "rules": [], "clauses": [], "inputs": {}, "outcome": {}, "matched": True}
"""Where a workflow was named outright."""


def fire(attempt: Attempt, transition: Transition, unmet: Iterable[str] = (), **more: Any) -> tuple[Event, ...]:
    """The event of a transition, and after it that of the transition its task's result leads to."""
    book, case, flow = attempt.book, attempt.case, attempt.flow
    state = destination(attempt, transition)
    stays = transition.to == SAME
    armed, ended, cannot = attempt.reckoning.deadlines(state, attempt.occurred_at, case, stays=stays)
    result = _result(attempt, flow.tasks[transition.task]) if transition.task else {}
    if "due" in result and (
        claimed := claimed_by_another(book, case, result["schedule"], result["due"], attempt.actor, transition)
    ):
        cannot = [*cannot, claimed]
    attempt.may_fire(transition, *cannot, unmet=unmet)
    home = home_of(book, flow, attempt.facts)
    data: dict[str, Any] = {
        "transition": transition.name,
        "from": case.state,
        "to": state.name,
        "stage_before": flow.states[case.state].stage,
        "stage": state.stage,
        "owner": case.owner if stays else unit_of(state.owner, case.lead, home, attempt.facts),
        **told(attempt),
        "armed": armed,
        "ended": ended,
        **attempt.reckoning.plans(state, attempt.occurred_at, case, stays=stays),
        **more,
    }
    data["facts"] |= _vacated(flow.states[case.state], state, attempt.facts)
    if not stays:
        data["entered"] = True
    if transition.to == PREVIOUS:
        data["back"] = True
    if state.final:
        data["final"] = state.final
    if transition.task:
        data["task"] = result
    happened = Event("advanced", attempt.actor.user, attempt.occurred_at, data, attempt.actor.account)
    return happened, *_fired_by_result(attempt, transition, happened)


def _vacated(before: State, state: State, facts: Mapping[str, Fact]) -> dict[str, None]:
    """The site and room of a place that is left for no other: nobody is there any more. A closed case keeps them."""
    if before.place is None or state.place is not None or state.final:
        return {}
    return {name: None for name in (before.place.site, before.place.room) if facts.get(name) is not None}


def _fired_by_result(attempt: Attempt, transition: Transition, happened: Event) -> tuple[Event, ...]:
    """What a result moves the case to, at the same moment; what it needs filled in may be known already."""
    if not transition.task:
        return ()
    name = attempt.flow.tasks[transition.task].on_result.get(str(happened.data["task"]["result"]))
    case = evolve(attempt.case, happened)
    if name is None or case.state not in attempt.flow.transitions[name].sources:
        return ()
    after = Attempt.of(attempt.book, case, attempt.actor, NOTHING, attempt.now, attempt.occurred_at)
    follow = attempt.flow.transitions[name]
    return fire(after, follow, after.missing(follow.evidence, known=True), result=transition.task)


def tallied(book: Rulebook, case: Case, name: str, stated: Stated) -> tuple[Stated, list[str]]:
    """What is stated, with the numbers that the amounts in it add to or take from; and why one cannot be so."""
    transition = book.workflows[case.workflow].transitions.get(name)
    if transition is None or not (transition.adds or transition.takes):
        return stated, []
    fields = book.kind_of(case.workflow).fields
    totals: dict[str, Fact] = {}
    short = []
    for sign, amounts in ((1, transition.adds), (-1, transition.takes)):
        for fact, amount in amounts.items():
            of, by = fields[fact], stated.facts.get(amount)
            had = case.facts.get(fact) or 0
            if not isinstance(by, int | float):
                continue
            total = totals[fact] = had + sign * by
            if not (of.low is None or total >= of.low) or not (of.high is None or total <= of.high):
                short.append(f"{of.title}现有 {had}，{fields[amount].title} {by}，会成为 {total}")
    return structs.replace(stated, facts={**stated.facts, **totals}), short


def destination(attempt: Attempt, transition: Transition) -> State:
    """The state a transition leads this case to."""
    case, flow = attempt.case, attempt.flow
    if transition.to == SAME:
        return flow.states[case.state]
    if transition.to == PREVIOUS:
        return flow.states[case.left.get(flow.states[case.state].stage, flow.initial)]
    return flow.states[transition.to]


def told(attempt: Attempt) -> dict[str, Any]:
    """What was stated, as an event holds it: personal facts by name only; and the clocks that it ends early."""
    return {
        "facts": {key: to_json(value) for key, value in attempt.stated.facts.items()},
        "personal": sorted(attempt.stated.personal),
        **attempt.reckoning.cuts(attempt.case.cut_short),
    }


def offered(attempt: Attempt, to: str, within: str, ladder: str, unmet: Iterable[str] = (), **more: Any) -> Event:
    """A hand-over begun: the holder stays responsible until the receiver accepts."""
    book, case = attempt.book, attempt.case
    if to not in book.organisation.units:
        unmet = [*unmet, f"没有单位 {to or '（未填）'} 可以接收"]
    if case.offer is not None:
        unmet = [*unmet, f"已交 {case.offer.to}，等待签收"]
    if to == case.owner:
        unmet = [*unmet, f"案件已由 {to} 负责"]
    length = book.within(within, attempt.facts, case.opened_at)
    cannot = [] if length else [Problem("CASE-013", "签收时限无法确定", f"{within} 在当日没有适用的值")]
    problems = [*attempt.timely(), *(Problem("CASE-010", reason) for reason in unmet), *cannot]
    state = attempt.flow.states[case.state]
    armed, ended, more_cannot = attempt.reckoning.deadlines(state, attempt.occurred_at, case, stays=True)
    if problems or more_cannot or length is None:
        raise Refused(problems + more_cannot)
    armed[HAND_OVER] = arming("offered", micros(attempt.occurred_at), within, length, book.ladder(ladder))
    data = {"to": to, **told(attempt), "armed": armed, "ended": ended, **more}
    return Event("offered", attempt.actor.user, attempt.occurred_at, data, attempt.actor.account)


def _result(attempt: Attempt, task: TaskType) -> dict[str, Any]:
    """A result with the time it speaks of, and the occurrence it belongs to."""
    at = attempt.facts.get(task.at)
    taken = micros(at if isinstance(at, datetime) else attempt.occurred_at)
    told = {"name": task.name, "result": to_json(attempt.facts.get(task.result)), "at": taken}
    if task.name not in attempt.book.remembered:
        told["last"] = True
    found = fitting(attempt.case, task.name, taken, attempt.book.zone)
    return told if found is None else told | {"schedule": found[0], "due": found[1]}
