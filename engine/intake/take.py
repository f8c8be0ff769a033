"""Taking a list in: known persons found, cases opened or updated, and no row without an outcome."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from engine.core import lifecycle
from engine.core.case import Case, Event, micros
from engine.core.errors import BadInput, Problem, Refused, listing, nearest
from engine.core.judging import Stated
from engine.core.org import Actor
from engine.core.rulebook import Rulebook, Source, Subject
from engine.ids import Drawn, new_id
from engine.intake.files import read_grid
from engine.intake.given import cleaner_of
from engine.intake.rows import BACK, Row, as_sent, clean_rows, refuse_foreign
from engine.intake.settling import CORRECTED, OPEN_OUTCOMES, Waiting, mark, named, sent_before, settling, waiting
from engine.intake.sheet import Sheet, understand
from engine.proof.kept import digest
from engine.service import Office
from engine.store import references, subjects
from engine.store import schema as s
from engine.store.changes import Change, Ready, plain
from engine.store.occurrences import make_begun
from engine.store.store import Driver, Lost, load_case
from engine.vault import SubjectKey

OUTCOMES = {
    "opened": "已立案",
    "linked": "并入在办案件",
    "duplicate": "名单内重复，已并入",
    "skipped": "已在办，跳过",
    "ask": "待核对",
    "refused": "退回",
}
ATTEMPTS = 3
_LINE = ("file", "row", "outcome", "reasons", "subject", "case_id", "answers", "sent")
Progress = Callable[[Iterable[Row], int], Iterable[Row]]


@dataclass(slots=True)
class Line:
    """The one outcome of a row: a key of `OUTCOMES`."""

    row: Row
    outcome: str
    case: str = ""
    subject: str = ""
    duplicate_of: tuple[str, int] | None = None
    why: str = ""
    """What is to be looked at by whom is asked about her."""
    answers: str = ""
    """The refused row this one came back for."""


@dataclass(slots=True)
class Taken:
    """What became of a list."""

    file: str
    sheet: Sheet
    lines: list[Line]
    matter: str = ""
    again: bool = False

    def counted(self) -> str:
        """How many rows had each outcome, in words."""
        return "，".join(f"{OUTCOMES[name]} {number} 行" for name, number in self.count().items())

    def count(self) -> dict[str, int]:
        """How many rows had each outcome."""
        found: dict[str, int] = {}
        for line in self.lines:
            found[line.outcome] = found.get(line.outcome, 0) + 1
        return found


def _all(rows: Iterable[Row], _: int) -> Iterable[Row]:
    return rows


@contextmanager
def _without_collector() -> Iterator[None]:
    """A list makes many small objects that all live to its end: looking for garbage among them finds none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_without_collector()
def take(
    office: Office,
    path: Path,
    source_name: str,
    actor: Actor,
    *,
    all_or_nothing: bool = False,
    dry_run: bool = False,
    progress: Progress = _all,
) -> Taken:
    """Take a list in; good rows go in, the others are one matter until each is settled. `dry_run` writes nothing."""
    office.require(actor, "intake")
    book = office.book()
    if source_name not in book.sources:
        hint = nearest(source_name, book.sources)
        raise BadInput(Problem("SHEET-019", f"没有来源 {source_name}", f"可用：{listing(list(book.sources))}", hint))
    source = book.sources[source_name]
    kind = book.subjects[source.subject]
    grid = read_grid(path)
    sheet = understand(grid, kind.fields, source, path.name)
    now = office.now()
    rows = clean_rows(
        sheet,
        kind.fields,
        source,
        lambda of: cleaner_of(book, of, now, source.meanings.get(of.name)),
        now.astimezone(book.zone),
    )
    reach = office.reach(actor, "intake")
    if reach is not None:
        refuse_foreign(rows, kind.jurisdiction, reach, sheet)
    digest = office.master.index("file", f"{source_name} {grid.digest}")
    for _ in range(ATTEMPTS):
        before = _earlier(office, digest, sheet, rows)
        if before is not None:
            return before
        taking = _Taking(office, book, kind, source, actor, sheet, rows, path.name, digest)
        taken = taking.plan(progress)
        if all_or_nothing and any(line.outcome == "refused" for line in taken.lines):
            raise BadInput(
                [
                    Problem(why.split(" ", 1)[0], f"第 {row.line} 行 {header}：{why.split(' ', 1)[-1]}")
                    for row in rows
                    for header, _, why in row.errors
                ]
            )
        if dry_run:
            return taking.tried(taken)
        if taking.write():
            return taken
    raise Refused(Problem("CASE-409", "同时有别的名单在导入", "稍后再试；什么都没有写入"))


