"""Documents: sentences found whatever the blanks, words nobody quotes, and what a revision says otherwise."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.documents import Carrier, Clause, Document, Span, Text, compare

PLAN = """关于防汛的通知

一、总则
为防汛 ,制定本办法。
（一）巡查。各社区每日巡查河 道,及时上报险情;台账及时归档。（责任部门：水务站、应急办（值班室）、各社区）
（二）转移。险情出现后2小时内转移群众。
"""
QUOTES = {
    "R1": ("文头", "关于防汛的通知"),
    "R2": ("一", "为防汛,制定本办法"),
    "R3": ("（一）", "巡查。各社区每日巡查河道"),
    "R4": ("（一）", "及时上报险情"),
    "R5": ("（一）", "台账及时归档"),
    "R6": ("（一）", "（责任部门：水务站、应急办（值班室）、各社区）"),
    "R7": ("（二）", "转移。险情出现后2小时内转移群众"),
}


def plan(text: str = PLAN) -> Document:
    words = Text(text)
    clauses = {}
    since = 0
    for key, (heading, quote) in QUOTES.items():
        span = words.find(quote, since)
        assert span is not None
        since = span.start
        clauses[key] = Clause(key, heading, quote, span, (Carrier("rule", key),))
    day = date(2022, 6, 1)
    return Document("plan", "办法", "1号", "街道", day, day, None, words, clauses, vague=("及时",), owners="责任部门：")


def test_a_quote_is_found_whatever_blanks_the_text_has_and_told_with_its_line() -> None:
    text = Text(PLAN)
    found = text.find("每日巡查河道")
    assert found is not None
    assert text.said(found) == "每日巡查河道"
    assert text.place(found.start) == (5, 10)
    assert text.find("每日巡查水道") is None
    assert text.nearest("各社区每日巡查水道") == "各社区每日巡查河道"


def test_sentences_end_at_their_marks_and_at_the_end_of_a_line() -> None:
    text = Text(PLAN)
    assert [text.said(span) for span in text.sentences][:4] == [
        "关于防汛的通知",
        "一、总则",
        "为防汛,制定本办法。",
        "（一）巡查。",
    ]
    assert text.sentence_of(text.occurrences("归档")[0]) == "台账及时归档。"


@given(st.text("一、（）1.。；,及时 \n\t", max_size=60))
def test_sentences_and_paragraphs_leave_no_word_out(written: str) -> None:
    text = Text(written)
    assert "".join(text.said(span) for span in text.sentences) == "".join(written.split())
    assert "".join(text.said(span) for span in text.paragraphs) == "".join(written.split())
    for at in range(len(text.bare)):
        line, column = text.place(at)
        assert written.split("\n")[line - 1][column - 1] == text.bare[at]


def test_words_in_no_quote_are_found_but_for_headings_numbers_and_marks() -> None:
    document = plan()
    spans = [clause.span for clause in document.clauses.values()]
    assert document.text.unquoted(spans, ["一、总则"]) == []
    left = document.text.unquoted(spans[:-1], [])
    assert [document.text.said(span) for span in left] == ["总则", "转移", "险情出现后2小时内转移群众"]


def test_who_is_responsible_is_read_out_of_the_brackets_with_brackets_inside() -> None:
    assert plan().responsible == {"（一）": ("水务站", "应急办（值班室）", "各社区")}


def test_a_changed_number_touches_the_clause_that_says_it_and_no_other() -> None:
    [found] = compare(plan(), Text(PLAN.replace("2小时", "1小时")))
    assert (found.how, [clause.id for clause in found.clauses]) == ("changed", ["R7"])
    assert found.after == "险情出现后1小时内转移群众。"
    [found] = compare(plan(), Text(PLAN.replace("及时上报", "立即上报")))
    assert [clause.id for clause in found.clauses] == ["R4"]


def test_what_is_taken_out_and_put_in_is_told_as_such() -> None:
    revised = PLAN.replace("台账及时归档。", "").replace(
        "（二）转移。", "（二）值守。汛期二十四小时值守。\n（三）转移。"
    )
    found = compare(plan(), Text(revised))
    assert [(each.how, each.before or each.after) for each in found if each.how != "changed"] == [
        ("removed", "台账及时归档。"),
        ("added", "（二）值守。"),
        ("added", "汛期二十四小时值守。"),
    ]
    assert [each.clauses[0].id for each in found if each.how == "removed"] == ["R5"]


def test_a_text_that_differs_in_blanks_alone_is_the_same() -> None:
    assert compare(plan(), Text(PLAN.replace("河 道", "河道").replace("\n\n", "\n  "))) == []


@pytest.mark.parametrize("at", range(0, len(Text(PLAN).bare), 3))
def test_no_sentence_that_changed_goes_untold(at: int) -> None:
    text = Text(PLAN)
    changed = text.written.replace(text.sentence_of(at), "")
    bare = "".join(changed.split())
    revised = Text(PLAN[: text._kept[at]] + "甲" + PLAN[text._kept[at] + 1 :])  # noqa: SLF001 - where a letter stands
    found = compare(plan(), revised)
    assert found, bare
    assert any(each.before == text.sentence_of(at) for each in found)
    touched = {clause.id for each in found for clause in each.clauses}
    assert {clause.id for clause in plan().at(Span(at, at + 1))} <= touched
