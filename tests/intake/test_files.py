"""Files as offices really send them, and those nobody should open."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.errors import BadInput
from engine.core.rulebook import Rulebook
from engine.intake.files import Grid, read_grid
from engine.intake.sheet import Sheet, understand

ROWS = [["姓名", "身份证号"], ["李示例", "340102196502162100"]]
TEXT = "姓名,身份证号\n李示例,340102196502162100\n"


def workbook(path: Path, rows: list[list[Any]], **options: Any) -> Path:
    book = xlsxwriter.Workbook(str(path), options)
    sheet = book.add_worksheet("名单")
    dates = book.add_format({"num_format": "yyyy-mm-dd"})
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime | date):
                sheet.write_datetime(number, column, cell, dates)
            else:
                sheet.write(number, column, cell)
    book.close()
    return path


def repacked(path: Path, change: Callable[[str, bytes], bytes], extra: dict[str, bytes] | None = None) -> Path:
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = change(name, archive.read(name))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in (parts | (extra or {})).items():
            archive.writestr(name, raw)
    return path


def refused(path: Path, seconds: float = 3) -> str:
    started = time.perf_counter()
    with pytest.raises(BadInput) as found:
        read_grid(path)
    assert time.perf_counter() - started < seconds
    assert path.name in str(found.value)
    return str(found.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 900, "FILE-001 旧版 Office 另存为", id="xls"),
        pytest.param(b"%PDF-1.7 ...", "FILE-001 PDF 另存为", id="pdf"),
        pytest.param(b"<html><table><tr><td>x", "FILE-001 网页 另存为", id="html saved as xls"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "FILE-002 密码", id="password"
        ),
        pytest.param(b"PK\x03\x04" + b"broken" * 20, "FILE-007 损坏", id="truncated zip"),
        pytest.param(b"\x00\x01\x02binary", "FILE-001 不是文本表格", id="binary"),
        pytest.param(b"\x81\xff\xfe\xff,", "FILE-001 文字编码", id="no known encoding"),
        pytest.param('姓名,备注\n甲,"没有闭合\n乙,丙\n'.encode(), "SHEET-024 第 2 行 引号", id="unclosed quote"),
    ],
)
def test_what_is_no_list_is_named_for_what_it_is(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(raw)
    told = refused(path)
    for word in words.split(" "):
        assert word in told


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("word/document.xml", "Word"),
        ("ppt/presentation.xml", "演示文稿"),
        ("xl/workbook.bin", ".xlsb"),
        ("content.xml", ".ods"),
        ("readme.txt", "压缩包"),
    ],
)
def test_an_archive_that_is_no_workbook_is_named(tmp_path: Path, part: str, named: str) -> None:
    path = tmp_path / "list.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, "<w/>")
    assert "FILE-001" in (told := refused(path))
    assert named in told


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path):
        assert "不是普通文件" in refused(path, 0.1)


def test_a_zero_byte_anywhere_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT.encode() * 200 + b"a,\0b\n")
    assert "FILE-001 x.csv:401 — 这不是文本表格" in refused(path)


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = workbook(tmp_path / "bomb.xlsx", ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b"0" * 210_000_000)
    assert "FILE-003" in refused(path, 0.1)


def test_macros_and_entities_are_refused(tmp_path: Path) -> None:
    with_macro = repacked(workbook(tmp_path / "m.xlsx", ROWS), lambda _, raw: raw, {"xl/vbaProject.bin": b"x"})
    assert "FILE-006" in refused(with_macro)

    def entity(name: str, raw: bytes) -> bytes:
        bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>'
        return bomb + raw if name == "xl/sharedStrings.xml" else raw

    assert "FILE-005" in refused(repacked(workbook(tmp_path / "e.xlsx", ROWS), entity))

    def behind(name: str, raw: bytes) -> bytes:
        return raw.replace(b"?>", b"?><!--" + b"p" * 9000 + b"--><!DOCTYPE x>", 1) if "sharedStrings" in name else raw

    assert "FILE-005" in refused(repacked(workbook(tmp_path / "b.xlsx", ROWS), behind))


def test_a_cell_far_away_does_not_make_the_reader_crawl(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "姓名")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    assert "FILE-009" in refused(path)


def test_a_far_cell_behind_a_false_dimension_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "姓名")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    repacked(path, lambda _, raw: raw.replace(b"A1:XFD1048576", b"A1:B2"))
    assert "FILE-009" in refused(path)


def test_a_range_that_is_mostly_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "姓名")
    sheet.write(59_999, 199, "x")
    book.close()
    assert "FILE-009" in refused(path, 10)


def test_an_archive_that_lies_about_its_sizes_is_not_inflated_whole(tmp_path: Path) -> None:
    path = repacked(
        workbook(tmp_path / "lie.xlsx", ROWS),
        lambda name, raw: raw.replace(b"<sheetData>", b"<sheetData>" + b" " * 3_000_000) if "sheet1" in name else raw,
    )
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        told = archive.getinfo("xl/worksheets/sheet1.xml").file_size.to_bytes(4, "little")
    path.write_bytes(raw.replace(told, (500_000).to_bytes(4, "little")))
    assert "FILE-007" in refused(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "FILE-007" in refused(tmp_path / "nothing.csv")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.intake.files.MOST_BYTES", 3)
    path = tmp_path / "x.csv"
    path.write_text("1234")
    assert "FILE-004" in refused(path)


def test_a_reader_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.intake.files.SECONDS", 0.001)
    path = tmp_path / "x.csv"
    path.write_text(TEXT)
    assert "FILE-008" in refused(path)


@pytest.mark.parametrize(
    ("raw", "notes"),
    [
        pytest.param(TEXT.encode(), ("编码 UTF-8", "分隔符 ,"), id="utf-8"),
        pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), ("编码 UTF-8（带 BOM）", "分隔符 ,"), id="utf-8 with bom"),
        pytest.param(TEXT.encode("gb18030"), ("编码 GB18030", "分隔符 ,"), id="gb18030"),
        pytest.param(TEXT.encode("utf-16"), ("编码 UTF-16", "分隔符 ,"), id="utf-16"),
        pytest.param(TEXT.replace(",", "\t").encode("utf-16"), ("编码 UTF-16", "分隔符 制表符"), id="tab"),
        pytest.param(TEXT.replace(",", ";").encode(), ("编码 UTF-8", "分隔符 ;"), id="semicolon"),
    ],
)
def test_text_tables_are_read_in_every_encoding_and_the_reader_says_which(
    tmp_path: Path, raw: bytes, notes: tuple[str, ...]
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(raw)
    grid = read_grid(path)
    assert grid.tabs[0].rows == ROWS
    assert grid.notes == notes


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_note_full_of_other_marks_does_not_mislead(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "x.csv"
    note = "".join(other * 9 for other in ",;\t" if other != mark)
    lines = ["某街道名单", mark.join(["姓名", "备注"]), mark.join(["甲", note]), mark.join(["乙", "无"])]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert read_grid(path).tabs[0].rows == [["某街道名单"], ["姓名", "备注"], ["甲", note], ["乙", "无"]]


def test_a_line_break_inside_quotes_keeps_the_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('姓名,备注\n甲,"一\n二"\n乙,三\n', "utf-8")
    assert read_grid(path).tabs[0].rows == [["姓名", "备注"], ["甲", "一\n二"], [], ["乙", "三"]]


def test_a_workbook_gives_dates_as_dates_in_either_epoch(tmp_path: Path) -> None:
    for number, options in enumerate(({}, {"date_1904": True})):
        path = workbook(tmp_path / f"{number}.xlsx", [["日期"], [datetime(2022, 5, 26)]], **options)  # noqa: DTZ001 - a cell has no zone
        cell = read_grid(path).tabs[0].rows[1][0]
        assert str(cell).startswith("2022-05-26")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_but_bad_input(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(raw)
    try:
        grid = read_grid(path)
    except BadInput:
        return
    assert isinstance(grid, Grid)


def sheet(book: Rulebook, path: Path, source: str = "区数据组") -> Sheet:
    return understand(read_grid(path), book.subjects["person"].fields, book.sources[source], path.name)


def test_the_header_is_found_under_titles_and_notes(book: Rulebook, tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["某街道名单", None],
        [None, None],
        ["说明：请尽快核对", None],
        ["序号", "姓 名", "证件号码"],
        [1, "李示例", "340102196502162100"],
    ]
    found = sheet(book, workbook(tmp_path / "x.xlsx", rows))
    assert (found.header_row, found.headers) == (4, ("序号", "姓 名", "证件号码"))
    assert next(iter(found.rows()))[0] == 5
    assert "列“证件号码”作身份证号" in found.notes
    assert "未用的列：序号" in found.notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "SHEET-001 空的", id="empty"),
        pytest.param("姓名,身份证号\n", "SHEET-002 只有表头", id="only a header"),
        pytest.param("甲,乙\n丙,丁\n", "SHEET-003 没有认得的表头 姓名", id="no header"),
        pytest.param("姓名,身份证码\n丙,丁\n", "SHEET-003 缺少列 身份证号 did you mean 身份证码", id="column misspelt"),
        pytest.param("姓名,身份证号,证件号码\n丙,丁,戊\n", "SHEET-003 出现了两次", id="column twice"),
    ],
)
def test_a_list_that_cannot_be_understood_says_why(book: Rulebook, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput) as found:
        sheet(book, path)
    for word in words.split(" "):
        assert word in str(found.value)


def test_an_empty_workbook_is_told(book: Rulebook, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    raw = io.BytesIO()
    xlsxwriter.Workbook(raw).close()
    path.write_bytes(raw.getvalue())
    with pytest.raises(BadInput, match="SHEET-001"):
        sheet(book, path)


def test_a_formula_without_its_value_is_told_where_it_stands(book: Rulebook, tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["姓名", "手机号"], ["李示例", "=A1"]])
    repacked(path, lambda _, raw: raw.replace(b"<v>0</v>", b""))
    assert read_grid(path).tabs[0].rows[1] == ["李示例", "=F()"]


def test_a_formula_that_failed_is_told_and_one_that_says_nothing_is_empty(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["姓名", "核酸结果", "症状"], ["李示例", "=A1", "=A1"]])

    def results(_: str, raw: bytes) -> bytes:
        failed = raw.replace(b'<c r="B2"><f>A1</f><v>0</v>', b'<c r="B2" t="e"><f>A1</f><v>#N/A</v>')
        return failed.replace(b'<c r="C2"><f>A1</f><v>0</v>', b'<c r="C2" t="str"><f>A1</f><v></v>')

    assert read_grid(repacked(path, results)).tabs[0].rows[1] == ["李示例", "=F()", ""]


def test_formulas_are_marked_on_their_own_sheet_however_the_files_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_chartsheet("图").set_chart(chart := book.add_chart({"type": "column"}))
    for name in ("说明", "名单"):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, ["姓名", "电话"])
        sheet.write_row(1, 0, ["李示例", "无"])
    sheet.write_formula(1, 1, "=A1")
    chart.add_series({"values": "=名单!$B$2:$B$2"})
    book.close()
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    one, two = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
    parts[one], parts[two] = parts[two].replace(b"<v>0</v>", b""), parts[one]
    links = parts["xl/_rels/workbook.xml.rels"].replace(b"worksheets/sheet1", b"worksheets/other")
    links = links.replace(b"worksheets/sheet2", b"worksheets/sheet1").replace(b"worksheets/other", b"worksheets/sheet2")
    parts["xl/_rels/workbook.xml.rels"] = links
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    assert [(tab.name, tab.rows[1:]) for tab in read_grid(path).tabs] == [
        ("图", []),
        ("说明", [["李示例", "无"]]),
        ("名单", [["李示例", "=F()"]]),
    ]
