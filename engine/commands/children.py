"""Cases that hang on another: the contacts a positive case names, each with a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import structs

from engine.commands.corrections import correction_step
from engine.core.case import Case
from engine.core.corrections import correct
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.judging import who
from engine.core.opening import carried
from engine.core.org import Actor
from engine.core.workflows import ChildType
from engine.ids import new_id
from engine.intake.given import parse
from engine.service import Office
from engine.step import Step
from engine.store import subjects


def open_child(
    office: Office, parent_id: str, name: str, raw: Mapping[str, Any], actor: Actor, request_key: str = ""
) -> dict[str, Any]:
    """Open a case that hangs on another; somebody with an open case of her own hangs on it with that one.

    `name` is one of the `children` of the parent's workflow; empty where it has only one.
    """

    def decide(now: datetime) -> Step:
        parent, _ = office.case(parent_id, actor)
        kind_of_child = _child_type(office, parent, name, actor)
        book = office.book()
        kind = book.subjects[kind_of_child.subject]
        stated, texts = parse(book, kind, raw, now)
        given, told = carried(
            office.book(parent.release),
            kind_of_child,
            parent,
            office.personal(parent.subject) if kind_of_child.carries else {},
        )
        texts = {**told, **texts}
        facts = {**given.facts, **stated.facts, **kind_of_child.sets}
        stated = structs.replace(stated, facts=facts, personal=frozenset(texts))
        ties = {parent.id: kind_of_child.name}
        known = subjects.identities(office.master, kind, {**stated.facts, **texts}.get)
        standing = office.open_case_of(known)
        if standing is None:
            return office.opening(book, kind, stated, texts, actor, now, ties)
        case, head = standing
        if parent.id in case.parents or case.id == parent.id:
            raise Refused(Problem("CASE-018", "此人已在本案名下", "在他自己的案件上办理"))
        right = structs.replace(stated, personal=frozenset())
        done = correct(office.book(case.release), case, actor, right, now, new_id(), more={"parents": ties})
        return correction_step(office, case, head, done, subjects.Sealed())

    digest = office.digest("child", f"{parent_id} {name}", actor.user, raw) if request_key else ""
    return office.act(decide, request_key, digest)


def _child_type(office: Office, parent: Case, name: str, actor: Actor) -> ChildType:
    """The kind of child that is asked for, if this actor may open it now; else every reason."""
    book = office.book(parent.release)
    flow = book.workflows[parent.workflow]
    kinds = flow.children
    named = [kind for kind in kinds.values() if name in (kind.name, kind.title)] if name else list(kinds.values())
    found = named[0] if len(named) == 1 else None
    if found is None:
        raise BadInput(
            Problem(
                "FACT-001",
                f"流程 {flow.title} 不能开出 {name or '（未写明哪一种）'}",
                f"可用：{listing([f'{kind.title}（{kind.name}）' for kind in kinds.values()]) or '无'}",
                nearest(name, [word for kind in kinds.values() for word in (kind.name, kind.title)]),
            )
        )
    unmet = who(book, parent, found.by, actor)
    if parent.state not in found.states or parent.final:
        states = "、".join(flow.states[state].title for state in found.states)
        unmet.append(f"案件在“{flow.states[parent.state].title}”，只在 {states} 时可开{found.title}")
    if unmet:
        raise Refused([Problem("CASE-010", reason) for reason in unmet])
    return found
