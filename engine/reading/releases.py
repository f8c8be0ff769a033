"""Drafts and releases listed: what was proposed by whom and why, what was approved, and what is in force."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import orjson

from engine.core.case import micros, wall_time
from engine.core.org import Actor
from engine.service import Office
from engine.store import subjects

_DRAFTS = (
    "SELECT d.number, d.base, d.digest, d.effective_from, d.drafted_by, d.drafted_at, d.account, d.subject,"
    " d.withdrawn_by, d.impact, r.number, r.published_by FROM draft AS d LEFT JOIN release AS r ON r.draft = d.number"
    " {} ORDER BY d.number DESC LIMIT ?"
)
_RELEASES = (
    "SELECT number, digest, draft, effective_from, published_by, published_at, withdrawn_at, (SELECT count(*) FROM"
    " \"case\" WHERE release = number AND final = '') FROM release ORDER BY number DESC LIMIT ?"
)


def drafts(office: Office, actor: Actor, most: int) -> list[dict[str, Any]]:
    """The latest drafts with their reasons, for those who draft and approve."""
    office.require(actor, "publish", "approve")
    return _listed(office, "", (most,))


def draft_of(office: Office, number: int, actor: Actor) -> dict[str, Any]:
    """One draft."""
    office.require(actor, "publish", "approve")
    return _listed(office, "WHERE d.number = ?", (number, 1))[0]


def _listed(office: Office, which: str, values: tuple[int, ...]) -> list[dict[str, Any]]:
    with office.store.reading() as driver:
        rows = driver.execute(_DRAFTS.format(which), values).fetchall()
        keys = subjects.keys(driver, office.master, [row[7] for row in rows])
        reasons = {name: subjects.opened(driver, key).get("reason", "") for name, key in keys.items()}
    zone = office.book().zone
    return [
        {
            "draft": number,
            "base": base,
            "digest": digest,
            "effective_from": _time(begins, zone),
            "drafted_by": by,
            "drafted_at": _time(at, zone),
            "account": account,
            "reason": reasons.get(subject, ""),
            "state": "已撤回" if withdrawn else "已批准" if release else "待批准",
            "release": release,
            "approved_by": approver,
            "withdrawn_by": withdrawn,
            "impact": None if impact is None else orjson.loads(impact),
        }
        for number, base, digest, begins, by, at, account, subject, withdrawn, impact, release, approver in rows
    ]


def releases(office: Office, most: int) -> list[dict[str, Any]]:
    """The latest releases: from when each holds, who approved it, how many open cases are under it."""
    with office.store.reading() as driver:
        rows = driver.execute(_RELEASES, (most,)).fetchall()
    book = office.book()
    now, current, zone = micros(office.now()), book.release, book.zone
    return [
        {
            "release": number,
            "digest": digest,
            "draft": draft or None,
            "effective_from": _time(begins, zone),
            "approved_by": by if draft else None,
            "published_at": _time(at, zone),
            "state": "已撤回"
            if withdrawn
            else "现行"
            if number == current
            else "待生效"
            if begins > now
            else "已被替代",
            "open_cases": cases,
        }
        for number, digest, draft, begins, by, at, withdrawn, cases in rows
    ]


def _time(at: int | None, zone: tzinfo) -> str | None:
    """A moment on the office's wall; none: from approval on, or from the beginning."""
    return wall_time(at, zone) if at else None
