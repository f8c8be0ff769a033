"""What turns out to have been otherwise: put right, decided again under the case's own release, moved if need be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from msgspec import structs

from engine.core.case import Armed, Case, Event, Plan, micros, moment
from engine.core.conditions import Fact, Field, from_json, label, to_json
from engine.core.errors import Problem, Refused
from engine.core.evolving import evolve
from engine.core.judging import NOTHING, Attempt, Stated, typed
from engine.core.moving import fire, offered, opened, told
from engine.core.noting import TITLES
from engine.core.org import FACT, Actor
from engine.core.reckoning import CONFIRM, HAND_OVER, Reckoning, arming
from engine.core.rulebook import Rulebook
from engine.core.tables import Decision
from engine.core.units import home_of, unit_of
from engine.core.values import local_day
from engine.core.workflows import State, Workflow

RECLASSIFIED = "reclassified"
NEW = "新立的接续案件"
"""What a case that will be opened is called before it has a number."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a correction changes, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The events of a correction, what changes by it, and the first event of the case that goes on in its stead."""

    events: tuple[Event, ...]
    successor: tuple[str, Event] | None
    differences: tuple[Difference, ...]


def correct(
    book: Rulebook,
    case: Case,
    actor: Actor,
    stated: Stated,
    now: datetime,
    successor: str,
    *,
    more: Mapping[str, Any] | None = None,
) -> Correction:
    """Put facts right: decision, schedules and deadlines follow from them as the rules of the case's release have it.

    Another responsible unit is only offered the case; another workflow goes on as the case `successor`. Raises
    `Refused` when the case is closed, nothing differs, or a deadline cannot be armed any more.
    """
    if case.final:
        raise Refused(Problem("CASE-010", "案件已办结，不能更正", "另立案件，或在它的后续案件上更正"))
    known = typed(book, case)
    changed = {key: value for key, value in stated.facts.items() if known.get(key) != value}
    if not changed and not stated.personal and not more:
        raise Refused(Problem("CASE-016", "更正的内容与原来相同", "只写不同的要素"))
    if uncounted := _uncounted(book, case, stated, changed):
        raise Refused(uncounted)
    right = Stated(changed, stated.personal)
    attempt = Attempt.of(book, case, actor, right, now)
    decision = _decided_again(attempt)
    outcome = case.outcome if decision is None else dict(decision.outcome)
    flow = book.workflows[str(outcome.get("workflow") or case.workflow)]
    if flow.name != case.workflow and decision is not None:
        return _reclassified(attempt, decision, successor, more or {})
    return _put_right(attempt, outcome, decision, more or {})


def _uncounted(book: Rulebook, case: Case, stated: Stated, changed: Mapping[str, Fact]) -> list[Problem]:
    """The totals that an amount was counted into, and that are not said anew together with it."""
    steps = book.workflows[case.workflow].transitions.values()
    counted = {pair: None for step in steps for pair in (*step.adds.items(), *step.takes.items())}
    fields = book.kind_of(case.workflow).fields
    return [
        Problem(
            "CASE-010",
            f"{fields[amount].title}已计入{fields[total].title}（现为 {case.facts.get(total) or 0}），不能只更正它",
            f"同一次更正里写明{fields[total].title}应为多少，不变的也照写",
            f"{fields[amount].title}={changed[amount]} {fields[total].title}=…",
        )
        for total, amount in counted
        if amount in changed and total not in stated.facts
    ]


def decide_again(book: Rulebook, case: Case, actor: Actor, now: datetime, successor: str) -> Correction | None:
    """Where the facts of a case lead after something happened to it; None when it stays what it is."""
    if case.final:
        return None
    attempt = Attempt.of(book, case, actor, NOTHING, now)
    book = attempt.book
    kind = book.kind_of(case.workflow)
    decision = book.decide(kind.name, _known(attempt), attempt.decided_on)
    if dict(decision.outcome) == dict(case.outcome) or not decision.matched:
        return None
    if str(decision.outcome.get("workflow") or case.workflow) != case.workflow:
        return _reclassified(attempt, decision, successor, {})
    return _put_right(attempt, dict(decision.outcome), decision, {})


def _known(attempt: Attempt) -> dict[str, Fact]:
    return {key: value for key, value in attempt.facts.items() if value is not None}


