"""Headers as offices write them, and sheets that are not the list."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.core.rulebook import Rulebook
from engine.intake.files import Grid, Tab
from engine.intake.sheet import Sheet, understand

PERSON = ["李示例", "340102196502162100", "13900001234"]


def sheet(book: Rulebook, *tabs: tuple[str, list[list[Any]]]) -> Sheet:
    grid = Grid(tuple(Tab(name, rows) for name, rows in tabs), ("工作簿 (xlsx)",), "")
    return understand(grid, book.subjects["person"].fields, book.sources["区数据组"], "list.xlsx")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["姓名", "身份证号", "手机号"], id="as declared"),
        pytest.param(["姓名（必填）", "身份证号(18位)", "手机号【本人】"], id="with remarks"),
        pytest.param(["*姓名", "身份证号：", "手机号*"], id="with marks"),
        pytest.param(["姓 名", "身份\n证号", " 手机号 "], id="with blanks and line breaks"),
    ],
)
def test_a_column_is_known_whatever_the_form_adds_to_its_name(book: Rulebook, headers: list[str]) -> None:
    found = sheet(book, ("名单", [headers, PERSON]))
    assert list(found.columns.values()) == [("name",), ("id_number",), ("phone",)]
    assert found.headers == tuple(header.strip() for header in headers)


def test_the_exact_name_wins_over_one_with_a_remark(book: Rulebook) -> None:
    found = sheet(book, ("名单", [["姓名", "身份证号", "手机号（备用）", "手机号"], [*PERSON, "13900005678"]]))
    assert found.columns[3] == ("phone",)
    assert 2 not in found.columns
    assert "未用的列：手机号（备用）" in found.notes


def test_two_columns_that_differ_in_remarks_only_are_refused(book: Rulebook) -> None:
    rows = [["姓名", "身份证号", "手机号（一）", "手机号（二）"], [*PERSON, "13900005678"]]
    with pytest.raises(BadInput, match=r"SHEET-003 .*手机号（二） 出现了两次"):
        sheet(book, ("名单", rows))


def test_the_sheet_with_the_header_is_chosen_and_the_others_are_named(book: Rulebook) -> None:
    found = sheet(
        book,
        ("说明", [["请勿修改"]]),
        ("空", [[None, ""]]),
        ("名单", [["姓名", "身份证号", "手机号"], PERSON]),
        ("名单二", [["姓名", "身份证号"], PERSON[:2]]),
    )
    assert found.name == "名单"
    assert "没有读的工作表：说明、名单二" in found.notes


def test_every_missing_and_doubled_column_is_told_at_once(book: Rulebook) -> None:
    with pytest.raises(BadInput) as found:
        sheet(book, ("名单", [["姓名", "手机号", "电话"], PERSON]))
    assert [problem.what for problem in found.value.problems] == ["列 电话 出现了两次", "缺少列 身份证号"]
    assert all(problem.place.line == 1 for problem in found.value.problems)


def test_a_header_below_the_tenth_line_is_not_looked_for(book: Rulebook) -> None:
    rows: list[list[Any]] = [["说明"] for _ in range(10)]
    with pytest.raises(BadInput, match="前 10 行里没有认得的表头"):
        sheet(book, ("名单", [*rows, ["姓名", "身份证号"], PERSON]))


def test_blank_lines_are_skipped_and_short_ones_padded(book: Rulebook) -> None:
    rows: list[list[Any]] = [["姓名", "身份证号", "手机号"], [None, " ", "　"], PERSON[:2], [], [*PERSON, "多出"]]
    assert list(sheet(book, ("名单", rows)).rows()) == [(3, [*PERSON[:2], None]), (5, PERSON)]
