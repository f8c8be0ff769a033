"""The child process that parses an untrusted file: little memory, little time, and only plain data back."""

from __future__ import annotations

import csv
import io
import marshal
import re
import resource
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

MEMORY = 2_000_000_000
CPU_SECONDS = 50
MOST_COLUMNS = 256
MOST_ROWS = 200_000
LONGEST_CELL = 32_768
FORMULA = "=F()"
"""What stands for a formula without its value."""
_VALUELESS = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^>]*><f(?:/>|[^>]*>[^<]*</f>)(?:<v/>|<v></v>)?</c>')


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
    import python_calamine  # noqa: PLC0415 - a text table does not need it

    try:
        book = python_calamine.load_workbook(str(path))
        tabs = []
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
                raise Unreadable(
                    "FILE-009", f"工作表 {name} 范围过大", f"不超过 {MOST_ROWS:,} 行、{MOST_COLUMNS} 列", 0
                )
            rows = [[_sent(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
            tabs.append((name, rows))
        _mark_formulas(path, tabs)
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError):
        raise Unreadable("FILE-007", "工作簿不完整或已损坏", "请重新导出或另存一次", 0) from None
    return {"tabs": tabs, "notes": ["工作簿 (xlsx)"]}


def _mark_formulas(path: Path, tabs: list[tuple[str, list[list[Any]]]]) -> None:
    """A formula whose value was never stored reads as an empty cell: it is given back as what it is."""
    with zipfile.ZipFile(path) as archive:
        for number, (_, rows) in enumerate(tabs, 1):
            name = f"xl/worksheets/sheet{number}.xml"
            raw = archive.read(name) if name in archive.namelist() else b""
            for letters, row in _VALUELESS.findall(raw) if b"<f" in raw else ():
                column = 0
                for letter in letters:
                    column = column * 26 + letter - 64
                if int(row) <= len(rows) and column <= len(rows[int(row) - 1]):
                    rows[int(row) - 1][column - 1] = FORMULA


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
            "SHEET-024", f"第 {started} 行起引号没有闭合", "补上引号，或去掉单元格里的引号", started
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
    head = text[:20_000].splitlines()[:20]
    return max(",\t;", key=lambda mark: (max((line.count(mark) for line in head), default=0), mark == ","))


if __name__ == "__main__":
    main()
