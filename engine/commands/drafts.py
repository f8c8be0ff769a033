"""Rules change: one person drafts, another one approves, and from their day on they are in force everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine import releases
from engine.commands.migrating import schedule
from engine.commands.objections import objections
from engine.commands.standing import open_standing
from engine.core.case import Event, micros, moment
from engine.core.errors import BadInput, Problem, Refused, listing
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.ids import new_id
from engine.packs.bounds import broken, second_person
from engine.packs.pack import bundle, compile_pack
from engine.reading.impact import BACK, Progress, impact, unseen
from engine.service import Office
from engine.store import schema as s
from engine.store import subjects
from engine.store.changes import plain
from engine.store.store import Driver

_BEGINS = (
    "SELECT number FROM release WHERE begun_at IS NULL AND withdrawn_at IS NULL AND effective_from <= ? ORDER BY number"
)


def draft(
    office: Office,
    files: Mapping[str, bytes],
    actor: Actor,
    reason: str,
    effective_from: datetime | None = None,
) -> int:
    """Store a checked pack as a draft for somebody else to approve; its number. No moment: in force once approved."""
    office.require(actor, "publish")
    if not reason.strip():
        raise BadInput(Problem("FACT-003", "缺少理由", "必填：为什么改"))
    book = compile_pack(files)
    _refuse_objections(office, files, book)
    _require_second(office, actor)
    now, key, sealed = office.now(), office.master.new_subject(new_id()), subjects.Sealed()
    sealed.add(key, "draft", {"reason": reason.strip()}, new=True)
    begins = None if effective_from is None else micros(effective_from)
    with office.store.writing(micros(now)) as writer:
        base = releases.newest(writer.driver)
        _refuse_out_of_order(writer.driver, base, max(begins or 0, micros(now)), book)
        if office.releases.book(base).digest == book.digest:
            raise Refused(Problem("RULE-037", f"与第 {base} 版内容相同", f"摘要 {book.digest[:12]}"))
        number = (writer.cursor.execute("SELECT max(number) FROM draft").fetchone()[0] or 0) + 1
        told = {"base": base, "digest": book.digest, "effective_from": begins, "subject": key.subject}
        row = {"number": number, **told, "drafted_by": actor.user, "drafted_at": micros(now)}
        row |= {"account": office.account, "impact": None, "text": bundle(files)}
        sealed.write(writer)
        writer.one(s.Draft, row)
        writer.system(Event("drafted", actor.user, now, {"draft": number, **told}, office.account))
    return number


def digest_of_impact(impact: str | None) -> str:
    """The hash of what a draft was said to do to cases; nothing was: none."""
    return "" if impact is None else hashlib.sha256(impact.encode()).hexdigest()


def begins_of(office: Office, number: int) -> datetime:
    """When a draft would come into force if it were approved now."""
    with office.store.reading() as driver:
        row = driver.execute("SELECT effective_from FROM draft WHERE number = ?", (number,)).fetchone()
    return max(office.now(), moment(row[0] or 0)) if row else office.now()


def weigh(
    office: Office, number: int, actor: Actor, back: timedelta = BACK, progress: Progress = unseen
) -> dict[str, Any]:
    """What an open draft does to past and open cases, kept with it for whoever approves it; the latest word counts."""
    office.require(actor, "publish", "approve")
    with office.store.reading() as driver:
        held = _open(driver, number)
    book, begins = compile_pack(office.releases.drafted(number)), begins_of(office, number)
    told = impact(office, office.book(held.base), book, begins, back, progress)
    now, weighed = office.now(), plain(told).decode()
    with office.store.writing(micros(now)) as writer:
        _open(writer.driver, number)
        writer.cursor.execute("UPDATE draft SET impact = ? WHERE number = ?", (weighed, number))
        data = {"draft": number, "impact": digest_of_impact(weighed)}
        writer.system(Event("weighed", actor.user, now, data, office.account))
    return told


def roll_back(office: Office, release: int, actor: Actor, reason: str, effective_from: datetime | None = None) -> int:
    """Draft what an earlier release said; it is checked and approved like any other. The number of the draft."""
    return draft(office, office.releases.files(release), actor, reason, effective_from)


def approve(office: Office, number: int, actor: Actor) -> dict[str, Any]:
    """Make a draft of somebody else's the next release, in force from its moment on, everywhere at once.

    A moment that has passed becomes the present. What was true when it was drafted must still be: it is checked again,
    held against the bounds as they are now, and nothing may have been published in between.
    """
    office.require(actor, "approve")
    files = office.releases.drafted(number)
    book = compile_pack(files)
    now = office.now()
    with office.store.writing(micros(now)) as writer:
        held = _open(writer.driver, number)
        if held.drafted_by == actor.user:
            raise Refused(Problem("DRAFT-003", f"草案 {number} 是 {actor.user} 自己起草的", "须由另一人批准"))
        begins = max(held.effective_from or 0, micros(now))
        _refuse_out_of_order(writer.driver, held.base, begins, book)
        _refuse_objections(office, files, book)
        release = releases.publish(
            writer, bundle(files), book.digest, actor.user, office.account, now, begins, draft=number
        )
        plans = schedule(writer, book, release, begins, office.account)
    told = {"release": release, "digest": book.digest, "effective_from": moment(begins), "plans": plans}
    return told | {"standing": begin(office)}


def withdraw(office: Office, number: int, actor: Actor) -> int:
    """Take a draft back, or its release as long as that is planned only; the release, or 0 where there was none."""
    office.require(actor, "publish", "approve")
    now = office.now()
    with office.store.writing(micros(now)) as writer:
        execute = writer.cursor.execute
        planned = execute(
            "SELECT number FROM release WHERE draft = ? AND effective_from > ? AND withdrawn_at IS NULL",
            (number, micros(now)),
        ).fetchone()
        release = planned[0] if planned else 0
        if not planned:
            _open(writer.driver, number)
        elif release != (newest := releases.newest(writer.driver)):
            raise Refused(Problem("DRAFT-002", f"第 {newest} 版是在第 {release} 版上改的", "先撤回它"))
        execute("UPDATE release SET withdrawn_at = ? WHERE number = ?", (micros(now), release))
        execute(
            "UPDATE draft SET withdrawn_by = ?, withdrawn_at = ? WHERE number = ?", (actor.user, micros(now), number)
        )
        told = {"draft": number, "release": release}
        writer.system(Event("withdrawn", actor.user, now, told, office.account))
    return int(release)


def begin(office: Office) -> list[str]:
    """What a release brings with it when it comes into force, once: the standing cases that it declares."""
    now = office.now()
    with office.store.reading() as driver:
        waiting = [number for (number,) in driver.execute(_BEGINS, (micros(now),))]
    if not waiting:
        return []
    standing = open_standing(office)
    with office.store.writing(micros(now)) as writer:
        for number in waiting:
            releases.begun(writer, number, office.account, now)
    return standing


class _Held(NamedTuple):
    """A draft that waits to be approved."""

    base: int
    effective_from: int | None
    drafted_by: str


def _open(driver: Driver, number: int) -> _Held:
    row = driver.execute(
        "SELECT d.base, d.effective_from, d.drafted_by, d.withdrawn_at, r.number FROM draft AS d"
        " LEFT JOIN release AS r ON r.draft = d.number WHERE d.number = ?",
        (number,),
    ).fetchone()
    if row is None:
        raise BadInput(Problem("DRAFT-001", f"没有草案 {number}", "bihuan rules drafts 列出所有草案"))
    *held, withdrawn, release = row
    if withdrawn or release:
        what = f"草案 {number} {'已经撤回' if withdrawn else f'已经批准为第 {release} 版'}"
        raise Refused(Problem("DRAFT-002", what, "改好后重新起草：bihuan rules draft"))
    return _Held(*held)


def _refuse_objections(office: Office, files: Mapping[str, bytes], book: Rulebook) -> None:
    """A pack must keep the bounds as they are now, and leave somebody who can approve the next one."""
    _, bounds = office.releases.bounds()
    if problems := [*broken(bounds, files, book), *second_person(book.organisation), *objections(office, book)]:
        raise BadInput(problems)


def _require_second(office: Office, actor: Actor) -> None:
    """There must be somebody else, by the rules in force, who may approve."""
    approvers = office.book().organisation.holders("approve")
    if not set(approvers) - {actor.user}:
        what = f"除 {actor.user} 外没有人能批准规则（有权 approve 的：{listing(approvers) or '无'}）"
        expected = "现行规则的 organisation.yaml 里，须有另一名用户的角色写着 may: [approve]"
        raise Refused(Problem("DRAFT-004", what, expected))


def _refuse_out_of_order(driver: Driver, base: int, begins: int, book: Rulebook) -> None:
    """A release follows the one it was made from, and none comes into force before one that is numbered lower."""
    latest = releases.newest(driver)
    if base != latest:
        what = f"草案是在第 {base} 版上改的，现在最新的是第 {latest} 版"
        raise Refused(Problem("DRAFT-005", what, "在它上面重新起草，免得把其间的改动改回去"))
    (planned, of) = driver.execute("SELECT effective_from, draft FROM release WHERE number = ?", (latest,)).fetchone()
    if begins < planned:
        day = f"{moment(planned).astimezone(book.zone):%Y-%m-%d %H:%M}"
        expected = f"定一个更晚的时间，或先撤回它（bihuan rules withdraw {of}）"
        raise Refused(Problem("DRAFT-006", f"第 {latest} 版定于 {day} 生效，不能排在它前面", expected))
