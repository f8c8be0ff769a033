"""Messages that wait are given to their receivers: at least once, and one that is not taken holds up no other."""

from __future__ import annotations

from collections.abc import Callable

from engine.core.case import micros
from engine.service import Office
from engine.timing.setbacks import MESSAGE, Setback, recovered, set_aside

_WAITING = (
    "SELECT o.id, o.case_id, o.told, o.text, i.kind IS NOT NULL FROM outbox AS o LEFT JOIN incident AS i"
    " ON i.kind = 'message' AND i.case_id = o.case_id AND i.name = CAST(o.id AS TEXT)"
    " WHERE o.delivered_at IS NULL AND (i.again_at IS NULL OR i.again_at <= ?) ORDER BY o.id LIMIT ?"
)


def deliver(office: Office, send: Callable[[str, str], None], most: int = 1000) -> int:
    """Send what waits, each message marked once its receiver took it; how many were taken.

    One that is not taken is tried again later.
    """
    with office.store.reading() as driver:
        waiting = driver.execute(_WAITING, (micros(office.now()), most)).fetchall()
    taken: list[int] = []
    back: list[Setback] = []
    failed: list[tuple[Setback, str]] = []
    for number, case, told, text, tried in waiting:
        found = Setback(MESSAGE, case, str(number))
        try:
            send(told, text)
        except Exception as error:  # noqa: BLE001 - whatever a channel raises, the next message goes out
            failed.append((found, type(error).__name__))
            continue
        taken.append(number)
        if tried:
            back.append(found)
    if waiting:
        _note(office, taken, back, failed)
    return len(taken)


def _note(office: Office, taken: list[int], back: list[Setback], failed: list[tuple[Setback, str]]) -> None:
    book, now = office.book(), micros(office.now())
    with office.store.writing(now) as writer:
        writer.cursor.executemany(
            "UPDATE outbox SET delivered_at = ? WHERE id = ? AND delivered_at IS NULL",
            [(now, number) for number in taken],
        )
        for found in back:
            recovered(writer, office.account, found)
        for found, error in failed:
            set_aside(writer, book, office.account, found, error)
