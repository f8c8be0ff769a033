"""The child process that parses an untrusted file: little memory, little time, and only plain data back."""

from __future__ import annotations

import csv
import io
import marshal
import re
import resource
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import zipfile

MEMORY = 2_000_000_000
CPU_SECONDS = 50
MOST_COLUMNS = 256
MOST_ROWS = 200_000
MOST_CELLS = 10_000_000
"""One stray cell makes the reader lay out everything between it and the first: this is what a minute allows."""
LONGEST_CELL = 32_768
_RELATIONS = "xl/_rels/workbook.xml.rels"
FORMULA = "=F()"
"""What stands for a formula without its value, or with an error such as #N/A for one."""
_VALUELESS = re.compile(rb"<c ([^>]*)><f(?:/>|[^>]*>[^<]*</f>)(?:<v/>|<v></v>)?</c>")
_FAILED = re.compile(rb'<c ([^>]*\bt="e"[^>]*)>')
_AT = re.compile(rb'\br="([A-Z]{1,3})([0-9]+)"')
_LAST_ROW = re.compile(rb'<row [^>]*?\br="([0-9]+)"')
_SHEET = re.compile(rb'<sheet [^>]*\bid="([^"]+)"')
_RELATION = re.compile(rb"<Relationship [^>]+>")
_ATTRIBUTE = re.compile(rb'\b(Id|Target)="([^"]+)"')


class Unreadable(Exception):
    """What the parent is to tell: code, what, expected, line."""


def main() -> None:
    """Read `kind path`, write the cells to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    kind, name = sys.argv[1:3]
    told: dict[str, Any]
    try:
        told = _workbook(Path(name)) if kind == "xlsx" else _text(Path(name).read_bytes())
    except Unreadable as error:
        code, what, expected, line = error.args
        told = {"code": code, "what": what, "expected": expected, "line": line}
    sys.stdout.buffer.write(marshal.dumps(told))


def _workbook(path: Path) -> dict[str, Any]:
    import zipfile  # noqa: PLC0415 - a text table needs neither

    import python_calamine  # noqa: PLC0415

    try:
        parts = _parts(path)
        for number, raw in parts.items():
            last = _LAST_ROW.match(raw, raw.rfind(b"<row ")) if b"<row " in raw else None
            if last and int(last[1]) > MOST_ROWS:
                raise _too_large(f"第 {number + 1} 张")
        book = python_calamine.load_workbook(str(path))
        tabs = []
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            height, width = sheet.total_height, sheet.total_width
            if height > MOST_ROWS or width > MOST_COLUMNS or height * width > MOST_CELLS:
                raise _too_large(name)
            rows = [[_sent(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
            tabs.append((name, rows))
        for number, raw in parts.items():
            _mark_formulas(raw, tabs[number][1])
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError):
        raise Unreadable("FILE-007", "工作簿不完整或已损坏", "请重新导出或另存一次", 0) from None
    return {"tabs": tabs, "notes": ["工作簿 (xlsx)"]}


def _too_large(sheet: str) -> Unreadable:
    allowed = f"删去多余的行列，不超过 {MOST_ROWS:,} 行、{MOST_COLUMNS} 列、{MOST_CELLS:,} 格"
    return Unreadable("FILE-009", f"工作表 {sheet} 范围过大，远处有零散单元格", allowed, 0)


def _parts(path: Path) -> dict[int, bytes]:
    """The XML of each sheet by its place in the workbook: files are not numbered as sheets are ordered."""
    import zipfile  # noqa: PLC0415 - as above

    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        told = [dict(_ATTRIBUTE.findall(found)) for found in _RELATION.findall(_part(archive, _RELATIONS))]
        targets = {one[b"Id"]: one[b"Target"].decode() for one in told if len(one) == 2}  # noqa: PLR2004 - both
        found = {}
        for number, relation in enumerate(_SHEET.findall(_part(archive, "xl/workbook.xml"))):
            target = targets.get(relation, "")
            name = target[1:] if target.startswith("/") else f"xl/{target}"
            if name in names and "/worksheets/" in name:
                found[number] = archive.read(name)
        return found


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    return archive.read(name) if name in archive.NameToInfo else b""


def _mark_formulas(raw: bytes, rows: list[list[Any]]) -> None:
    """A formula whose value was never stored, or is an error, reads as an empty cell: it is given back as what it is.

    An empty text (`t="str"`) is a value.
    """
    valueless = [cell for cell in _VALUELESS.findall(raw) if b't="str"' not in cell] if b"<f" in raw else []
    failed = _FAILED.findall(raw) if b't="e"' in raw else []
    for cell in (*valueless, *failed):
        at = _AT.search(cell)
        if at is None:
            continue
        column = 0
        for letter in at[1]:
            column = column * 26 + letter - 64
        row = int(at[2])
        if row <= len(rows) and column <= len(rows[row - 1]):
            rows[row - 1][column - 1] = FORMULA


def _sent(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return ("t", cell.year, cell.month, cell.day, cell.hour, cell.minute, cell.second)
    if isinstance(cell, date):
        return ("d", cell.year, cell.month, cell.day)
    if isinstance(cell, time):
        return ("c", cell.hour, cell.minute, cell.second)
    return ("s", cell.total_seconds()) if isinstance(cell, timedelta) else cell


def _text(raw: bytes) -> dict[str, Any]:
    text, encoding = _decoded(raw)
    if "\0" in text:
        raise Unreadable(
            "FILE-001", "这不是文本表格", "请另存为 UTF-8 的 .csv 或 .xlsx", text[: text.index("\0")].count("\n") + 1
        )
    delimiter = _delimiter(text)
    notes = [f"编码 {encoding}", f"分隔符 {'制表符' if delimiter == chr(9) else delimiter}"]
    rows: list[list[str]] = []
    lines: list[int] = []
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    started = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(started)
            started = reader.line_num + 1
            if len(rows) > MOST_ROWS or len(row) > MOST_COLUMNS:
                raise Unreadable("FILE-009", "表格过大", f"不超过 {MOST_ROWS:,} 行、{MOST_COLUMNS} 列", started)
    except csv.Error:
        raise Unreadable(
            "SHEET-024", f"第 {started} 行起引号没有闭合或多了一个", "补上引号，或去掉单元格里的引号", started
        ) from None
    spread: list[list[str]] = []
    for line, row in zip(lines, rows, strict=True):
        spread += [[] for _ in range(line - 1 - len(spread))]
        spread.append(row)
    return {"tabs": [("", spread)], "notes": notes}


def _decoded(raw: bytes) -> tuple[str, str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(raw, "utf-16"), "UTF-16"
    if raw.startswith(b"\xef\xbb\xbf"):
        return _strictly(raw, "utf-8-sig"), "UTF-8（带 BOM）"
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return _strictly(raw, "gb18030"), "GB18030"


def _strictly(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("FILE-001", "认不出文字编码", "请另存为 UTF-8 的 .csv 或 .xlsx", 0) from None


def _delimiter(text: str) -> str:
    """The mark that most lines have most of: titles have none, and a note may be full of commas."""
    head = [line for line in text[:20_000].splitlines()[:20] if line.strip()]
    counts = {mark: sorted(line.count(mark) for line in head) or [0] for mark in ",\t;"}
    return max(counts, key=lambda mark: (counts[mark][len(counts[mark]) // 2], counts[mark][-1]))


if __name__ == "__main__":
    main()
