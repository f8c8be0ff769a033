"""The tables, each column with the class of what it may hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, MetaData, UniqueConstraint
from sqlalchemy import text as condition
from sqlmodel import Field, SQLModel

from engine.core.errors import Damaged, Problem

SCHEMA = "6"
CLASSES = ("open", "sealed", "index", "key", "chain")
"""open: never personal; sealed: ciphertext; index: keyed hash; key: wrapped data key; chain: hash of events."""


def column(privacy: str, **options: Any) -> Any:
    """A column whose class is stated."""
    return Field(sa_column_kwargs={"info": {"privacy": privacy}}, **options)


class Meta(SQLModel, table=True):
    """Single values: schema number, key id, rehearsal clock, heads."""

    name: str = column("open", primary_key=True)
    value: str = column("open")


class Release(SQLModel, table=True):
    """A published rule book: immutable, numbered, digested; its text last, for which is in force is asked often."""

    number: int = column("open", primary_key=True)
    digest: str = column("open")
    draft: int = column("open")
    """The draft that was approved; 0: the pack the database was made with."""
    effective_from: int = column("open")
    published_by: str = column("open")
    """Who approved it."""
    published_at: int = column("open")
    withdrawn_at: int | None = column("open", default=None)
    """Taken back before it came into force."""
    begun_at: int | None = column("open", default=None)
    """When what it brings with it was done, once it was in force."""
    text: str = column("open")


class Draft(SQLModel, table=True):
    """Rules that somebody proposes: checked, digested, waiting for a second person."""

    number: int = column("open", primary_key=True)
    base: int = column("open")
    """The release it was made from."""
    digest: str = column("open")
    effective_from: int | None = column("open", default=None)
    """None: from its approval on."""
    drafted_by: str = column("open")
    drafted_at: int = column("open")
    account: str = column("open")
    subject: str = column("open")
    """Under whose key the reason is sealed."""
    withdrawn_by: str | None = column("open", default=None)
    withdrawn_at: int | None = column("open", default=None)
    impact: str | None = column("open", default=None)
    """What it does to cases, as JSON without anything personal."""
    text: str = column("open")


class MigrationRow(SQLModel, table=True):
    """A plan: what a release makes of the cases that are open on a day, and how far it is carried out."""

    __tablename__ = "migration"
    number: int = column("open", primary_key=True)
    release: int = column("open")
    day: str = column("open")
    entries: str = column("open")
    """The entries of the release that it carries out, as a JSON list."""
    due: int = column("open")
    state: str = column("open")
    """planned, applying, applied, superseded (a later release came first), reverting or reverted."""
    reached: str = column("open")
    """The last case that was looked at."""


class MigratedRow(SQLModel, table=True):
    """A case that a plan touched: by which entry, what was done, by which event, and by which it was taken back."""

    __tablename__ = "migrated"
    plan: int = column("open", primary_key=True)
    case_id: str = column("open", primary_key=True)
    entry: str = column("open")
    action: str = column("open")
    event: int = column("open")
    back: int | None = column("open", default=None)


class BoundsRow(SQLModel, table=True):
    """Bounds that no pack may break, as they were set; the last ones hold."""

    __tablename__ = "bounds"
    number: int = column("open", primary_key=True)
    digest: str = column("open")
    text: str = column("open")
    set_by: str = column("open")
    set_at: int = column("open")


class CaseRow(SQLModel, table=True):
    """A case as its last event left it."""

    __tablename__ = "case"
    id: str = column("open", primary_key=True)
    seq: int = column("open")
    head: bytes = column("chain")
    workflow: str = column("open")
    release: int = column("open")
    subject: str = column("open", index=True)
    state: str = column("open")
    owner: str = column("open")
    category: str = column("open")
    final: str = column("open")
    opened_at: int = column("open")
    snapshot: str = column("open")
    __table_args__ = (Index("case_board", "final", "owner", "opened_at"),)


class InvolvedRow(SQLModel, table=True):
    """A unit that leads, supports or owned a case: what its people may see, found without opening any case."""

    __tablename__ = "involved"
    unit: str = column("open", primary_key=True)
    case_id: str = column("open", primary_key=True)


class CustodyRow(SQLModel, table=True):
    """Who was responsible from when until when: a line without hole or overlap from first contact to end."""

    __tablename__ = "custody"
    case_id: str = column("open", primary_key=True)
    event: int = column("open", primary_key=True)
    subject: str = column("open")
    unit: str = column("open")
    since: int = column("open")
    until: int | None = column("open", default=None)
    __table_args__ = (Index("custody_line", "subject", "since"),)


class TripRow(SQLModel, table=True):
    """A vehicle that carries cases from one unit to another; its driver's name is sealed under the trip's own key."""

    __tablename__ = "trip"
    id: str = column("open", primary_key=True)
    vehicle: str = column("open")
    giver: str = column("open")
    receiver: str = column("open")
    opened_by: str = column("open")
    opened_at: int = column("open", index=True)
    received_by: str | None = column("open", default=None)
    received_at: int | None = column("open", default=None)


class TripCaseRow(SQLModel, table=True):
    """A case on a trip: by which event it was offered, by which it was answered, and how; no outcome: on its way."""

    __tablename__ = "trip_case"
    trip: str = column("open", primary_key=True)
    case_id: str = column("open", primary_key=True, index=True)
    offered: int = column("open")
    answered: int | None = column("open", default=None)
    outcome: str = column("open")


class PlaceRow(SQLModel, table=True):
    """A place of a site that a case takes up."""

    __tablename__ = "place"
    case_id: str = column("open", primary_key=True)
    site: str = column("open")
    room: str = column("open")
    shared_with: str = column("open")
    __table_args__ = (Index("place_room", "site", "room"),)


class EventRow(SQLModel, table=True):
    """Something that happened; `n` counts all events without a gap, `seq` those of a case."""

    __tablename__ = "event"
    n: int = column("open", primary_key=True)
    case_id: str = column("open")
    seq: int = column("open")
    type: str = column("open")
    actor: str = column("open")
    account: str = column("open")
    occurred_at: int = column("open")
    recorded_at: int = column("open")
    data: str = column("open")
    hash: bytes = column("chain")
    __table_args__ = (UniqueConstraint("case_id", "seq"),)


class DeadlineRow(SQLModel, table=True):
    """A running deadline: the rung to come, and when."""

    __tablename__ = "deadline"
    case_id: str = column("open", primary_key=True)
    name: str = column("open", primary_key=True)
    armed_by: int = column("open")
    due: int = column("open")
    ladder: str = column("open")
    rung: int = column("open")
    next_at: int | None = column("open")
    shelved_until: int | None = column("open", default=None)
    __table_args__ = (
        Index("deadline_due", "next_at", sqlite_where=condition("next_at IS NOT NULL")),
        Index("deadline_offer", "due", sqlite_where=condition("name = 'hand_over'")),
        Index("deadline_by_due", "due"),
        Index("deadline_shelved", "shelved_until", sqlite_where=condition("shelved_until IS NOT NULL")),
    )


class ScheduleRow(SQLModel, table=True):
    """A plan of a case from the event that made it to the one that ended it; `next_at`: due, and no task made yet."""

    __tablename__ = "schedule"
    case_id: str = column("open", primary_key=True)
    name: str = column("open", primary_key=True)
    event: int = column("open", primary_key=True)
    release: int = column("open")
    plan: str = column("open")
    next_at: int | None = column("open")
    ended: int = column("open", default=0)
    __table_args__ = (Index("schedule_due", "next_at", sqlite_where=condition("ended = 0 AND next_at IS NOT NULL")),)


class TaskRow(SQLModel, table=True):
    """One occurrence of a scheduled task: open, claimed, done, skipped, missed or ended; overdue past `ends`."""

    __tablename__ = "task"
    case_id: str = column("open", primary_key=True)
    schedule: str = column("open", primary_key=True)
    due: int = column("open", primary_key=True)
    event: int = column("open")
    ends: int = column("open")
    state: str = column("open")
    who: str = column("open")
    __table_args__ = (
        Index("task_open", "due", sqlite_where=condition("state IN ('open', 'claimed')")),
        Index("task_claimed", "who", sqlite_where=condition("state = 'claimed'")),
    )


class AlertRow(SQLModel, table=True):
    """An alert that was raised: once per case, arming event, deadline and rung."""

    __tablename__ = "alert"
    case_id: str = column("open", primary_key=True)
    armed_by: int = column("open", primary_key=True)
    name: str = column("open", primary_key=True)
    rung: int = column("open", primary_key=True)
    level: str = column("open")
    told: str = column("open")
    due: int = column("open")
    raised_at: int = column("open")
    acknowledged_by: str | None = column("open", default=None)
    acknowledged_at: int | None = column("open", default=None)
    __table_args__ = (Index("alert_open", "raised_at", sqlite_where=condition("acknowledged_at IS NULL")),)


class IncidentRow(SQLModel, table=True):
    """What could not be done and is tried again: a `deadline`, a `schedule`, or message number `name` (`message`)."""

    __tablename__ = "incident"
    kind: str = column("open", primary_key=True)
    case_id: str = column("open", primary_key=True)
    name: str = column("open", primary_key=True)
    tries: int = column("open")
    since: int = column("open")
    again_at: int = column("open")
    error: str = column("open")


class OutboxRow(SQLModel, table=True):
    """A message to be delivered at least once."""

    __tablename__ = "outbox"
    id: int | None = column("open", primary_key=True, default=None)
    case_id: str = column("open")
    told: str = column("open")
    text: str = column("open")
    created_at: int = column("open")
    delivered_at: int | None = column("open", default=None)
    __table_args__ = (Index("outbox_waiting", "id", sqlite_where=condition("delivered_at IS NULL")),)


class RequestRow(SQLModel, table=True):
    """The answer given under a request key."""

    __tablename__ = "request"
    key: str = column("open", primary_key=True)
    digest: str = column("open")
    answer: str = column("open")
    at: int = column("open")


class SubjectRow(SQLModel, table=True):
    """A person, venue, item, matter or file with its wrapped data key; no key: erased."""

    __tablename__ = "subject"
    id: str = column("open", primary_key=True)
    kind: str = column("open")
    wrapped: bytes | None = column("key", default=None)


class VaultRow(SQLModel, table=True):
    """One sealed personal value."""

    __tablename__ = "vault"
    subject: str = column("open", primary_key=True)
    field: str = column("open", primary_key=True)
    sealed: bytes = column("sealed")


class BlindRow(SQLModel, table=True):
    """What tells a subject from others, as a keyed hash."""

    __tablename__ = "blind"
    kind: str = column("open", primary_key=True)
    digest: bytes = column("index", primary_key=True)
    subject: str = column("open", primary_key=True, index=True)


class FileRow(SQLModel, table=True):
    """A list that was taken in."""

    __tablename__ = "intake_file"
    id: str = column("open", primary_key=True)
    digest: str = column("index", index=True)
    source: str = column("open")
    actor: str = column("open")
    taken_at: int = column("open")
    total: int = column("open")
    matter: str = column("open")


class FileLine(SQLModel, table=True):
    """One row of a list with its one outcome."""

    __tablename__ = "intake_row"
    file: str = column("open", primary_key=True)
    row: int = column("open", primary_key=True)
    outcome: str = column("open")
    reasons: str = column("open")
    subject: str = column("open", index=True)
    case_id: str = column("open")
    answers: str = column("open")
    """The refused row this one came back for, as `FILE-ROW`."""
    sent: str = column("index")
    """What a row that did not go in says, as a keyed hash: the same again is no other row."""
    settled_at: int | None = column("open", default=None)
    __table_args__ = (
        Index("intake_answers", "answers", sqlite_where=condition("answers <> ''")),
        Index("intake_sent", "sent", sqlite_where=condition("sent <> ''")),
    )


class EntryRow(SQLModel, table=True):
    """An entry of a reference list, found by up to three keys."""

    __tablename__ = "entry"
    reference: str = column("open", primary_key=True)
    natural: str = column("open", primary_key=True)
    level: str = column("open")
    listed_from: int = column("open")
    listed_until: int | None = column("open", default=None)
    k1: bytes = column("index")
    k2: bytes = column("index")
    k3: bytes = column("index")
    load: int = column("open")
    """The loading that last changed it."""
    __table_args__ = (
        *(Index(f"entry_k{n}", "reference", f"k{n}") for n in (1, 2, 3)),
        Index("entry_load", "reference", "load"),
    )


class StayRow(SQLModel, table=True):
    """Where the subject of a case stayed until which day, to be matched again when a list changes."""

    __tablename__ = "stay"
    case_id: str = column("open", primary_key=True)
    reference: str = column("open", primary_key=True)
    day: int = column("open")
    """Days since the year 1, as dates count them."""
    k1: bytes = column("index")
    k2: bytes = column("index")
    k3: bytes = column("index")
    level: str = column("open")
    """What the list said of it when it was last asked."""
    __table_args__ = tuple(Index(f"stay_k{n}", "reference", f"k{n}") for n in (1, 2, 3))


class Heartbeat(SQLModel, table=True):
    """When the scheduler was last alive."""

    name: str = column("open", primary_key=True)
    at: int = column("open")


def require_classes(metadata: MetaData) -> None:
    """Refuse to start while any column of any table has no class: nobody would know whether it may be shown."""
    unclassed = [
        f"{table.name}.{item.name}"
        for table in metadata.tables.values()
        for item in table.columns
        if item.info.get("privacy") not in CLASSES
    ]
    if unclassed:
        raise Damaged(Problem("STORE-002", f"没有隐私级别的列：{'、'.join(unclassed)}", f"级别：{'、'.join(CLASSES)}"))
