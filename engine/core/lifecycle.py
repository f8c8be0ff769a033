"""Open a case, advance it, state what is known of it: each gives one event, or a refusal with every reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.core.case import Case, Event, micros
from engine.core.conditions import Fact, from_json, to_json
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.guards import Count, Situation
from engine.core.org import COMMUNITY, LEAD, Actor
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Rulebook
from engine.core.tables import Decision
from engine.core.values import local_day
from engine.core.workflows import SAME, TaskType, Transition, Workflow

EARLIEST_STATEMENT = timedelta(days=30)
"""How long ago something may have happened that is stated only now; further back needs a correction."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody says of a case: open facts with their typed values, personal ones by name only."""

    facts: Mapping[str, Fact] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()


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
) -> tuple[Event, Decision | None]:
    """Decide where this subject goes and open its case there; no rule matches: the default owner and workflow.

    `workflow` names one outright, for matters that no table decides. Raises `Refused` when a deadline cannot be armed.
    """
    kind = book.subjects[subject_kind]
    decision = None
    if not workflow:
        decision = book.decide(subject_kind, stated.facts, local_day(now, book.zone))
    outcome: dict[str, Any] = dict(decision.outcome) if decision is not None else {}
    flow = book.workflows[workflow or outcome.get("workflow") or book.default_workflow]
    community = _community(book, kind.jurisdiction, stated.facts)
    lead = _unit(outcome.get("lead", book.default_owner), "", community)
    supporting = [_unit(unit, lead, community) for unit in outcome.get("supporting", ())]
    state = flow.states[flow.initial]
    armed, _, problems = Reckoning(book, flow, outcome, now, stated.facts).deadlines(state, now)
    if problems:
        raise Refused(problems)
    data: dict[str, Any] = {
        "workflow": flow.name,
        "release": book.release,
        "subject": subject,
        "to": state.name,
        "stage": state.stage,
        "owner": _unit(state.owner, lead, community) or lead,
        "lead": lead,
        "supporting": list(dict.fromkeys(unit for unit in supporting if unit != lead)),
        "category": outcome.get("category", ""),
        "decision": _UNDECIDED if decision is None else decision.told,
        "facts": {name: to_json(value) for name, value in stated.facts.items() if value is not None},
        "personal": sorted(stated.personal),
        "armed": armed,
    }
    if origin:
        data["origin"] = dict(origin)
    return Event("opened", actor.user, now, data, actor.account), decision


