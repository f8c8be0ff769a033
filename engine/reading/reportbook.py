"""A report as a workbook: a page per sheet, its figures as numbers, its widths as its words need them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import xlsxwriter
from rich.cells import cell_len

from engine.core.errors import BadInput, Problem
from engine.reading.reports import Page, Told

NARROWEST, WIDEST = 10, 44
LARGER = 1.6
"""A letter of the heading beside one of the table."""


def write(told: Told, authority: str, out: Path, zone: ZoneInfo) -> None:
    """Write the workbook of a report (0600) where nothing lies yet."""
    since, at = (f"{when.astimezone(zone):%Y-%m-%d %H:%M}" for when in (told.since, told.at))
    note = f"{authority} → {told.report.to}　统计期 {since} 至 {at}（不含），按当时已记录的情况{only(told)}"
    workbook(out, told.report.title, note, told.pages)


def only(told: Told) -> str:
    """In words, that a report is about the cases of some units only; nothing where it is about all."""
    return f"；只含{'、'.join(told.only)}牵头、配合或负责的案件" if told.only else ""


def workbook(out: Path, title: str, note: str, pages: Iterable[Page]) -> None:
    """Write pages as a workbook (0600) where nothing lies yet."""
    try:
        os.close(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BadInput(
            Problem("FILE-010", f"不能写到 {out}：{error.strerror}", "给一个可写文件夹里的新文件，如 日报.xlsx")
        ) from None
    book = xlsxwriter.Workbook(str(out), {"strings_to_formulas": False, "strings_to_urls": False})
    plain = {"border": 1, "valign": "vcenter", "font_name": "SimSun", "font_size": 11}
    formats = {
        "title": book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"}),
        "note": book.add_format({"font_color": "#555555", "font_size": 10, "text_wrap": True, "valign": "vcenter"}),
        "head": book.add_format(plain | {"bold": True, "bg_color": "#DCE6F1", "align": "center", "text_wrap": True}),
        "text": book.add_format(plain),
        "number": book.add_format(plain | {"align": "right", "num_format": "0"}),
        "sum": book.add_format(plain | {"bold": True, "align": "right", "num_format": "0", "bg_color": "#F2F2F2"}),
        "sums": book.add_format(plain | {"bold": True, "bg_color": "#F2F2F2"}),
    }
    for page in pages:
        _page(book, page, formats, title, note)
    book.close()


def _page(
    book: xlsxwriter.Workbook, page: Page, formats: dict[str, xlsxwriter.format.Format], title: str, note: str
) -> None:
    sheet = book.add_worksheet(page.title)
    last = len(page.headers) - 1
    heading = f"{title}：{page.title}"
    for top, text, kind, height in ((0, heading, "title", 28), (1, note, "note", 32)):
        sheet.set_row(top, height)
        if last:
            sheet.merge_range(top, 0, top, last, text, formats[kind])
        else:
            sheet.write_string(top, 0, text, formats[kind])
    for column, (header, width) in enumerate(zip(page.headers, widths(page, heading, note), strict=True)):
        sheet.write_string(2, column, header, formats["head"])
        sheet.set_column(column, column, width)
    for number, row in enumerate(page.rows, 3):
        for column, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(number, column, cell, formats["number"])
            else:
                sheet.write_string(number, column, cell, formats["text"])
    for column, cell in enumerate(page.sums):
        kind = "sum" if isinstance(cell, int) else "sums"
        sheet.write(3 + len(page.rows), column, cell, formats[kind])
    sheet.freeze_panes(3, 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 2)
    sheet.set_footer("&C第 &P 页，共 &N 页")


def widths(page: Page, heading: str, note: str) -> list[float]:
    """How wide each column is: its widest word fits, and all together the larger heading, and the note in two lines."""
    cells = [[str(row[column]) for row in page.rows] for column in range(len(page.headers))]
    cells[0].append(page.total)
    wanted = [
        float(min(WIDEST, max(NARROWEST, cell_len(header) + 3, *(cell_len(cell) + 3 for cell in column))))
        for header, column in zip(page.headers, cells, strict=True)
    ]
    wider = max(0.0, max(cell_len(heading) * LARGER, cell_len(note) / 2 + 4) - sum(wanted)) / len(wanted)
    return [width + wider for width in wanted]