def _decided_again(attempt: Attempt) -> Decision | None:
    """The decision that the facts lead to now, on the day the case was opened; None when it is the same."""
    book, case = attempt.book, attempt.case
    kind = book.kind_of(case.workflow)
    if not kind.decided_by:
        return None
    asked = book.inputs(kind) | {kind.jurisdiction}
    if not asked & attempt.stated.facts.keys():
        return None
    decision = book.decide(kind.name, _known(attempt), attempt.decided_on)
    community = attempt.stated.facts.keys() & {kind.jurisdiction}
    return decision if community or dict(decision.outcome) != dict(case.outcome) else None


def _put_right(
    attempt: Attempt, outcome: Mapping[str, Any], decision: Decision | None, more: Mapping[str, Any]
) -> Correction:
    """The case stays in its workflow; what follows from its facts follows anew."""
    book, case, flow = attempt.book, attempt.case, attempt.flow
    state = flow.states[case.state]
    reckoning = structs.replace(Reckoning.of(book, case, attempt.facts), outcome=outcome)
    reckoning = reckoning.ending(case, typed(book, case), attempt.now)
    armed, ended, cannot = reckoning.deadlines(state, attempt.now, case, stays=True)
    if cannot:
        raise Refused(cannot)
    data = {
        **told(attempt),
        "was": {name: case.facts.get(name) for name in attempt.stated.facts},
        "armed": armed,
        "ended": [*ended, CONFIRM] if "confirms" in more else ended,
        **reckoning.plans(state, attempt.now, case, stays=True),
        **reckoning.cuts(case.cut_short),
        **more,
    }
    lead = case.lead
    if decision is not None:
        home = home_of(book, flow, attempt.facts)
        lead = unit_of(outcome.get("lead", book.default_owner), book.default_owner, home, attempt.facts)
        supporting = [unit_of(unit, lead, home, attempt.facts) for unit in outcome.get("supporting", ())]
        data |= {"decision": decision.told, "category": outcome.get("category", ""), "lead": lead}
        data["supporting"] = list(dict.fromkeys(unit for unit in supporting if unit != lead))
    was, now = _owners(attempt, state, lead)
    if _meant_for(case, was) and now != was:
        data |= {"withdrawn": True, "ended": [*data["ended"], HAND_OVER]}
    happened = Event("corrected", attempt.actor.user, attempt.now, data, attempt.actor.account)
    after = evolve(case, happened)
    if moves := _moved(attempt, after, state.on_decision if decision is not None else ""):
        for event in moves:
            after = evolve(after, event)
        return Correction((happened, *moves), None, tuple(_differences(attempt, after, flow, None)))
    owner = now if now not in (was, case.owner) and after.offer is None else None
    events = (happened,) if owner is None else (happened, _offer(attempt, after, owner))
    return Correction(events, None, tuple(_differences(attempt, after, flow, owner)))


def _moved(attempt: Attempt, after: Case, decided: str) -> tuple[Event, ...]:
    """What the new decision, or a result put right, fires where the case stands, if its guards hold and it may be."""
    results = ((task, attempt.stated.facts.get(task.result)) for task in attempt.flow.tasks.values())
    names = [task.on_result.get(str(result), "") for task, result in results if result is not None]
    if (
        after.offer is None
    ):  # whom it is offered to may answer first; a result waits for nobody, as when it is registered
        names.insert(0, decided)
    again = Attempt.of(attempt.book, after, attempt.actor, NOTHING, attempt.now)
    for fired in (attempt.flow.transitions[name] for name in names if name):
        if (
            after.state in fired.sources
            and not again.conditions(fired)
            and not again.missing(fired.evidence, known=True)
        ):
            return fire(again, fired)
    return ()


def _owners(attempt: Attempt, state: State, lead: str) -> tuple[str, str]:
    """The unit that the state belongs to by the facts as they were, and as they are now."""
    book, case, flow = attempt.book, attempt.case, attempt.flow
    before = typed(book, case)
    was = unit_of(state.owner, case.lead, home_of(book, flow, before), before)
    return was, unit_of(state.owner, lead, home_of(book, flow, attempt.facts), attempt.facts)


def _meant_for(case: Case, unit: str) -> bool:
    """Whether the case waits for a unit to take it over only because it is that unit's by its facts."""
    offer = case.offer
    return offer is not None and offer.to == unit and not offer.transition and not offer.trip