def _earlier(office: Office, digest: bytes, sheet: Sheet, rows: list[Row]) -> Taken | None:
    """The same file from the same source, taken in before: nothing is new."""
    with office.store.reading() as driver:
        found = driver.execute("SELECT id, matter FROM intake_file WHERE digest = ?", (digest,)).fetchone()
        if found is None:
            return None
        kept = {
            line: rest
            for line, *rest in driver.execute(
                "SELECT row, outcome, case_id, subject FROM intake_row WHERE file = ?", (found[0],)
            )
        }
    lines = [Line(row, *kept[row.line]) for row in rows if row.line in kept]
    return Taken(found[0], sheet, lines, found[1], again=True)


@dataclass(slots=True)
class _Taking:
    """One attempt: everything is matched, decided and sealed first; then one transaction writes it."""

    office: Office
    book: Rulebook
    kind: Subject
    source: Source
    actor: Actor
    sheet: Sheet
    rows: list[Row]
    name: str
    digest: bytes
    draw: Drawn = field(default_factory=Drawn)
    file: SubjectKey = field(init=False)
    sealed: subjects.Sealed = field(init=False)
    changes: dict[str, Ready] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    matter: str = ""
    settled: dict[Waiting, str] = field(default_factory=dict)
    """Rows refused before that came back corrected → the person they were about."""
    known: dict[tuple[str, bytes], str] = field(default_factory=dict)
    keys: dict[str, SubjectKey] = field(default_factory=dict)
    open: dict[str, tuple[Case, bytes] | Ready] = field(default_factory=dict)
    first: dict[str, tuple[str, int]] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: int = 0
    stays: dict[int, list[references.Stay]] = field(default_factory=dict)
    kept: list[references.Kept] = field(default_factory=list)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.office.now()
        self.sealed = subjects.Sealed(self.draw)
        self.file = self._new_subject()

    def _new_subject(self) -> SubjectKey:
        return self.office.master.new_subject(new_id(self.draw), self.draw)

    def plan(self, progress: Progress) -> Taken:
        """Decide every row."""
        told = {row.line: subjects.identities(self.office.master, self.kind, row.value) for row in self.rows}
        self._look_up([item for items in told.values() for item in items])
        sent = {f"row:{row.line}": as_sent(row) for row in self.rows}
        whole = {"name": self.name, "headers": plain({"headers": self.sheet.headers}).decode()}
        self.sealed.add(self.file, "file", whole | sent, new=True)
        for row in progress(self.rows, len(self.rows)):
            self.lines.append(self._line(row, told[row.line]))
        with self.office.store.reading() as driver:
            self._come_back(driver)
        waiting = sum(line.outcome in OPEN_OUTCOMES and not line.answers for line in self.lines)
        if waiting:
            self._open_matter(waiting)
        return Taken(self.file.subject, self.sheet, self.lines, self.matter)

    def _look_up(self, wanted: list[tuple[str, bytes]]) -> None:
        """Who is known, which cases of theirs are open, and what the reference lists say: set by set."""
        with self.office.store.reading() as driver:
            self.seen = driver.execute("SELECT coalesce(max(rowid), 0) FROM blind").fetchone()[0]
            self.known = subjects.find(driver, wanted)
            ids = sorted(set(self.known.values()))
            self.keys = subjects.keys(driver, self.office.master, ids)
            for start in range(0, len(ids), subjects.MOST_PARAMETERS):
                part = ids[start : start + subjects.MOST_PARAMETERS]
                marks = ",".join("?" * len(part))
                sql = f"SELECT id, subject FROM \"case\" WHERE final = '' AND subject IN ({marks})"  # noqa: S608 - marks
                for case_id, subject in driver.execute(sql, part).fetchall():
                    found = load_case(driver, case_id)
                    if found is not None:
                        self.open[subject] = found
                sql = f"SELECT subject, file, row FROM intake_row WHERE subject IN ({marks}) ORDER BY rowid DESC"  # noqa: S608 - the same
                self.first |= {subject: (file, line) for subject, file, line in driver.execute(sql, part)}
            self.texts = {subject: subjects.opened(driver, key) for subject, key in self.keys.items()}
            told = [row.value for row in self.rows]
            given, stays = references.derived(driver, self.office.master, self.book, told, self.now)
        self.stays = {row.line: found for row, found in zip(self.rows, stays, strict=True)}
        for row, facts in zip(self.rows, given, strict=True):
            row.facts |= {name: value for name, value in facts.items() if row.facts.get(name) is None}

    def _line(self, row: Row, told: list[tuple[str, bytes]]) -> Line:
        subject = next((self.known[item] for item in told if item in self.known), "")
        first = self.first.get(subject)
        if row.errors:
            foreign = any(kind == "not_mine" for _, kind, _ in row.errors)
            return Line(row, "refused", duplicate_of=None if foreign else first)
        known = subject in self.keys
        if known and (name := subjects.other_name(self.kind, self.texts.get(subject, {}), row.texts)) is not None:
            case = self._standing(subject)[0].id if subject in self.open else ""
            title = self.kind.fields[name].title
            return Line(row, "ask", case, "", first, f"与已知人员相同，但{title}不同，请核对是不是同一人")
        key = self.keys[subject] if known else self._new_subject()
        if known and self.source.known_person != "link" and subject in self.open:
            outcome = "skipped" if self.source.known_person == "skip" else "ask"
            return Line(row, outcome, self._standing(subject)[0].id, subject, first)
        if subject in self.open:
            outcome = "duplicate" if first and first[0] == self.file.subject else "linked"
            case = self._state(row, subject, key)
        else:
            outcome = "opened"
            case = self._open_case(row, key, new=not known)
        self.keys[key.subject] = key
        new = [item for item in told if item not in self.known]
        self.sealed.identify(key.subject, new)
        self.known.update(dict.fromkeys(new, key.subject))
        self.first.setdefault(key.subject, (self.file.subject, row.line))
        return Line(row, outcome, case, key.subject, first)

    def _come_back(self, driver: Driver) -> None:
        """Rows of a returned workbook settle those they were returned for, or, still wrong, stay with them."""
        again: dict[int, Waiting] = {}
        for line in self.lines:
            name = named(line.row.settles)
            first = waiting(driver, *name, self.source.name) if name else None
            if first is None and line.outcome in OPEN_OUTCOMES:
                first = sent_before(driver, self._sent(line))
            if first is None or not self._hers(driver, first.matter):
                continue
            again[line.row.line] = first
            if line.outcome not in OPEN_OUTCOMES:
                self.settled.setdefault(first, line.subject)
                line.answers = first.name
        for line in self.lines:
            if (first := again.get(line.row.line)) and line.outcome in OPEN_OUTCOMES and first not in self.settled:
                line.answers, line.case, self.matter = first.name, line.case or first.matter, first.matter
        for change in settling(self.office, driver, self.settled, CORRECTED, self.actor, self.now):
            self.changes[change.case.id] = Ready.of(change)

    def _hers(self, driver: Driver, matter: str) -> bool:
        found = load_case(driver, matter)
        return found is not None and self.office.book().organisation.concerns(self.actor, found[0].involved)

    def _sent(self, line: Line) -> str:
        """What a row that did not go in says, told apart from all others without saying it."""
        if line.outcome not in OPEN_OUTCOMES:
            return ""
        cells = [cell for header, cell in zip(self.sheet.headers, line.row.cells, strict=False) if header not in BACK]
        return self.office.master.index("row", f"{self.source.name} {orjson.dumps(cells, default=str).decode()}").hex()

    def _origin(self, row: Row) -> dict[str, Any]:
        return {"source": self.source.name, "file": self.file.subject, "row": row.line}

    def _open_case(self, row: Row, key: SubjectKey, *, new: bool) -> str:
        stated = Stated(row.facts, frozenset(row.texts))
        happened, _ = lifecycle.open_case(
            self.book, self.kind.name, key.subject, stated, self.actor, self.now, origin=self._origin(row)
        )
        change = Change.of(self.book, None, b"", (happened,), new_id(self.draw))
        self._keep(change.case.id, key.subject, Ready.of(change))
        self.texts[key.subject] = dict(row.texts)
        self.kept += references.rows(self.book, change.case.id, self.stays[row.line], row.facts.get)
        self.sealed.add(key, self.kind.name, row.texts, new=new)
        return change.case.id

    def _state(self, row: Row, subject: str, key: SubjectKey) -> str:
        """Add what this row says to the open case; values that differ are kept beside, with where they came from."""
        case, head = self._standing(subject)
        has = self.texts.get(subject, {})
        beside = f"{subjects.ORIGIN}{self.file.subject}:{row.line}"
        added = {name: text for name, text in row.texts.items() if name not in has}
        other = {f"{name}{beside}": text for name, text in row.texts.items() if name in has and has[name] != text}
        self.sealed.add(key, self.kind.name, added | other, new=False)
        has |= added
        stated = Stated(row.facts, frozenset(row.texts))
        book = self.office.book(case.release)
        happened, _ = lifecycle.state_facts(book, case, self.actor, stated, self.now, self._origin(row))
        self._keep(case.id, subject, Ready.of(Change.of(book, case, head, (happened,))))
        return case.id

    def _standing(self, subject: str) -> tuple[Case, bytes]:
        """The open case of a person, as the rows so far leave it."""
        found = self.open[subject]
        return (found.case(), found.head) if isinstance(found, Ready) else found

    def _keep(self, case: str, subject: str, ready: Ready) -> None:
        """Put a change behind those already planned for the same case."""
        before = self.changes.get(case)
        self.changes[case] = self.open[subject] = ready if before is None else before.then(ready)

    def _open_matter(self, waiting: int) -> None:
        matter = self._new_subject()
        stated = Stated({"source": self.source.name, "outstanding": waiting})
        flow = self.book.workflows[self.source.rejects]
        happened, _ = lifecycle.open_case(
            self.book,
            flow.subject,
            matter.subject,
            stated,
            self.actor,
            self.now,
            workflow=flow.name,
            origin={"source": self.source.name, "file": self.file.subject},
        )
        change = Change.of(self.book, None, b"", (happened,), new_id(self.draw))
        self.matter = change.case.id
        self.changes[self.matter] = Ready.of(change)
        self.sealed.add(matter, flow.subject, {}, new=True)

    def tried(self, taken: Taken) -> Taken:
        """What would become of the list, without the numbers of cases that there will never be."""
        for line in taken.lines:
            if line.case in self.changes and not self.changes[line.case].row["before"]:
                line.case = ""
        new = self.matter in self.changes and not self.changes[self.matter].row["before"]
        return replace(taken, file="", matter="" if new else self.matter)

    def write(self) -> bool:
        """One transaction; False when somebody entered persons meanwhile, and all must be looked up again."""
        lines = [
            (
                self.file.subject,
                line.row.line,
                line.outcome,
                plain([[header, kind] for header, kind, _ in line.row.errors]).decode(),
                line.subject,
                line.case or (self.matter if line.outcome in OPEN_OUTCOMES else ""),
                line.answers,
                self._sent(line),
            )
            for line in self.lines
        ]
        row = {
            "id": self.file.subject,
            "digest": self.digest,
            "source": self.source.name,
            "actor": self.actor.user,
            "taken_at": micros(self.now),
            "total": len(self.lines),
            "matter": self.matter,
        }
        said = digest(row.values(), [(*line[1:4], *line[5:]) for line in lines])
        told = {"file": self.file.subject, "source": self.source.name, "rows": len(self.lines), "digest": said}
        try:
            with self.office.store.writing(micros(self.now)) as writer:
                if writer.cursor.execute("SELECT coalesce(max(rowid), 0) FROM blind").fetchone()[0] != self.seen:
                    return False
                self.sealed.write(writer)
                references.keep(writer, self.kept)
                mark(writer, self.settled, self.settled)
                writer.append(list(self.changes.values()))
                make_begun(writer, self.changes.values(), self.office.book, self.office.account)
                writer.one(s.FileRow, row)
                writer.insert(s.FileLine, _LINE, lines)
                writer.system(Event("taken_in", self.actor.user, self.now, told, self.actor.account))
        except Lost:
            return False
        return True
