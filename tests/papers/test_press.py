"""Pages as they come out: what they say, in which fonts, and that nothing of a case is ever read as markup."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pypdf
import pytest
import zxingcpp

from engine.core.errors import Refused
from engine.core.papers import Paper, Rows
from engine.core.rulebook import Rulebook
from engine.papers import compose
from engine.papers.press import Press

NOW = datetime(2022, 5, 26, 6, 30, tzinfo=UTC)
CODE = "AV2SCEM5WXD"


@pytest.fixture(scope="module")
def press() -> Press:
    return Press()


def paper(**told: Any) -> Paper:
    said: dict[str, Any] = {"name": "单", "title": "交接单", "number": "街", "of": ("any",), "by": (), "seal": "某街道"}
    return Paper(**(said | told))


def page(book: Rulebook, of: Paper, lines: list[dict[str, str]] | None = None, **known: str) -> dict[str, Any]:
    return compose.page(book, of, CODE, known, lines or [], NOW, rehearsal=False)


def read(pdf: bytes) -> list[str]:
    return [each.extract_text() for each in pypdf.PdfReader(BytesIO(pdf)).pages]


def joined(pdf: bytes) -> str:
    return "".join("".join(read(pdf)).split())


def test_a_paper_says_its_title_number_facts_date_and_page(press: Press, book: Rulebook) -> None:
    of = paper(fields={"姓名": "{name}"}, to="{name}", body=("您自{since}起。",), sign=("签收人",))
    (pdf,) = press.print(page(book, of, name="李示例"), NOW)
    told = joined(pdf)
    for words in (
        "交接单",
        f"街〔2022〕{CODE}号",
        "姓名李示例",
        "李示例：",
        f"您自{compose.BLANK}起。",
        "签收人：",
    ):
        assert words in told, told
    for words in ("某街道（盖章）", "2022年5月26日", "第1页共1页", "打印2022-05-2614:30"):
        assert words in told, told


def fonts(pdf: bytes) -> dict[str, bool]:
    found = {}
    for each in pypdf.PdfReader(BytesIO(pdf)).pages:
        for font in each["/Resources"]["/Font"].values():  # type: ignore[index]
            of = font.get_object()
            descriptor = of["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            found[str(of["/BaseFont"])] = any(key.startswith("/FontFile") for key in descriptor)
    return found


def test_every_font_is_inside_the_file(press: Press, book: Rulebook) -> None:
    told = fonts(press.print(page(book, paper(body=("隔离",))), NOW)[0])
    assert len(told) == 2
    assert all("NotoS" in name and inside for name, inside in told.items())


def test_two_hundred_lines_break_over_pages_each_with_the_header(press: Press, book: Rulebook) -> None:
    of = paper(rows=Rows("case", {"序号": "{n}", "姓名": "{name}", "案件号": "{case}"}), sign=("接收人",))
    lines = [{"name": f"人{n}示例", "case": f"WWWWWWWW{n:03}"} for n in range(200)]
    (pdf,) = press.print(page(book, of, lines), NOW)
    pages = ["".join(text.split()) for text in read(pdf)]
    assert len(pages) > 4
    last = [n for n, text in enumerate(pages) if "示例" in text][-1]
    for n, text in enumerate(pages):
        assert ("序号姓名案件号" in text) == (n <= last)
        assert f"第{n + 1}页共{len(pages)}页" in text
    assert all(f"人{n}示例" in "".join(pages) for n in range(200))
    assert "接收人：" in pages[-1]


DUE = ("2022年5月26日20时", "2022年11月26日20时30分")


@pytest.mark.parametrize("number", [1, 4, 8, 9, 13, 20, 24])
def test_a_sheet_that_urges_is_signed_on_a_page_that_says_what_for(press: Press, book: Rulebook, number: int) -> None:
    lines = [
        {
            "deadline": f"事项{n}示例",
            "doer": "市场监督管理所（部门负责人）",
            "due": DUE[n % 2],
            "late": "12 天 14 小时",
            "level": "红",
            "told": "示例·分管领导乙、示例·分管领导甲",
        }
        for n in range(1, number + 1)
    ]
    units = ("铁路新村社区", "市场监督管理所")
    known = {"case": CODE} | compose.of_doers(book, units)
    (pdf,) = press.print(page(book, book.papers["督办单"], lines, **known), NOW)
    pages = read(pdf)
    assert len(pages) == (1 if number <= 8 else 2)
    last = "".join(pages[-1].split())
    for words in ("序号督办事项", f"事项{number}示例", "办理情况：", "签收人（签字）：", "（盖章）"):
        assert words in last
    whole = "\n".join(pages)
    for piece in ("2022年11月26日", "20时30分", "12 天 14 小时"):
        assert whole.count(piece) == sum(piece in " ".join(line.values()) for line in lines), "no word is torn"
    assert all(f"事项{n}示例" in whole for n in range(1, number + 1))


def test_a_number_in_a_table_stays_whole_and_clear_of_the_next_one(press: Press, book: Rulebook) -> None:
    lines = [
        {
            "name": f"欧阳示例{n}",
            "id_number": f"34010319500615554{n}",
            "phone": f"1337790525{n}",
            "category": "中高风险区来返人员",
            "case": f"WWGWMWWQW0{n}",
        }
        for n in range(1, 5)
    ]
    (pdf,) = press.print(page(book, book.papers["转运交接单"], lines), NOW)
    apart = read(pdf)[0].split()
    assert all(line[of] in apart for line in lines for of in ("id_number", "phone", "case")), apart


def test_numbers_without_room_beside_each_other_break_rather_than_meet(press: Press, book: Rulebook) -> None:
    of = paper(rows=Rows("case", {f"第{n}个号": f"{{x{n}}}" for n in range(8)}))
    line = {f"x{n}": str(n) * 18 for n in range(8)}
    (pdf,) = press.print(page(book, of, [line]), NOW)
    inside = read(pdf)[0].replace("\u200b", "").partition("第7个号")[2].partition("某街道")[0].split()
    assert {len(set(piece)) for piece in inside} == {1}, inside
    assert Counter("".join(inside)) == Counter("".join(line.values()))


NASTY = '#read("/etc/passwd") #panic() *粗* $x$ <a> @b \\ [c] // d {name} "'


def test_what_looks_like_markup_is_printed_as_it_is(press: Press, book: Rulebook) -> None:
    of = paper(
        to="{name}",
        fields={"名": "{name}"},
        body=("{name}",),
        after=("{name}",),
        sign=("{name}",),
        seal="{name}",
        rows=Rows("case", {"{x}": "{name}", NASTY: "甲"}),
    )
    (pdf,) = press.print(page(book, of, [{"name": NASTY}], name=NASTY), NOW)
    plain = "".join(NASTY.split())
    told = joined(pdf).replace("\u200b", "")
    assert told.count(plain) == 8, told
    assert "root:" not in told


def picture(png: bytes) -> memoryview:
    """The grey picture in a PNG as the press makes them: eight bits, red, green, blue and opacity, by lines."""
    at, chunks = 8, b""
    width, height = struct.unpack(">II", png[16:24])
    assert png[24:29] == bytes((8, 6, 0, 0, 0))
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        chunks += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    raw, size = zlib.decompress(chunks), width * 4
    before, grey = bytearray(size), bytearray()
    for y in range(height):
        how, line = raw[y * (size + 1)], bytearray(raw[y * (size + 1) + 1 : (y + 1) * (size + 1)])
        for x in range(size):
            left, up, corner = (line[x - 4], before[x], before[x - 4]) if x > 3 else (0, before[x], 0)
            at_best = left + up - corner
            guess = min((abs(at_best - of), rank, of) for rank, of in enumerate((left, up, corner)))[2]
            line[x] = (line[x] + (0, left, up, (left + up) // 2, guess)[how]) & 255
        grey += line[1::4]
        before = line
    return memoryview(bytes(grey)).cast("B", (height, width))


def test_the_code_on_the_page_reads_as_the_number_of_the_case(press: Press, book: Rulebook) -> None:
    (png,) = press.print(page(book, paper()), NOW, "png")
    assert [found.text for found in zxingcpp.read_barcodes(picture(png))] == [CODE]


def test_the_same_data_give_the_same_bytes_and_a_rehearsal_says_so(press: Press, book: Rulebook) -> None:
    data = page(book, paper())
    assert press.print(data, NOW) == press.print(data, NOW)
    assert "演练" not in joined(press.print(data, NOW)[0])
    assert "【演练】本页不具效力" in joined(press.print(data | {"rehearsal": True}, NOW)[0])


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("typst", "segno", "pylopdf_fonts_zh_cn"):
        with monkeypatch.context() as lacking:
            lacking.setitem(__import__("sys").modules, part, None)
            with pytest.raises(Refused, match=r"PAPER-001.*bihuan\[paper\]"):
                Press()