def _offer(attempt: Attempt, after: Case, owner: str) -> Event:
    """The old owner stays responsible until the new one accepts."""
    again = Attempt.of(attempt.book, after, attempt.actor, NOTHING, attempt.now)
    rules = attempt.book.hand_over
    return offered(again, owner, rules.within, rules.ladder)


def _reclassified(attempt: Attempt, decision: Decision, successor: str, more: Mapping[str, Any]) -> Correction:
    """The case is closed, and one of the workflow it belongs to goes on with its facts, results and ties."""
    book, case, actor, now = attempt.book, attempt.case, attempt.actor, attempt.now
    alerts = {"alerts": more["alerts"]} if "alerts" in more else {}
    own = {name: value for name, value in more.items() if name not in alerts}
    right = {**told(attempt), "was": {name: case.facts.get(name) for name in attempt.stated.facts}, **own}
    closed = (
        Event("corrected", actor.user, now, right, actor.account),
        Event(RECLASSIFIED, actor.user, now, {"successor": successor}, actor.account),
    )
    after = evolve(case, closed[0])
    first = follow(book, after, decision, actor, now, **alerts)
    then = evolve(None, first, successor)
    flow = book.workflows[then.workflow]
    differences = [
        Difference("流程", attempt.flow.title, flow.title),
        Difference("案件", case.id, NEW),
        *_differences(attempt, then, flow, None),
    ]
    return Correction(closed, (successor, first), tuple(differences))


def follow(
    book: Rulebook, case: Case, decision: Decision, actor: Actor, now: datetime, stage: str = "", **more: Any
) -> Event:
    """The first event of the case that goes on where this one ends, under the rules that decided it.

    It begins in the state of its workflow that the stage reached so far `continues` in, else in its initial one; so it
    does where no fact names whose that state would be. `stage`: what these rules may have no state for.
    """
    book = book.under(case.profile, case.ruled_from)
    kind = next(kind for kind in book.subjects.values() if kind.decided_by == decision.table)
    flow = book.flow_of(kind.name, decision.outcome)
    stage = stage or book.workflows[case.workflow].states[case.state].stage
    known = {key: from_json(kind.fields[key], value) for key, value in case.facts.items() if key in kind.fields}
    state = flow.states[flow.continues.get(stage, flow.initial)]
    if state.owner.startswith(FACT) and case.facts.get(state.owner.removeprefix(FACT)) is None:
        state = flow.states[flow.initial]
    return opened(
        book,
        flow,
        state,
        decision,
        case.subject,
        Stated(known, case.personal),
        actor,
        now,
        follows=case.id,
        results=[[done.task, done.result, micros(done.at)] for done in case.results],
        parents=dict(case.parents),
        involved=sorted(case.involved),
        **more,
    )


def needs_second(book: Rulebook, stated: Stated, now: datetime) -> list[str]:
    """The facts that are dated further back than one person may state alone, by their titles."""
    fields = {key: of for kind in book.subjects.values() for key, of in kind.fields.items()}
    bound = now - book.backdate
    return [
        fields[key].title
        for key, value in stated.facts.items()
        if (isinstance(value, datetime) and value < bound)
        or (isinstance(value, date) and not isinstance(value, datetime) and value < local_day(bound, book.zone))
    ]


def propose(book: Rulebook, case: Case, actor: Actor, stated: Stated, now: datetime) -> Event:
    """A correction that waits for a second person, and is not forgotten; nothing follows from it before."""
    if stated.personal:
        raise Refused(Problem("CASE-017", "追溯过久的日期须另一人确认，个人信息请分开更正", "分两次更正"))
    if case.proposal is not None:
        raise Refused(Problem("CASE-017", f"已有 {case.proposal.by} 提出的更正等待确认", "先确认或驳回"))
    proposed = {key: to_json(value) for key, value in stated.facts.items()}
    book = book.under(case.profile, case.ruled_from)
    rules = book.hand_over
    length = book.within(rules.within, typed(book, case), case.opened_at)
    if length is None:
        raise Refused(Problem("CASE-013", "确认时限无法确定", f"{rules.within} 在当日没有适用的值"))
    armed = {CONFIRM: arming("proposed", micros(now), rules.within, length, book.ladder(rules.ladder))}
    return Event("proposed", actor.user, now, {"proposed": proposed, "armed": armed}, actor.account)


def rejected(actor: Actor, now: datetime) -> Event:
    """The proposed correction is not made."""
    return Event("rejected", actor.user, now, {"ended": [CONFIRM]}, actor.account)


