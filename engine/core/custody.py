"""Who is responsible: handed over by offer and acceptance, given back with a reason, settled by the arbiter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from engine.core.case import Case, Event, Offer
from engine.core.errors import Problem, Refused
from engine.core.judging import Attempt, Stated
from engine.core.lifecycle import advance
from engine.core.moving import destination, fire, offered, told
from engine.core.org import COMMUNITY, FACT, Actor
from engine.core.reckoning import HAND_OVER
from engine.core.rulebook import Rulebook
from engine.core.units import home_of, unit_of
from engine.core.workflows import Evidence


def offer(
    book: Rulebook,
    case: Case,
    to: str,
    actor: Actor,
    stated: Stated,
    now: datetime,
    occurred_at: datetime | None = None,
    *,
    declined: bool = False,
    trip: str = "",
) -> Event:
    """Offer the case to another unit; `declined`: the holder says it is not its own (退单), which is counted.

    After as many returns as the pack allows, only the arbiter may settle whose it is.
    """
    attempt = Attempt.of(book, case, actor, stated, now, occurred_at)
    unmet = [] if case.owner in actor.units() else [f"案件由 {case.owner or '无'} 负责，{actor.user} 不能交出"]
    unmet = ["案件已办结"] if case.final else [*unmet, *_idle(attempt, to)]
    rules = book.hand_over
    if case.returns >= rules.most_returns:
        unmet.append(f"已退 {case.returns} 次，由 {rules.arbiter} 裁定")
    more: dict[str, Any] = {"trip": trip} if trip else {}
    if declined:
        more["declined"] = True
    return offered(attempt, to, rules.within, rules.ladder, unmet, **more)


def send(book: Rulebook, case: Case, to: str, actor: Actor, now: datetime, trip: str) -> Event:
    """Put the case on a trip to a unit: by the transition that hands it over there, else as it stands."""
    refused: list[Refused] = []
    for name, stated in _ways(book, case, to, actor, now):
        try:
            (happened,) = advance(book, case, name, actor, stated, now)
        except Refused as refusal:
            refused.append(refusal)
        else:
            return happened._replace(data={**happened.data, "trip": trip})
    if refused:
        raise min(refused, key=lambda refusal: len(refusal.problems))
    return offer(book, case, to, actor, Stated(), now, trip=trip)


def _ways(book: Rulebook, case: Case, to: str, actor: Actor, now: datetime) -> Iterator[tuple[str, Stated]]:
    """Transitions that hand the case over to this unit, with the fact that names it where one does."""
    fields = book.kind_of(case.workflow).fields
    for transition in book.workflows[case.workflow].leaving(case.state):
        if transition.hand_over is not None:
            target = transition.hand_over.to
            named = target.removeprefix(FACT) if target.startswith(FACT) else ""
            stated = Stated({named: to} if named and to in fields[named].values else {})
            attempt = Attempt.of(book, case, actor, stated, now)
            if unit_of(target, case.lead, home_of(book, attempt.flow, attempt.facts), attempt.facts) == to:
                yield transition.name, stated


def asked_of_receiver(book: Rulebook, case: Case) -> tuple[Evidence, ...]:
    """What whoever accepts the case has to fill in; one that stands in a place is given a room."""
    flow = book.workflows[case.workflow]
    if case.offer is None:
        return ()
    if case.offer.transition:
        hand_over = flow.transitions[case.offer.transition].hand_over
        return hand_over.evidence if hand_over else ()
    place = flow.states[case.state].place
    return (Evidence(place.room, required=True),) if place else ()


class Taken(NamedTuple):
    """A place that a case takes up: at which site, in which room, and with whose room it shares."""

    site: str
    room: str
    shared_with: str


def place_of(book: Rulebook, case: Case) -> Taken | None:
    """The place that a case takes up where it stands; None: none, or it was never given a room."""
    place = None if case.final else book.workflows[case.workflow].states[case.state].place
    if place is None or not case.facts.get(place.site) or not case.facts.get(place.room):
        return None
    return Taken(*(str(case.facts.get(name) or "") for name in (place.site, place.room, place.shared_with)))


def accept(
    book: Rulebook, case: Case, actor: Actor, stated: Stated, now: datetime, occurred_at: datetime | None = None
) -> tuple[Event, ...]:
    """The receiver takes over: fires the transition that was offered, or only becomes the owner."""
    attempt = Attempt.of(book, case, actor, stated, now, occurred_at)
    offer, unmet = _answering(attempt)
    unmet += attempt.missing(asked_of_receiver(book, case))
    if not offer.transition:
        return (_taken(attempt, offer.to, unmet),)
    transition = attempt.flow.transitions[offer.transition]
    owner = {} if destination(attempt, transition).final else {"owner": offer.to}
    return fire(attempt, transition, unmet, accepted=True, **owner)


def give_back(
    book: Rulebook,
    case: Case,
    actor: Actor,
    stated: Stated,
    now: datetime,
    occurred_at: datetime | None = None,
    *,
    missing: bool = False,
) -> Event:
    """The receiver does not take it: the giver stays responsible, and no deadline but that of the offer ends.

    What no transition asked for is about whose case it is, and counted: the last time it is the arbiter is alerted.
    `missing`: it was expected with a trip and was not there.
    """
    attempt = Attempt.of(book, case, actor, stated, now, occurred_at)
    offer, unmet = _answering(attempt)
    problems = [*attempt.timely(), *(Problem("CASE-010", reason) for reason in unmet)]
    if problems:
        raise Refused(problems)
    data: dict[str, Any] = {**told(attempt), "ended": [HAND_OVER]}
    if missing:
        data["missing"] = True
    elif not offer.transition:
        data["counted"] = True
        if case.returns + 1 >= book.hand_over.most_returns:
            data["alerts"] = [UNSETTLED]
    return Event("returned", actor.user, attempt.occurred_at, data, actor.account)


UNSETTLED = "unsettled"
"""The alert that tells the arbiter of a case given back too often."""


def assign(book: Rulebook, case: Case, to: str, actor: Actor, stated: Stated, now: datetime) -> Event:
    """The arbiter settles whose case it is: nobody has to accept, and nobody may give it back."""
    attempt = Attempt.of(book, case, actor, stated, now)
    unmet = []
    if book.hand_over.arbiter not in actor.units():
        unmet.append(f"须由 {book.hand_over.arbiter} 裁定")
    if to not in book.organisation.units:
        unmet.append(f"没有单位 {to}")
    unmet += ["案件已办结"] if case.final else _idle(attempt, to)
    room = book.workflows[case.workflow].states[case.state].place
    if room and to != case.owner:
        unmet.append("案件占着床位，换地方须由接收方签收并填房间")
    return _taken(attempt, to, unmet)


def _idle(attempt: Attempt, unit: str) -> list[str]:
    """Why a unit cannot have the case where it stands: it is none of those that may, or its people could do nothing."""
    organisation, flow = attempt.book.organisation, attempt.flow
    if unit not in organisation.units or attempt.case.final:
        return []
    state = flow.states[attempt.case.state]
    if state.owner.startswith(FACT):
        named = attempt.book.subjects[flow.subject].fields[state.owner.removeprefix(FACT)]
        if named.values and unit not in named.values:
            return [f"“{state.title}”的案件只能归 {'、'.join(named.values)}"]
    held = {role for person in organisation.staff.values() for role, of in person.roles if of == unit}
    if any(held & set(transition.by) for transition in flow.leaving(attempt.case.state)):
        return []
    return [f"{unit} 的人员在“{state.title}”没有可办的动作，案件会停在那里"]


def _answering(attempt: Attempt) -> tuple[Offer, list[str]]:
    """The offer that is answered, and why this actor may not; the giver answers for a unit that has no staff here."""
    case, organisation = attempt.case, attempt.book.organisation
    if case.offer is None:
        raise Refused(Problem("CASE-015", "案件没有等待签收的交接", "先由负责单位交出"))
    to = case.offer.to
    staffed = organisation.staffed(to)
    unmet = []
    if not (to in attempt.actor.units() or (not staffed and case.owner in attempt.actor.units())):
        unmet.append(f"须由 {to if staffed else case.owner} 签收，{attempt.actor.user} 不在其中")
    if attempt.occurred_at < case.offer.at:
        unmet.append("答复的时间早于交出的时间")
    return case.offer, unmet


def _taken(attempt: Attempt, owner: str, unmet: list[str]) -> Event:
    """The case under another owner, where it stands; where a fact names the owner, it names the new one from now on."""
    case, book = attempt.case, attempt.book
    state = attempt.flow.states[case.state]
    facts = told(attempt)
    named = ""
    if state.owner.startswith(FACT):
        named = state.owner.removeprefix(FACT)
    elif state.owner == COMMUNITY and owner in book.organisation.communities:
        named = book.subjects[attempt.flow.subject].jurisdiction
    if named:
        facts["facts"] = {**facts["facts"], named: owner}
    armed, ended, cannot = attempt.reckoning.deadlines(state, attempt.occurred_at, case, stays=True)
    problems = [*attempt.timely(), *(Problem("CASE-010", reason) for reason in unmet), *cannot]
    if problems:
        raise Refused(problems)
    data = {"owner": owner, **facts, "armed": armed, "ended": [*ended, HAND_OVER]}
    return Event("accepted", attempt.actor.user, attempt.occurred_at, data, attempt.actor.account)
