"""Uploaded files: measured before they are inflated, and read in a child process with limits."""

from __future__ import annotations

import hashlib
import marshal
import re
import stat
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput, Place, Problem

MOST_BYTES = 50_000_000
MOST_INFLATED = 100_000_000
MOST_RATIO = 100
MOST_ENTRIES = 2_000
SECONDS = 60
HEAD = 4096
"""So much of each part is looked at: a DOCTYPE stands before the first element, and so must that."""
RATIO_COUNTS_FROM = 1_000_000
"""Small files compress as well as they like."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE = "请在 Excel/WPS 里另存为 .xlsx 或 .csv 再导入"
_LOOKS_LIKE = (
    (b"%PDF", "PDF 文件"),
    (b"{\\rtf", "RTF 文档"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"Rar!", "RAR 压缩包"),
    (b"\x1f\x8b", "gzip 压缩包"),
)
_PACKED = (
    ("word/document.xml", "Word 文档"),
    ("ppt/presentation.xml", "演示文稿"),
    ("xl/workbook.bin", "二进制工作簿（.xlsb）"),
    ("content.xml", "OpenDocument 文件（.ods/.odt）"),
)
_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_ELEMENT = re.compile(rb"<[A-Za-z_]")
_REFERENCE = re.compile(rb'<dimension ref="[A-Z]+[0-9]+(?::([A-Z]+)([0-9]+))?"')


@dataclass(frozen=True, slots=True)
class Tab:
    """One sheet: its name and its cells, row by row from the first."""

    name: str
    rows: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Grid:
    """A file as read: its sheets, what was understood of its form, and the hash of its bytes."""

    tabs: tuple[Tab, ...]
    notes: tuple[str, ...]
    digest: str


def read_grid(path: Path) -> Grid:
    """The cells of a spreadsheet or text table; `BadInput` says what it really is and how to save it."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise _refusal("FILE-007", path, "这不是普通文件", "请给出一个 .xlsx 或 .csv 文件")
        raw = path.read_bytes() if about.st_size <= MOST_BYTES else None
    except FileNotFoundError:
        raise _refusal("FILE-007", path, "没有这个文件", "检查路径") from None
    except OSError as error:
        raise _refusal("FILE-007", path, f"读不出来：{error.strerror}", "检查路径与权限") from None
    if raw is None:
        raise _refusal("FILE-004", path, "文件超过 50 MB", "请分成几份")
    kind = _kind(path, raw)
    if kind == "xlsx":
        _measure(path)
    return _in_child(path, kind, hashlib.sha256(raw).hexdigest())


def _refusal(code: str, path: Path, what: str, expected: str) -> BadInput:
    return BadInput(Problem(code, what, expected, place=Place(path.name)))


def _kind(path: Path, raw: bytes) -> str:
    """What the bytes are, whatever the name says."""
    if raw[:8] == _OLE:
        if "EncryptedPackage".encode("utf-16-le") in raw:
            raise _refusal("FILE-002", path, "文件有密码保护", "请去掉密码后再导入")
        raise _refusal("FILE-001", path, "这是旧版 Office 文件（.xls/.doc）", _SAVE)
    if raw[:2] == b"PK":
        return "xlsx"
    named = next((name for magic, name in _LOOKS_LIKE if raw.startswith(magic)), "")
    head = raw[:2000].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<meta")):
        named = "网页（HTML/XML）"
    if named:
        raise _refusal("FILE-001", path, f"这是{named}", _SAVE)
    if b"\0" in raw[:4000] and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise _refusal("FILE-001", path, "这不是文本表格", _SAVE)
    return "csv"


def _measure(path: Path) -> None:
    """Sizes from the directory of the archive, and the first bytes of each part: nothing is inflated whole."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            inflated = sum(entry.file_size for entry in entries)
            packed = sum(entry.compress_size for entry in entries) or 1
            too_dense = inflated > RATIO_COUNTS_FROM and inflated / packed > MOST_RATIO
            if inflated > MOST_INFLATED or too_dense or len(entries) > MOST_ENTRIES:
                raise _refusal(
                    "FILE-003", path, f"解开后有 {inflated // 1_000_000} MB，像压缩炸弹", "请另存为正常的 .xlsx"
                )
            names = {entry.filename for entry in entries}
            if "xl/workbook.xml" not in names:
                named = next((named for part, named in _PACKED if part in names), "压缩包")
                raise _refusal("FILE-001", path, f"这是{named}，不是工作簿", _SAVE)
            if "xl/vbaProject.bin" in names:
                raise _refusal("FILE-006", path, "工作簿带宏", "请另存为不带宏的 .xlsx")
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        _look(path, entry.filename, part.read(HEAD))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
        raise _refusal("FILE-007", path, "文件不完整或已损坏", "请重新导出或另存一次") from None


def _look(path: Path, name: str, head: bytes) -> None:
    hidden = len(head) == HEAD and not _ELEMENT.search(head)
    if hidden or _ENTITY.search(head):
        raise _refusal("FILE-005", path, "文件里有实体定义 (DOCTYPE)", "请在 Excel/WPS 里另存一次")
    found = _REFERENCE.search(head) if name.startswith("xl/worksheets/") else None
    if found and found[1] and (len(found[1]) > 2 or int(found[2]) > MOST_ROWS):  # noqa: PLR2004 - past column ZZ
        raise _refusal("FILE-009", path, "表格范围过大，远处有零散单元格", f"删去多余的行列，行数不超过 {MOST_ROWS:,}")


MOST_ROWS = 200_000


def _in_child(path: Path, kind: str, digest: str) -> Grid:
    try:
        done = subprocess.run(  # noqa: S603 - our own module on a path given as one argument
            [sys.executable, "-I", str(Path(__file__).with_name("child.py")), kind, str(path.resolve())],
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refusal("FILE-008", path, f"{SECONDS} 秒还没读完", "请减少内容或分成几份") from None
    if done.returncode != 0:
        raise _refusal("FILE-008", path, "读取超出内存或时间限制", "请减少内容或分成几份")
    told = marshal.loads(done.stdout)  # noqa: S302 - written by our own child a moment ago
    if "code" in told:
        place = Place(path.name, told.get("line", 0))
        raise BadInput(Problem(told["code"], told["what"], told["expected"], place=place))
    tabs = tuple(
        Tab(name, [[_cell(cell) if type(cell) is tuple else cell for cell in row] for row in rows])
        for name, rows in told["tabs"]
    )
    return Grid(tabs, tuple(told["notes"]), digest)


def _cell(cell: Any) -> Any:
    """A cell as the child sent it: times travel as tagged tuples."""
    tag, *parts = cell
    return {"d": date, "t": datetime, "c": time}[tag](*parts) if tag != "s" else timedelta(seconds=parts[0])
