"""Lists going back: refused rows with the reason beside each, and the sender's own columns with what became of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from engine.core.case import Event, micros, moment
from engine.core.conditions import Fact, to_json
from engine.core.errors import BadInput, Problem
from engine.core.org import Actor
from engine.core.rulebook import Subject
from engine.intake.rows import BACK, REASON, RETURNED, Row
from engine.intake.settling import OPEN_OUTCOMES
from engine.intake.take import OUTCOMES, Taken
from engine.service import Office
from engine.store import subjects
from engine.vault import mask


def write_returned(office: Office, taken: Taken, beside: Path, actor: Actor) -> Path | None:
    """A workbook (0600) of the rows that did not go in, to be corrected and taken in again; None when all did."""
    lines = [line for line in taken.lines if line.outcome in OPEN_OUTCOMES]
    if not lines or taken.again:
        return None
    path = _free(beside, "退回")
    headers = [header for header in taken.sheet.headers if header not in BACK]
    rows = []
    for line in lines:
        cells = dict(zip(taken.sheet.headers, line.row.cells, strict=False))
        reasons = (
            "；".join(f"{header}：{why}" for header, _, why in line.row.errors) or line.why or "与在办案件相同，请核对"
        )
        rows.append(
            [reasons, line.answers or f"{taken.file}-{line.row.line}", *[cells.get(header) for header in headers]]
        )
    _workbook(path, [REASON, RETURNED, *headers], rows)
    _logged(office, "returned", actor, {"file": taken.file, "rows": len(rows)})
    return path


def export(office: Office, file: str, out: Path | None, actor: Actor) -> tuple[Path, int]:
    """The sender's own columns, each row with its outcome, where its case stands and since when.

    `out` is obeyed or refused; None: a free name here.
    """
    office.require(actor, "export")
    with office.store.reading() as driver:
        key = subjects.keys(driver, office.master, [file]).get(file)
        if key is None:
            raise BadInput(Problem("SHEET-021", f"没有名单 {file}", "名单号在导入时打印"))
        if out is not None:
            _refuse_place(out)
        kept = subjects.opened(driver, key)
        lines = driver.execute(
            "SELECT r.row, r.outcome, g.outcome, r.settled_at, c.id, c.workflow, c.state, c.release,"
            " (SELECT max(e.occurred_at) FROM event AS e WHERE e.case_id = c.id AND e.type IN ('opened', 'advanced'))"
            " FROM intake_row AS r LEFT JOIN intake_row AS g ON g.rowid = (SELECT min(o.rowid) FROM intake_row AS o"
            " WHERE o.answers = coalesce(nullif(r.answers, ''), r.file || '-' || r.row) AND o.answers <> ''"
            " AND r.outcome IN ('refused', 'ask') AND o.outcome NOT IN ('refused', 'ask'))"
            ' LEFT JOIN "case" AS c ON c.id = coalesce(g.case_id, r.case_id) WHERE r.file = ? ORDER BY r.row',
            (file,),
        ).fetchall()
    headers = json.loads(kept["headers"])["headers"]
    rows = []
    for row, outcome, corrected, settled_at, case_id, workflow, state, release, at in lines:
        cells = json.loads(kept[f"row:{row}"]) if f"row:{row}" in kept else ["（已清除）"] + [""] * (len(headers) - 1)
        stands = office.book(release).workflows[workflow].states[state].title if workflow else ""
        when = at if corrected else settled_at or at
        day = moment(when).astimezone(office.book().zone).strftime("%Y-%m-%d %H:%M") if when else ""
        told = OUTCOMES[outcome] + ("，已了结" if settled_at else "")
        told = f"更正后{OUTCOMES[corrected]}" if corrected else told
        rows.append([*cells, told, case_id or "", stands, day])
    path = out or _free(Path("名单.xlsx").absolute(), "结果")
    _workbook(path, [*headers, "导入结果", "案件号", "办理环节", "时间"], rows)
    _logged(office, "exported", actor, {"file": file, "rows": len(rows)})
    return path, len(rows)


def _refuse_place(out: Path) -> None:
    """A workbook is put where it was asked for, over nothing, or nowhere."""
    where = out.parent
    wrong = (
        "不是 .xlsx"
        if out.suffix.lower() != ".xlsx"
        else "已有这个文件"
        if out.exists()
        else "没有这个文件夹，或不能写"
        if not (where.is_dir() and os.access(where, os.W_OK))
        else ""
    )
    if wrong:
        raise BadInput(Problem("FILE-010", f"不能写到 {out}：{wrong}", "给一个可写文件夹里的新文件，如 回.xlsx"))


def _free(beside: Path, word: str) -> Path:
    """A name that no file has yet, in the folder of the list if that can be written to."""
    folder = beside.parent if os.access(beside.parent, os.W_OK) else Path.cwd()
    path = folder / f"{beside.stem}.{word}.xlsx"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{beside.stem}.{word}{number}.xlsx"
    return path


def _workbook(path: Path, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Every cell as text: what looks like a formula stays what was sent."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("名单")
    bold = book.add_format({"bold": True, "bg_color": "#EAF1F8", "border": 1})
    for column, header in enumerate(headers):
        sheet.write_string(0, column, header, bold)
        sheet.set_column(column, column, 48 if header == REASON else max(10, min(26, len(header) * 2 + 6)))
    last = 0
    for last, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            sheet.write_string(last, column, "" if cell is None else str(cell).removesuffix(" 00:00:00"))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, len(headers) - 1)
    book.close()
    path.chmod(0o600)


def _logged(office: Office, what: str, actor: Actor, data: dict[str, Any]) -> None:
    now = office.now()
    with office.store.writing(micros(now)) as writer:
        writer.system(Event(what, actor.user, now, data, actor.account))


def told_rows(office: Office, taken: Taken, kind: Subject, *, reveal: bool) -> list[dict[str, Any]]:
    """Each row as it is printed: the facts the pack lists, personal ones masked unless revealed."""
    names = _file_names(office, taken) if reveal else {}

    def shown(row: Row, name: str) -> Fact:
        value = row.value(name)
        if value is None or reveal or not kind.fields[name].pii:
            return to_json(value)
        return mask(kind.fields[name].check, str(value))

    return [
        {
            "row": line.row.line,
            "status": line.row.status,
            **{label: shown(line.row, name) for label, name in kind.listed.items()},
            "duplicate_of": [names.get(line.duplicate_of[0], line.duplicate_of[0]), line.duplicate_of[1]]
            if line.duplicate_of
            else None,
            "errors": [{"field": header, "kind": error} for header, error, _ in line.row.errors],
            "normalised": line.row.normalised,
            "outcome": line.outcome,
            "why": line.why,
            "case": line.case,
        }
        for line in taken.lines
    ]


def _file_names(office: Office, taken: Taken) -> Mapping[str, str]:
    wanted = sorted({line.duplicate_of[0] for line in taken.lines if line.duplicate_of})
    with office.store.reading() as driver:
        keys = subjects.keys(driver, office.master, wanted)
        found = {}
        for file, key in keys.items():
            row = driver.execute("SELECT sealed FROM vault WHERE subject = ? AND field = 'name'", (file,)).fetchone()
            if row:
                found[file] = key.open("name", row[0])
    return found
