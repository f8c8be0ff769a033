"""Personal data of cases: shown masked, in full only with a reason on record, and erased for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import vault
from engine.core.case import Case, Event, micros
from engine.core.errors import BadInput, Problem, Refused
from engine.core.org import Actor
from engine.ids import new_id
from engine.service import Office
from engine.store import subjects


def personal(office: Office, case: Case, actor: Actor, reveal: str = "") -> dict[str, str]:
    """The personal values of a case, masked; in full with a reason, and then it is an event."""
    book = office.book(case.release)
    fields = book.kind_of(case.workflow).fields
    if reveal:
        record_reveal(office, actor, reveal, {"case": case.id}, case.involved)
    with office.store.reading() as driver:
        key = subjects.keys(driver, office.master, [case.subject]).get(case.subject)
        values = subjects.opened(driver, key) if key is not None else {}
    return {
        name: text if reveal else vault.mask(fields[base].check, text)
        for name, text in values.items()
        for base in [name.partition(subjects.ORIGIN)[0]]
        if reveal or base in fields
    }


def record_reveal(
    office: Office, actor: Actor, reason: str, what: Mapping[str, Any], of: frozenset[str] | None = None
) -> None:
    """Record that somebody asks for personal data in full; the reason itself is sealed.

    `of`: the units that have to do with what they belong to.
    """
    office.require(actor, "reveal", of=of)
    if not reason.strip():
        raise BadInput(Problem("ARG-003", "没有写明查看完整个人信息的理由", "写明为了什么"))
    now = office.now()
    key = office.master.new_subject(new_id())
    sealed = subjects.Sealed()
    sealed.add(key, "reveal", {"reason": reason}, new=True)
    with office.store.writing(micros(now)) as writer:
        sealed.write(writer)
        writer.system(Event("revealed", actor.user, now, {**what, "reason": key.subject}, office.account))


def erase(office: Office, subject: str, actor: Actor) -> None:
    """Destroy everything personal of a subject; what was decided and done stays, and so does the chain."""
    office.require(actor, "erase")
    now = office.now()
    with office.store.reading() as driver:
        row = driver.execute("SELECT id FROM \"case\" WHERE subject = ? AND final = ''", (subject,)).fetchone()
    if row:
        raise Refused(Problem("SUBJ-003", f"案件 {row[0]} 还在办理", "办结后才能清除"))
    with office.store.writing(micros(now)) as writer:
        subjects.erase(writer, subject)
        writer.system(Event("erased", actor.user, now, {"subject": subject}, office.account))
    office.store.forget()
