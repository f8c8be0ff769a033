"""Extension and shelving of a deadline, with a reason that is sealed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.core.errors import BadInput, Problem
from engine.core.org import Actor
from engine.core.postponing import postpone
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change


def put_off(
    office: Office,
    case_id: str,
    kind: str,
    name: str,
    length: timedelta,
    actor: Actor,
    reason: str,
    request_key: str = "",
) -> dict[str, Any]:
    """Extend or shelve one deadline of a case; why must be said."""
    if not reason.strip():
        raise BadInput(Problem("CASE-019", "没有写明理由", '用 --reason "…"'))
    told = {"deadline": name, "length": length, "reason": reason}
    digest = office.digest(kind, case_id, actor.user, told) if request_key else ""

    def decide(now: datetime) -> Step:
        case, head = office.case(case_id, actor)
        book = office.book(case.release)
        change = Change.of(book, case, head, (postpone(book, case, kind, name, length, actor, now),))
        return Step([change], office.answer(book, change.case), office.reason(case, change.case.seq, reason))

    return office.act(decide, request_key, digest)
