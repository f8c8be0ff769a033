"""Open a case, advance it, state what is known of it: each gives one event, or a refusal with every reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.case import Case, Event
from engine.core.conditions import Fact, to_json
from engine.core.judging import Attempt, Stated, meant, typed, who
from engine.core.moving import fire, offered, opened, tallied
from engine.core.org import Actor
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Rulebook
from engine.core.situation import Count
from engine.core.tables import Decision
from engine.core.units import home_of, unit_of
from engine.core.values import local_day
from engine.core.workflows import SAME, Transition


def open_case(
    book: Rulebook,
    subject_kind: str,
    subject: str,
    stated: Stated,
    actor: Actor,
    now: datetime,
    *,
    workflow: str = "",
    origin: Mapping[str, Any] | None = None,
    parents: Mapping[str, str] | None = None,
) -> tuple[Event, Decision | None]:
    """Decide where this subject goes and open its case there; no rule matches: the default owner and workflow.

    `workflow` names one outright, for matters that no table decides; `parents` are the cases it hangs on, and as what.
    Raises `Refused` when a deadline cannot be armed.
    """
    decision = None
    if not workflow:
        decision = book.decide(subject_kind, stated.facts, local_day(now, book.zone))
    outcome: dict[str, Any] = dict(decision.outcome) if decision is not None else {}
    flow = book.workflows[workflow] if workflow else book.flow_of(subject_kind, outcome)
    told: dict[str, Any] = {"origin": origin, "parents": parents}
    if not origin:
        told["involved"] = book.organisation.reporting(actor)
    return opened(book, flow, flow.states[flow.initial], decision, subject, stated, actor, now, **told), decision


def advance(
    book: Rulebook,
    case: Case,
    name: str,
    actor: Actor,
    stated: Stated,
    now: datetime,
    occurred_at: datetime | None = None,
) -> tuple[Event, ...]:
    """Fire a transition: its event and those that its result fires at once, or a refusal with every unmet condition.

    A transition that hands over is only offered by it: it is fired when the receiver accepts.
    """
    stated, short = tallied(book, case, name, stated)
    attempt = Attempt.of(book, case, actor, stated, now, occurred_at)
    transition = attempt.transition(name)
    unmet = [*who(book, case, transition.by, actor, transition.of), *attempt.missing(transition.evidence), *short]
    if case.offer is not None and transition.to != SAME:
        unmet.append(f"已交 {case.offer.to}，等待签收：先由对方签收或退回")
    if transition.hand_over is None:
        return fire(attempt, transition, unmet)
    attempt.may_fire(transition, unmet=unmet)
    hand_over = transition.hand_over
    to = unit_of(hand_over.to, case.lead, home_of(book, attempt.flow, attempt.facts), attempt.facts)
    return (offered(attempt, to, hand_over.within, hand_over.ladder, transition=name),)


def follow(book: Rulebook, case: Case, name: str, actor: Actor, stated: Stated, now: datetime) -> tuple[Event, ...]:
    """Fire a transition that another case takes with it: whoever may act there need not be named here.

    Raises `Refused` with every unmet condition but that.
    """
    stated, short = tallied(book, case, name, stated)
    attempt = Attempt.of(book, case, actor, stated, now)
    transition = attempt.transition(name)
    return fire(attempt, transition, [*attempt.missing(transition.evidence), *short])


def state_facts(
    book: Rulebook, case: Case, actor: Actor, stated: Stated, now: datetime, origin: Mapping[str, Any]
) -> tuple[Event, Decision | None]:
    """Add what another source says of a case: what was unknown is filled in, what differs is kept beside it.

    Deadlines and schedules follow from what is known now. The decision is the one the facts would lead to now, when it
    differs from the case's own; nothing is moved by it.
    """
    book = book.under(case.profile, case.ruled_from)
    known = typed(book, case)
    new = {key: value for key, value in stated.facts.items() if value is not None and known.get(key) is None}
    other = {
        key: to_json(value)
        for key, value in stated.facts.items()
        if value is not None and known.get(key) is not None and known[key] != value
    }
    flow = book.workflows[case.workflow]
    data: dict[str, Any] = {
        "facts": {key: to_json(value) for key, value in new.items()},
        "other": other,
        "personal": sorted(stated.personal - case.personal),
        "origin": dict(origin),
    }
    if new:
        reckoning = Reckoning.of(book, case, known | new).ending(case, known, now)
        armed, ended, _ = reckoning.deadlines(flow.states[case.state], now, case, stays=True)
        data |= {"armed": armed, "ended": ended} if armed or ended else {}
        data |= reckoning.cuts(case.cut_short)
        data |= reckoning.plans(flow.states[case.state], now, case, stays=True)
    kind = book.subjects[flow.subject]
    differs = None
    if kind.decided_by:
        told = {key: value for key, value in known.items() if value is not None}
        latest = told | {key: value for key, value in stated.facts.items() if value is not None}
        decision = book.decide(kind.name, latest, local_day(now, book.zone))
        if decision.matched and dict(decision.outcome).get("category") != case.category:
            differs = decision
            data["differs"] = decision.told
    return Event("stated", actor.user, now, data, actor.account), differs


def possible(book: Rulebook, case: Case, actor: Actor) -> tuple[str, ...]:
    """What this actor may do with the case now, guards and evidence apart."""
    return tuple(step.name for step in steps(book, case) if not who(book, case, step.by, actor, step.of))


def steps(book: Rulebook, case: Case) -> tuple[Transition, ...]:
    """The steps from where the case stands that are meant for what the rules gave it."""
    leaving = () if case.final else book.workflows[case.workflow].leaving(case.state)
    waits = case.offer is not None
    return tuple(step for step in leaving if (step.to == SAME or not waits) and meant(step, case))


def count_of(book: Rulebook, case: Case, clock: str, facts: Mapping[str, Fact] | None = None) -> Count:
    """What a clock of the case says: day 0, the days it takes, when it is done."""
    known = typed(book, case) if facts is None else facts
    return Reckoning.of(book, case, known).count(clock)