def proposal_of(book: Rulebook, case: Case, actor: Actor) -> Stated:
    """What waits to be confirmed, for somebody who did not propose it."""
    if case.final or case.proposal is None:
        raise Refused(Problem("CASE-017", "没有等待确认的更正", "先用 case correct 提出"))
    if case.proposal.by == actor.user:
        raise Refused(Problem("CASE-017", f"{actor.user} 自己提出的更正须由另一人确认", "请换人"))
    proposed = structs.replace(case, facts=case.proposal.facts)
    return Stated(typed(book, proposed))


def _differences(attempt: Attempt, after: Case, flow: Workflow, offered_to: str | None) -> list[Difference]:
    """What is another after a correction than before, in the order in which a reader asks."""
    book, case = attempt.book, attempt.case
    fields = book.subjects[flow.subject].fields
    before = typed(book, case)
    found = [
        Difference(fields[key].title, _told(book, fields[key], before.get(key)), _told(book, fields[key], value))
        for key, value in attempt.stated.facts.items()
    ]
    found += [Difference(fields[key].title, "***", "***") for key in sorted(attempt.stated.personal) if key in fields]
    found += _unlike("类别", case.category, after.category) + _unlike("牵头", case.lead, after.lead)
    if case.offer is not None and after.offer is None and after.id == case.id:
        found.append(Difference("待签收", case.offer.to, "收回"))
    if offered_to is not None:
        found.append(Difference("责任单位（签收后）", case.owner, offered_to))
    else:
        found += _unlike("责任单位", case.owner, after.owner)
    if after.id == case.id:
        states = attempt.flow.states
        found += _unlike("环节", states[case.state].title, states[after.state].title)
        found += _clocks(attempt, after, flow)
        found += shifted(book, case, after, flow)
    return found


def shifted(book: Rulebook, case: Case, after: Case, flow: Workflow, was: Workflow | None = None) -> list[Difference]:
    """Deadlines and schedules that are others after than before; `was`: the workflow before, where it is another."""
    flows = [flow] if was is None else [flow, was]
    return [*_due(book, case.deadlines, after.deadlines, flows), *_plans(book, case.plans, after.plans, flows)]


def _told(book: Rulebook, of: Field, value: Fact) -> str:
    return _at(book, value) if isinstance(value, datetime) else label(of, value)


def _unlike(what: str, before: str, after: str) -> list[Difference]:
    return [Difference(what, before, after)] if before != after else []


def _clocks(attempt: Attempt, after: Case, flow: Workflow) -> list[Difference]:
    book, case = attempt.book, attempt.case
    was: Mapping[str, Fact] = typed(book, case)
    found = []
    for name, clock in flow.clocks.items():
        old = Reckoning.of(book, case, was).count(name)
        new = Reckoning.of(book, after, attempt.facts).count(name)
        found += _unlike(f"{clock.title}期满", _at(book, old.done_at), _at(book, new.done_at))
    return found


def _due(book: Rulebook, was: Mapping[str, Armed], now: Mapping[str, Armed], flows: list[Workflow]) -> list[Difference]:
    titles = {of.name: of.title for flow in reversed(flows) for state in flow.states.values() for of in state.deadlines}
    titles |= TITLES
    found = []
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name), now.get(name)
        found += _unlike(
            f"时限 {titles.get(name, name)}", _at(book, old.due if old else None), _at(book, new.due if new else None)
        )
    return found


def _plans(book: Rulebook, was: Mapping[str, Plan], now: Mapping[str, Plan], flows: list[Workflow]) -> list[Difference]:
    titles = {of.name: of.title for flow in reversed(flows) for of in flow.schedules.values()}
    found = []
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name), now.get(name)
        found += _unlike(f"计划 {titles.get(name, name)}", _times(book, old), _times(book, new))
    return found


def _times(book: Rulebook, plan: Plan | None) -> str:
    if plan is None:
        return "无"
    if plan.daily:
        return f"{'每日' if plan.every == 1 else f'每 {plan.every} 天'} {'、'.join(plan.daily)}"
    return "、".join(f"{local_day(moment(due), book.zone):%m-%d}" for due in plan.due)


def _at(book: Rulebook, when: datetime | None) -> str:
    return f"{when.astimezone(book.zone):%Y-%m-%d %H:%M}" if when else "无"
