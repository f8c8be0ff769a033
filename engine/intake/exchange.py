"""What goes to and fro between the office and those who send lists, and who of them has gone silent."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from engine.core.case import Event, micros, moment
from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.org import SYSTEM, Actor
from engine.service import Office

RECEIVED, RETURNED = "收到", "交还"
_EXCHANGES = (
    "SELECT e.recorded_at, e.type, f.source, f.id, json_extract(e.data, '$.rows'), e.actor FROM event AS e"
    " JOIN intake_file AS f ON f.id = json_extract(e.data, '$.file') WHERE e.case_id = 'system'"
    " AND e.type IN ('taken_in', 'exported') AND (?1 = '' OR f.source = ?1) ORDER BY e.n DESC LIMIT ?2"
)
_LAST = "SELECT source, max(taken_at), count(*), sum(total) FROM intake_file GROUP BY source"
_TOLD = (
    "SELECT 1 FROM event WHERE case_id = 'system' AND type = 'silent' AND json_extract(data, '$.source') = ?"
    " AND recorded_at > ? LIMIT 1"
)


class Exchange(NamedTuple):
    """A list received from a source, or given back to it with what became of each row."""

    at: int
    way: str
    source: str
    file: str
    rows: int
    who: str


class Channel(NamedTuple):
    """A source: its last list (0: never), how many lists and rows, since when it sent nothing, whether too long."""

    source: str
    last: int
    lists: int
    rows: int
    since: int
    """Its last list, or the first release if it never sent one."""
    silent: bool


def exchanges(office: Office, actor: Actor, source: str = "", most: int = 50) -> list[Exchange]:
    """The latest exchanges first, of one source or of all."""
    office.require(actor, "intake", "export")
    known = office.book().sources
    if source and source not in known:
        raise BadInput(
            Problem("SHEET-019", f"没有来源 {source}", f"可用：{listing(list(known))}", nearest(source, known))
        )
    with office.store.reading() as driver:
        rows = driver.execute(_EXCHANGES, (source, most)).fetchall()
    return [Exchange(at, RECEIVED if kind == "taken_in" else RETURNED, *rest) for at, kind, *rest in rows]


def channels(office: Office) -> list[Channel]:
    """Every source of the latest release, in its order; one that never sent anything counts from the first release."""
    book, now = office.book(), micros(office.now())
    with office.store.reading() as driver:
        last = {source: rest for source, *rest in driver.execute(_LAST).fetchall()}
        begun = driver.execute("SELECT min(published_at) FROM release").fetchone()[0]
    made = []
    for source in book.sources.values():
        at, lists, rows = last.get(source.name, (0, 0, 0))
        quiet = book.within(source.silent_after, {}, office.now()) if source.silent_after else None
        silent = quiet is not None and now - (at or begun) > quiet // timedelta(microseconds=1)
        made.append(Channel(source.name, at, lists, rows, at or begun, silent))
    return made


def tell_silent(office: Office) -> int:
    """Tell the head of the default owner of each channel that has gone silent, once for each silence; how many."""
    told = 0
    for channel in channels(office):
        now = office.now()
        if not channel.silent:
            continue
        with office.store.writing(micros(now)) as writer:
            if writer.cursor.execute(_TOLD, (channel.source, channel.last)).fetchone():
                continue
            organisation, book = office.book().organisation, office.book()
            writer.system(
                Event("silent", SYSTEM, now, {"source": channel.source, "last": channel.last}, office.account)
            )
            since = moment(channel.last).astimezone(book.zone).strftime("%m-%d %H:%M") if channel.last else "建库以来"
            text = f"来源 {channel.source} 自 {since} 没有送来名单，请联系"
            writer.message("", organisation.told("unit.head", book.default_owner), text)
            told += 1
    return told
