"""What a step brings with it in other cases, in the same transaction: those that are opened, and steps of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import structs

from engine.core import lifecycle
from engine.core.case import Case
from engine.core.conditions import Fact
from engine.core.errors import BihuanError, Problem, Refused
from engine.core.judging import Stated, typed
from engine.core.opening import called_for, carried, opened_by, unsaid
from engine.core.org import LEAD, OWNER, SYSTEM, Actor
from engine.core.rulebook import Rulebook
from engine.core.workflows import THIS, ChildType, Move
from engine.relatives import with_relatives
from engine.step import Step
from engine.store.changes import Change

if TYPE_CHECKING:
    from engine.service import Office

_SAME = (
    "SELECT id FROM \"case\" WHERE final = '' AND workflow IN (SELECT value FROM json_each(?))"
    " AND json_extract(snapshot, ?) = ?"
)


def together(office: Office, change: Change, step: Step, texts: Mapping[str, str], actor: Actor, now: datetime) -> Step:
    """A step, the steps of other cases that it takes with it, and the cases that its results open."""
    moved, unknown = _moved(office, change, actor, now)
    if moved or unknown:
        told = {"moved": [other.case.id for other in moved]} | ({"unregistered": unknown} if unknown else {})
        step = structs.replace(step, changes=[*moved, *step.changes], answer=step.answer | told)
    for one, known in ((change, texts), *((other, {}) for other in moved)):
        book = office.book(one.case.release)
        kinds = opened_by(book, one.case, one.events)
        if not kinds:
            continue
        for child in kinds:
            but = unsaid(book, one.case, one.events)
            step = step.beside(open_for(office, one.case, child, known, actor, now, but))
        if still := _still_open(one.case, kinds):
            step = structs.replace(step, answer=step.answer | {"still_open": step.answer.get("still_open", {}) | still})
    return step


def _still_open(case: Case, kinds: tuple[ChildType, ...]) -> dict[str, list[str]]:
    """The children that were open before of the kinds that are opened, by title: the new one may be a double."""
    found = {
        kind.title: [name for name, child in case.children.items() if child.kind == kind.name and not child.final]
        for kind in kinds
    }
    return {title: names for title, names in found.items() if names}


def settled(office: Office, step: Step, now: datetime) -> tuple[Step, list[Change]]:
    """A step with all that it changes: relatives are told, and what the state of a case calls for is opened."""
    for rounds in count():
        changes = with_relatives(office.store.load, office.book, step.changes)
        wanted = [(one.case, child) for one in changes for child in called_for(office.book(one.case.release), one.case)]
        if not wanted:
            return step, changes
        if rounds > len(office.book().workflows):
            break
        system = Actor(SYSTEM, (), office.account, engine=True)
        for case, child in wanted:
            step = step.beside(open_for(office, case, child, {}, system, now))
    raise Refused(Problem("CASE-010", "案件一件引出一件，没有尽头", "流程的 opens 互相引出；让其中一处由人来办"))


def open_for(
    office: Office,
    case: Case,
    child: ChildType,
    texts: Mapping[str, str],
    actor: Actor,
    now: datetime,
    unsaid: frozenset[str] = frozenset(),
) -> Step:
    """The step that opens a child of a case, with what the case hands on to it."""
    known = {**office.personal(case.subject), **texts} if child.carries else texts
    stated, told = carried(office.book(case.release), child, case, known, unsaid)
    latest = office.book()
    return office.opening(latest, latest.subjects[child.subject], stated, told, actor, now, {case.id: child.name})


def _moved(office: Office, change: Change, actor: Actor, now: datetime) -> tuple[list[Change], dict[str, int | float]]:
    """The steps of other cases that this one takes with it, and what none stands for; what cannot be done is told."""
    book, case = office.book(change.case.release), change.case
    steps = book.workflows[case.workflow].transitions
    fired = [steps[event.data["transition"]] for event in change.events if event.type == "advanced"]
    moves = [move for step in fired for move in step.moves]
    if not moves:
        return [], {}
    others: dict[str, Change] = {}
    problems: list[Problem] = []
    unknown: dict[str, int | float] = {}
    for move in moves:
        known: dict[str, Fact] = {**typed(book, case), OWNER: case.owner, LEAD: case.lead, THIS: case.id}
        given = {to: known[of] for to, of in move.gives.items() if known.get(of) is not None}
        for other, head, more in _others(office, case, move, problems, unknown):
            before = others.get(other.id)
            theirs = office.book(other.release)
            standing = before.case if before is not None else other
            try:
                events = lifecycle.follow(theirs, standing, move.fires, actor, Stated(given | more), now)
            except BihuanError as refused:
                problems += [replace(problem, what=f"案件 {other.id}：{problem.what}") for problem in refused.problems]
                continue
            others[other.id] = before.then(theirs, *events) if before else Change.of(theirs, other, head, events)
    if problems:
        raise Refused(problems)
    return list(others.values()), unknown


def _others(
    office: Office, case: Case, move: Move, problems: list[Problem], unknown: dict[str, int | float]
) -> Iterator[tuple[Case, bytes, dict[str, Fact]]]:
    """The cases that a move is about, with the amount that falls to each.

    Where whatever one cannot give falls to the last, no case has to stand for a thing: that is only told.
    """
    if not move.of:
        for parent in case.parents:
            found = office.store.load(parent)
            if found is not None and not found[0].final and move.fires in _flow(office, found[0]):
                yield (*found, {})
        return
    listed: Any = case.outcome.get(move.each, {})
    for thing, number in listed.items():
        left, there = number, _of(office, move, thing)
        for number_of, (other, head) in enumerate(there, 1):
            rest = bool(move.up_to) and number_of == len(there)
            share = left if rest else min(left, _room(office.book(other.release), other, move, left))
            if share > 0:
                left -= share
                yield other, head, {move.amount: share}
        if move.up_to and not there:
            unknown[thing] = left
        elif left:
            has = f"只有 {number - left}" if there else "没有登记"
            problems.append(Problem("CASE-010", f"{thing}要 {number}，{has}", "先补足，或登记在册"))


def _of(office: Office, move: Move, thing: str) -> list[tuple[Case, bytes]]:
    """The open cases of this thing, in the order in which they are drawn on."""
    flows = [flow.name for flow in office.book().workflows.values() if flow.subject == move.of]
    with office.store.reading() as driver:
        rows = driver.execute(_SAME, (orjson.dumps(flows).decode(), f"$.facts.{move.by}", thing)).fetchall()
    found = [each for (case_id,) in rows if (each := office.store.load(case_id)) is not None]
    found = [each for each in found if move.fires in _flow(office, each[0])]
    return sorted(found, key=lambda each: (str(each[0].facts.get(move.first, "")), each[0].opened_at, each[0].id))


def _room(book: Rulebook, other: Case, move: Move, most: int) -> int:
    """How much of a number falls to another case: what its step can take from, or up to what it has of `up_to`."""
    step = book.workflows[other.workflow].transitions[move.fires]
    fields = book.kind_of(other.workflow).fields
    rooms = [
        int((other.facts.get(fact) or 0) - (fields[fact].low or 0))
        for fact, amount in step.takes.items()
        if amount == move.amount
    ]
    if move.up_to:
        rooms.append(int(other.facts.get(move.up_to) or 0))
    return min([most, *rooms])


def _flow(office: Office, case: Case) -> Mapping[str, Any]:
    """The steps that the workflow of a case has."""
    return office.book(case.release).workflows[case.workflow].transitions
