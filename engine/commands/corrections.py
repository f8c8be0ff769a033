"""Facts put right after the fact: shown first, then done, and by two persons where it reaches far back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import structs

from engine.core import corrections as core
from engine.core.case import Case
from engine.core.corrections import Correction
from engine.core.errors import BadInput, Problem, Refused
from engine.core.judging import others_to_correct
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.ids import new_id
from engine.intake.given import parse
from engine.service import Office
from engine.step import Step
from engine.store import references, subjects
from engine.store.changes import Change, corrected
from engine.store.store import Writer


def correct(
    office: Office,
    case_id: str,
    raw: Mapping[str, Any],
    reason: str,
    actor: Actor,
    *,
    dry_run: bool = False,
    request_key: str = "",
) -> dict[str, Any]:
    """Put facts of a case right; `dry_run` only says what would change.

    Dates further back than the pack allows one person wait for a second one to confirm them.
    """
    office.require(actor, "correct")
    if not reason.strip():
        raise BadInput(Problem("CASE-019", "没有写明更正的理由", '用 --reason "…"'))

    def decide(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        office.require(actor, "correct", of=case.involved)
        book = office.book(case.release)
        kind = book.kind_of(case.workflow)
        stated, texts = parse(book, kind, raw, now)
        if others := others_to_correct(book, case, actor, [*stated.facts, *texts]):
            raise Refused(others)
        given, stays = office.matched(book, case, stated, texts, now)
        stated = structs.replace(stated, facts=given | dict(stated.facts))
        done = core.correct(book, case, actor, stated, now, new_id())
        far = core.needs_second(book, stated, now)
        if far:
            proposed = core.propose(book, case, actor, stated, now)
            change = Change.of(book, case, head, (proposed,))
            answer = office.answer(book, case) | {"waits": far, "changes": _told(done)}
            return Step([change], answer, office.reason(case, change.case.seq, reason))
        sealed = office.seal(case.subject, kind, texts)
        sealed.values += office.reason(case, case.seq + 1, reason).values
        return _kept(correction_step(office, case, head, done, sealed), book, stays)

    if dry_run:
        return office.act(decide, dry_run=True) | {"case": case_id}
    return office.act(decide, request_key, _digest(office, case_id, actor, raw))


def confirm(office: Office, case_id: str, actor: Actor, *, reject: bool = False) -> dict[str, Any]:
    """Confirm what somebody else proposed, or reject it."""
    office.require(actor, "confirm")

    def decide(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        office.require(actor, "confirm", of=case.involved)
        book = office.book(case.release)
        stated = core.proposal_of(book, case, actor)
        _, stays = office.matched(book, case, stated, {}, now)
        if reject:
            change = Change.of(book, case, head, (core.rejected(actor, now),))
            return Step([change], office.answer(book, change.case))
        more = {"confirms": case.proposal.event if case.proposal else 0}
        done = core.correct(book, case, actor, stated, now, new_id(), more=more)
        return _kept(correction_step(office, case, head, done, subjects.Sealed()), book, stays)

    return office.act(decide)


def _kept(step: Step, book: Rulebook, stays: list[references.Stay]) -> Step:
    """The stays as they are told now are written with the correction."""
    case = step.changes[0].case

    def keep(writer: Writer) -> None:
        references.keep(writer, references.rows(book, case.id, stays, case.facts.get))

    return structs.replace(step, before=keep)


def correction_step(office: Office, case: Case, head: bytes, done: Correction, sealed: subjects.Sealed) -> Step:
    """What a correction writes: the case, and the one that goes on in its stead if there is one."""
    book = office.book(case.release)
    changes = corrected(book, None, case, head, done)
    return Step(changes, office.answer(book, changes[-1].case) | {"changes": _told(done)}, sealed)


def _digest(office: Office, case_id: str, actor: Actor, raw: Mapping[str, Any]) -> str:
    return office.digest("correct", case_id, actor.user, raw)


def _told(done: Correction) -> list[dict[str, str]]:
    return [{"what": each.what, "before": each.before, "after": each.after} for each in done.differences]
