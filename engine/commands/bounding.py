"""The bounds that no pack may break: set by whoever runs the office, not by the pack."""

from __future__ import annotations

from engine.core.case import Event, micros
from engine.packs.bounds import read_bounds
from engine.packs.pack import digest_of_bundle
from engine.service import Office
from engine.store import schema as s


def bound(office: Office, raw: bytes) -> int:
    """Set the bounds that hold from now on, for drafts and for approvals; the number under which they are kept.

    No right of a pack leads here: who may is who holds the database and its key, and the account is recorded.
    """
    read_bounds(raw)
    text, now = raw.decode("utf-8-sig"), office.now()
    digest = digest_of_bundle(text)
    with office.store.writing(micros(now)) as writer:
        number = int(writer.cursor.execute("SELECT coalesce(max(number), 0) + 1 FROM bounds").fetchone()[0])
        row = {"number": number, "digest": digest, "text": text, "set_by": office.account, "set_at": micros(now)}
        writer.one(s.BoundsRow, row)
        data = {"bounds": number, "digest": digest}
        writer.system(Event("bounded", office.account, now, data, office.account))
    return number
