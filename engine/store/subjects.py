"""Subjects in the database: their sealed values, who is whom, and how one is erased."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from engine.core.conditions import Fact
from engine.core.errors import BadInput, Problem
from engine.core.rulebook import Subject
from engine.core.values import same_name
from engine.ids import Draw
from engine.store import schema as s
from engine.store.store import Driver, Writer
from engine.vault import MasterKey, SubjectKey

MOST_PARAMETERS = 900
ORIGIN = "@"
"""`phone@FILE:12` is what another source said of `phone`."""


class Sealed(Struct):
    """Rows to be written for subjects, sealed before the write lock is taken."""

    draw: Draw = os.urandom
    subjects: list[tuple[str, str, bytes]] = []
    values: list[tuple[str, str, bytes]] = []
    blinds: list[tuple[str, bytes, str]] = []

    def add(self, key: SubjectKey, kind: str, texts: Mapping[str, str], *, new: bool) -> None:
        """Seal the personal values of one subject."""
        if new:
            self.subjects.append((key.subject, kind, key.wrapped))
        self.values += [(key.subject, name, key.seal(name, text, self.draw)) for name, text in texts.items()]

    def identify(self, subject: str, identities: Iterable[tuple[str, bytes]]) -> None:
        """Let a subject be found by what tells it from others."""
        self.blinds += [(kind, digest, subject) for kind, digest in identities]

    def with_(self, other: Sealed) -> Sealed:
        """Both together."""
        rows = (self.subjects + other.subjects, self.values + other.values, self.blinds + other.blinds)
        return Sealed(self.draw, *rows)

    def write(self, writer: Writer) -> None:
        """Write everything, in the caller's transaction."""
        if self.subjects:
            writer.insert(s.SubjectRow, ("id", "kind", "wrapped"), self.subjects)
        if self.values:
            writer.insert(s.VaultRow, ("subject", "field", "sealed"), self.values, clash="REPLACE")
        if self.blinds:
            writer.insert(s.BlindRow, ("kind", "digest", "subject"), self.blinds, clash="IGNORE")


def identities(master: MasterKey, kind: Subject, told: Callable[[str], Fact]) -> list[tuple[str, bytes]]:
    """What tells this subject from others, the surest first, as blind indexes."""
    found = []
    for names in kind.identity:
        parts = [str(told(name) or "") for name in names]
        if all(parts):
            label = "+".join(names)
            found.append((label, master.index(label, "\x1f".join(parts))))
    return found


def find(driver: Driver, wanted: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], str]:
    """The subject known under each identity; of several, the first that was entered."""
    known: dict[tuple[str, bytes], str] = {}
    for kind in dict.fromkeys(kind for kind, _ in wanted):
        digests = list(dict.fromkeys(digest for name, digest in wanted if name == kind))
        for start in range(0, len(digests), MOST_PARAMETERS):
            part = digests[start : start + MOST_PARAMETERS]
            marks = ",".join("?" * len(part))
            sql = f"SELECT digest, min(subject) FROM blind WHERE kind = ? AND digest IN ({marks}) GROUP BY digest"  # noqa: S608 - only marks are put in
            known |= {(kind, digest): subject for digest, subject in driver.execute(sql, [kind, *part])}
    return known


def keys(driver: Driver, master: MasterKey, subjects: Sequence[str]) -> dict[str, SubjectKey]:
    """The data keys of subjects; erased ones have none."""
    found: dict[str, SubjectKey] = {}
    for start in range(0, len(subjects), MOST_PARAMETERS):
        part = list(subjects[start : start + MOST_PARAMETERS])
        marks = ",".join("?" * len(part))
        sql = f"SELECT id, wrapped FROM subject WHERE wrapped IS NOT NULL AND id IN ({marks})"  # noqa: S608 - the same
        found |= {subject: master.unwrap(subject, wrapped) for subject, wrapped in driver.execute(sql, part)}
    return found


def opened(driver: Driver, key: SubjectKey) -> dict[str, str]:
    """All personal values of a subject."""
    rows = driver.execute("SELECT field, sealed FROM vault WHERE subject = ? ORDER BY field", (key.subject,))
    return {name: key.open(name, sealed) for name, sealed in rows}


def other_name(kind: Subject, kept: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """The fact by which somebody may be another person than the one she is known as: one number, but another name."""
    for name, of in kind.fields.items():
        known, told = kept.get(name, ""), given.get(name, "")
        if of.check in ("name", "cn_id") and known and told and same_name(told) != same_name(known):
            return name
    return None


def erase(writer: Writer, subject: str) -> None:
    """Destroy the key, ciphertexts, blind indexes and list lines of a subject, in the caller's transaction."""
    execute = writer.cursor.execute
    if execute("SELECT 1 FROM subject WHERE id = ? AND wrapped IS NOT NULL", (subject,)).fetchone() is None:
        raise BadInput(Problem("SUBJ-001", f"没有对象 {subject}，或已经清除", "编号见 case show"))
    lines = execute("SELECT file, row FROM intake_row WHERE subject = ?", (subject,)).fetchall()
    writer.cursor.executemany(
        "DELETE FROM vault WHERE subject = ? AND field = ?", [(file, f"row:{row}") for file, row in lines]
    )
    execute("DELETE FROM vault WHERE subject = ?", (subject,))
    execute("DELETE FROM blind WHERE subject = ?", (subject,))
    execute('DELETE FROM stay WHERE case_id IN (SELECT id FROM "case" WHERE subject = ?)', (subject,))
    execute("UPDATE subject SET wrapped = NULL WHERE id = ?", (subject,))