def advance(
    book: Rulebook,
    case: Case,
    name: str,
    actor: Actor,
    stated: Stated,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Event:
    """Fire a transition: one event, or a refusal that lists every unmet condition with what would satisfy it.

    `occurred_at` is when it happened, if that was earlier than now; day counts and lateness follow it.
    """
    flow = book.workflows[case.workflow]
    occurred_at = occurred_at or now
    transition = _named(flow, case, name)
    facts = typed(book, case) | dict(stated.facts)
    reckoning = Reckoning(book, flow, case.outcome, case.opened_at, facts)
    situation = Situation(
        case=case,
        facts=facts,
        personal=case.personal | stated.personal,
        actor=actor.user,
        now=occurred_at,
        zone=book.zone,
        count=reckoning.count,
        days_of=reckoning.days,
    )
    problems: list[Problem] = _timely(case, now, occurred_at)

    def meets(asked: Transition) -> list[str]:
        return [
            *_who(book, case, asked, actor),
            *_missing(book, flow, asked, stated),
            *_conditions(asked, situation),
        ]

    target, unmet = flow.step(case.state, name, meets)
    if target is None and not unmet:
        raise Refused(_not_from_here(flow, case, transition))
    problems += [Problem("CASE-010", reason) for reason in unmet]
    state = flow.states[transition.to if transition.to != SAME else case.state]
    armed, ended, cannot = reckoning.deadlines(state, occurred_at, case, stays=transition.to == SAME)
    if problems or cannot:
        raise Refused(problems + cannot)
    data: dict[str, Any] = {
        "transition": name,
        "from": case.state,
        "to": state.name,
        "stage_before": flow.states[case.state].stage,
        "stage": state.stage,
        "owner": case.owner if transition.to == SAME else _unit(state.owner, case.lead, _home(book, flow, facts)),
        "facts": {key: to_json(value) for key, value in stated.facts.items()},
        "personal": sorted(stated.personal),
        "armed": armed,
        "ended": ended,
    }
    if transition.to != SAME:
        data["entered"] = True
    if state.final:
        data["final"] = state.final
    if transition.task:
        data["task"] = _result(flow.tasks[transition.task], facts, occurred_at)
    return Event("advanced", actor.user, occurred_at, data, actor.account)


def state_facts(
    book: Rulebook, case: Case, actor: Actor, stated: Stated, now: datetime, origin: Mapping[str, Any]
) -> tuple[Event, Decision | None]:
    """Add what another source says of a case: what was unknown is filled in, what differs is kept beside it.

    The decision is the one the facts would lead to now, when it differs from the case's own; nothing is moved by it.
    """
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


def typed(book: Rulebook, case: Case) -> dict[str, Fact]:
    """The open facts of a case with their types: dates as dates, times as times."""
    fields = book.subjects[book.workflows[case.workflow].subject].fields
    return {key: from_json(fields[key], value) for key, value in case.facts.items() if key in fields}


def possible(book: Rulebook, case: Case, actor: Actor) -> tuple[str, ...]:
    """What this actor may do with the case now, guards and evidence apart."""
    flow = book.workflows[case.workflow]
    return tuple(t.name for t in flow.leaving(case.state) if not _who(book, case, t, actor))


def count_of(book: Rulebook, case: Case, clock: str, facts: Mapping[str, Fact] | None = None) -> Count:
    """What a clock of the case says: day 0, the days it takes, when it is done."""
    flow = book.workflows[case.workflow]
    known = typed(book, case) if facts is None else facts
    return Reckoning(book, flow, case.outcome, case.opened_at, known).count(clock)


_UNDECIDED = {"table": "", "rules": [], "clauses": [], "inputs": {}, "outcome": {}, "matched": True}
"""Where a workflow was named outright."""


def _community(book: Rulebook, jurisdiction: str, facts: Mapping[str, Fact]) -> str:
    """The unit of the place of stay; unknown: the default owner, whose first deadline is to fill it in."""
    value = facts.get(jurisdiction) if jurisdiction else None
    return str(value) if value is not None else book.default_owner


def _home(book: Rulebook, flow: Workflow, facts: Mapping[str, Fact]) -> str:
    return _community(book, book.subjects[flow.subject].jurisdiction, facts)


def _unit(owner: str, lead: str, community: str) -> str:
    if owner == COMMUNITY:
        return community
    return lead if owner == LEAD else owner


def _named(flow: Workflow, case: Case, name: str) -> Transition:
    if name not in flow.transitions:
        here = [transition.name for transition in flow.leaving(case.state)]
        raise BadInput(
            Problem(
                "CASE-011",
                f"流程 {flow.title} 没有动作 {name}",
                f"现在可以：{listing(here) or '无'}",
                nearest(name, flow.transitions),
            )
        )
    return flow.transitions[name]


def _not_from_here(flow: Workflow, case: Case, transition: Transition) -> Problem:
    state = flow.states[case.state]
    here = [f"{possible_.name}（{possible_.title}）" for possible_ in flow.leaving(case.state)]
    sources = "、".join(flow.states[source].title for source in transition.sources)
    return Problem(
        "CASE-010",
        f"案件在“{state.title}”（{state.name}），不能{transition.title}（{transition.name}）",
        f"该动作始于：{sources}；现在可以：{listing(here) or '无，已办结'}",
    )


def _timely(case: Case, now: datetime, occurred_at: datetime) -> list[Problem]:
    last = max([case.entered.at, *(entry.at for entry in case.stages.values())])
    if occurred_at > now:
        return [Problem("CASE-012", "发生时间晚于现在", "写明实际发生的时间")]
    if occurred_at < last:
        return [Problem("CASE-012", "发生时间早于进入当前环节的时间", "更早的事实请按更正办理")]
    if occurred_at < now - EARLIEST_STATEMENT:
        return [Problem("CASE-012", "发生时间早于 30 天前", "更早的事实请按更正办理")]
    return []


def _who(book: Rulebook, case: Case, transition: Transition, actor: Actor) -> list[str]:
    if book.organisation.acts_as(actor, transition.by, case.owner, case.involved):
        return []
    roles = book.organisation.roles
    needed = "、".join(f"{roles[role].title}（{role}）" for role in transition.by)
    return [f"须由 {needed} 办理，案件现由 {case.owner or '无'} 负责；{actor.user} 没有这一职责"]


def _missing(book: Rulebook, flow: Workflow, transition: Transition, stated: Stated) -> list[str]:
    fields = book.subjects[flow.subject].fields
    given = {key for key, value in stated.facts.items() if value is not None} | stated.personal
    return [
        f"缺少佐证：{fields[item.field].title}（{item.field}）"
        for item in transition.evidence
        if item.required and item.field not in given
    ]


def _conditions(transition: Transition, situation: Situation) -> list[str]:
    """Every unmet guard; where any of several lists may hold, the reasons of the one that lacks least."""
    unmet = [[reason for guard in guards if (reason := guard.unmet(situation))] for guards in transition.when]
    return min(unmet, key=len, default=[])


def _result(task: TaskType, facts: Mapping[str, Fact], occurred_at: datetime) -> dict[str, Any]:
    at = facts.get(task.at)
    return {
        "name": task.name,
        "result": to_json(facts.get(task.result)),
        "at": micros(at if isinstance(at, datetime) else occurred_at),
    }
