"""Who is responsible: handed over by offer and acceptance, given back with a reason, settled by the arbiter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core.case import Case, Event, Offer
from engine.core.errors import Problem, Refused
from engine.core.judging import Attempt, Stated
from engine.core.moving import fire, offered, told
from engine.core.org import COMMUNITY, Actor
from engine.core.reckoning import HAND_OVER
from engine.core.rulebook import Rulebook


def offer(
    book: Rulebook, case: Case, to: str, actor: Actor, stated: Stated, now: datetime, *, declined: bool = False
) -> Event:
    """Offer the case to another unit; `declined`: the holder says it is not its own (退单), which is counted.

    After as many returns as the pack allows, only the arbiter may settle whose it is.
    """
    attempt = Attempt.of(book, case, actor, stated, now)
    unmet = [] if case.owner in actor.units() else [f"案件由 {case.owner or '无'} 负责，{actor.user} 不能交出"]
    if case.final:
        unmet = ["案件已办结"]
    if declined and case.returns >= book.hand_over.most_returns:
        unmet.append(f"已退 {case.returns} 次，由 {book.hand_over.arbiter} 裁定")
    rules = book.hand_over
    return offered(attempt, to, rules.within, rules.ladder, unmet, **({"declined": True} if declined else {}))


def accept(
    book: Rulebook, case: Case, actor: Actor, stated: Stated, now: datetime, occurred_at: datetime | None = None
) -> tuple[Event, ...]:
    """The receiver takes over: fires the transition that was offered, or only becomes the owner."""
    attempt = Attempt.of(book, case, actor, stated, now, occurred_at)
    offer, unmet = _answering(attempt)
    if offer.transition:
        transition = attempt.flow.transitions[offer.transition]
        evidence = transition.hand_over.evidence if transition.hand_over else ()
        return fire(attempt, transition, [*unmet, *attempt.missing(evidence)], accepted=True)
    return (_taken(attempt, offer.to, unmet),)


def give_back(book: Rulebook, case: Case, actor: Actor, stated: Stated, now: datetime, **more: Any) -> Event:
    """The receiver does not take it; the giver stays responsible, and it is counted."""
    attempt = Attempt.of(book, case, actor, stated, now)
    _, unmet = _answering(attempt)
    if unmet:
        raise Refused([Problem("CASE-010", reason) for reason in unmet])
    data = {**told(attempt), "ended": [HAND_OVER], "counted": True, **more}
    return Event("returned", actor.user, now, data, actor.account)


def assign(book: Rulebook, case: Case, to: str, actor: Actor, stated: Stated, now: datetime) -> Event:
    """The arbiter settles whose case it is: nobody has to accept, and nobody may give it back."""
    attempt = Attempt.of(book, case, actor, stated, now)
    unmet = []
    if book.hand_over.arbiter not in actor.units():
        unmet.append(f"须由 {book.hand_over.arbiter} 裁定")
    if to not in book.organisation.units:
        unmet.append(f"没有单位 {to}")
    if case.final:
        unmet.append("案件已办结")
    return _taken(attempt, to, unmet)


def _answering(attempt: Attempt) -> tuple[Offer, list[str]]:
    """The offer that is answered, and why this actor may not."""
    case, organisation = attempt.case, attempt.book.organisation
    if case.offer is None:
        raise Refused(Problem("CASE-015", "案件没有等待签收的交接", "先由负责单位交出"))
    to = case.offer.to
    staffed = any(unit == to for person in organisation.staff.values() for _, unit in person.roles)
    if to in attempt.actor.units() or (not staffed and case.owner in attempt.actor.units()):
        return case.offer, []
    return case.offer, [f"须由 {to if staffed else case.owner} 签收，{attempt.actor.user} 不在其中"]


def _taken(attempt: Attempt, owner: str, unmet: list[str]) -> Event:
    """The case under another owner, where it stands; a community that takes it over is its community from now on."""
    case, book = attempt.case, attempt.book
    state = attempt.flow.states[case.state]
    facts = told(attempt)
    home = book.subjects[attempt.flow.subject].jurisdiction
    if state.owner == COMMUNITY and home:
        facts["facts"] = {**facts["facts"], home: owner}
    armed, ended, cannot = attempt.reckoning.deadlines(state, attempt.occurred_at, case, stays=True)
    problems = [*attempt.timely(), *(Problem("CASE-010", reason) for reason in unmet), *cannot]
    if problems:
        raise Refused(problems)
    data = {"owner": owner, **facts, "armed": armed, "ended": [*ended, HAND_OVER]}
    return Event("accepted", attempt.actor.user, attempt.occurred_at, data, attempt.actor.account)
