"""Why does a case stand where it stands? Its category, owner, state and due times, answered from its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.core.case import Case
from engine.core.org import COMMUNITY, FACT, LEAD, Actor
from engine.core.rulebook import Rulebook
from engine.core.why import why as why_due
from engine.reading.timeline import decisions, timeline
from engine.reading.ways import ways
from engine.service import Office

Told = list[dict[str, Any]]


def case_why(office: Office, case_id: str, actor: Actor) -> dict[str, Any]:
    """Why this case has this category, owner, state and due times, and what each way on still lacks."""
    case, _ = office.case(case_id, actor)
    book = office.book(case.release)
    told = timeline(office, case)
    made = [
        decision for decision in decisions(book.kind_of(case.workflow), told) if decision["category"] == case.category
    ]
    flow = book.workflows[case.workflow]
    titles = office.answer(book, case)["deadline_titles"]
    return {
        "case": case.id,
        "category": case.category,
        "decision": made[-1] if made else None,
        "state": flow.states[case.state].title,
        "state_why": _came(told, case.entered.event, flow.states[case.state].clause),
        "owner": case.owner,
        "owner_why": _held(book, case, told) if case.owner else "",
        "deadlines": [
            {
                "name": name,
                "title": titles.get(name, name),
                "why": why_due(book, case, name),
            }
            for name in case.deadlines
        ],
        "ways": _ways(office, book, case),
    }


def _came(told: Told, event: int, clause: str) -> str:
    """By which event the case came here."""
    because = _event(told, event)
    cited = f"（{clause}）" if clause else ""
    return f"{because['at']} {because['actor']}：{because['what']}{cited}"


def _held(book: Rulebook, case: Case, told: Told) -> str:
    """Why this unit is responsible: since when, by which event, and what in the rules names it."""
    state = book.workflows[case.workflow].states[case.state]
    kind = book.kind_of(case.workflow)
    fact = state.owner.removeprefix(FACT) if state.owner.startswith(FACT) else ""
    if state.owner == COMMUNITY:
        fact = kind.jurisdiction
    named = {LEAD: f"牵头单位 {case.lead}"}.get(state.owner, f"环节“{state.title}”的责任单位")
    if fact:
        named = f"“{kind.fields[fact].title}”为 {case.facts.get(fact) or '未知，归默认责任单位'}"
    because = _event(told, case.held.event)
    return f"自 {because['at']}（{because['actor']}：{because['what']}）；规则：{named}"


def _event(told: Sequence[dict[str, Any]], seq: int) -> dict[str, Any]:
    return next(event for event in told if event["seq"] == seq and event["type"] != "revealed")


def _ways(office: Office, book: Rulebook, case: Case) -> Told:
    """Each step from here, who may take it, and what it lacks beside what is filled in with it."""
    staff = (book.organisation.actor(user) for user in book.organisation.staff)
    everybody = [actor for actor in staff if actor is not None]
    return [told | {"who": able} for told, able in ways(office, book, case, everybody)]
