from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from engine.core.conditions import Field
from engine.intake.clean import (
    Cleaned,
    Cleaner,
    ahead,
    clean_date,
    clean_id,
    clean_name,
    clean_phone,
    clean_text,
    cleaner,
    formula,
)

KNOWN = date(2022, 5, 28)
NOW = datetime(2022, 5, 28, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
GOOD = "340102196502162100"


@pytest.mark.parametrize(
    ("cell", "value", "normalised"),
    [
        (GOOD, GOOD, ()),
        (f" {GOOD}　", GOOD, ("spaces",)),
        (f"\u202d{GOOD}\u202c", GOOD, ("spaces",)),
        (" \u200b ", None, ()),
        ("３４０１０２１９６５０２１６２１００", GOOD, ("id_full_width",)),
        ("34010419910301166x", "34010419910301166X", ("id_lower_x",)),
        (None, None, ()),
        ("  ", None, ()),
    ],
)
def test_an_id_number_is_put_right_where_nothing_is_lost(cell: Any, value: Any, normalised: tuple[str, ...]) -> None:
    assert clean_id(cell) == Cleaned(value, normalised)


@pytest.mark.parametrize(
    ("cell", "kind", "code"),
    [
        (3.404031990010113e17, "id_ruined", "SHEET-010"),
        (340102196502162100, "id_ruined", "SHEET-010"),
        ("3.40403E+17", "id_ruined", "SHEET-010"),
        ("34010219650216210", "id_length", "SHEET-011"),
        ("340102650216210", "id_length", "SHEET-011"),
        ("340102196502162101", "id_checksum", "SHEET-011"),
        ("34010219650216210A", "id_checksum", "SHEET-011"),
        ("፩" * 18, "id_checksum", "SHEET-011"),
        ("٣٤٠١٠٢١٩٦٥٠٢١٦٢١٠٠", "id_checksum", "SHEET-011"),
        ("340102196502302100"[:17] + ric.calc_check_digit("340102196502302100"), "id_birth", "SHEET-011"),
    ],
)
def test_a_ruined_or_wrong_id_number_is_refused_without_being_quoted(cell: Any, kind: str, code: str) -> None:
    done = clean_id(cell)
    assert (done.error, done.code, done.value) == (kind, code, None)
    assert str(cell) not in done.why


def test_nobody_is_born_after_the_day_of_the_list() -> None:
    unborn = "34010220300101001"
    number = unborn + ric.calc_check_digit(unborn + "0")
    read = cleaner(Field("id_number", "身份证号", "text", check="cn_id"), known_at=NOW)
    assert read(number).error == "id_birth"
    assert read(GOOD).value == GOOD


@given(st.sampled_from([clean_id, clean_phone, clean_name, lambda cell: clean_date(cell, KNOWN)]), st.text())
def test_no_text_whatever_stops_the_list(clean: Cleaner, cell: str) -> None:
    assert isinstance(clean(cell), Cleaned)


@given(st.integers(0, 16), st.integers(1, 9))
def test_any_one_wrong_digit_is_noticed(place: int, step: int) -> None:
    digit = str((int(GOOD[place]) + step) % 10)
    assert clean_id(GOOD[:place] + digit + GOOD[place + 1 :]).error in ("id_checksum", "id_birth")


@pytest.mark.parametrize(
    ("cell", "value", "normalised"),
    [
        ("13900001234", "13900001234", ()),
        (13900001234.0, "13900001234", ()),
        ("+8613900001234", "13900001234", ("phone_plus86",)),
        ("139 0000 1234", "13900001234", ("phone_spaces",)),
        ("0551-62345678", "055162345678", ("phone_spaces",)),
        ("（0551）62345678", "055162345678", ("phone_spaces",)),
        ("139–0000–1234", "13900001234", ("phone_spaces",)),
        ("8613900001234", "13900001234", ("phone_plus86",)),
        ("(+86) 139 0000 1234", "13900001234", ("phone_plus86", "phone_spaces")),
        ("", None, ()),
    ],
)
def test_a_phone_number_is_put_right(cell: Any, value: Any, normalised: tuple[str, ...]) -> None:
    assert clean_phone(cell) == Cleaned(value, normalised)


@pytest.mark.parametrize("cell", ["1390000123", "12345678901", "abc"])
def test_what_is_no_phone_number_is_refused(cell: str) -> None:
    assert clean_phone(cell).error == "phone_invalid"


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (date(2022, 5, 26), date(2022, 5, 26)),
        (datetime(2022, 5, 26, 12, 30), date(2022, 5, 26)),  # noqa: DTZ001 - a cell has no zone
        ("2022/5/26", date(2022, 5, 26)),
        ("2022-05-26", date(2022, 5, 26)),
        ("20220526", date(2022, 5, 26)),
        ("2022年5月26日", date(2022, 5, 26)),
        ("２０２２年５月２６日", date(2022, 5, 26)),
        ("5月26日", date(2022, 5, 26)),
        ("5月29日", date(2022, 5, 29)),
        ("12月31日", date(2021, 12, 31)),
        ("26.5.2022", date(2022, 5, 26)),
        (44707, date(2022, 5, 26)),
        (44707.0, date(2022, 5, 26)),
        ("44707", date(2022, 5, 26)),
        (None, None),
    ],
)
def test_a_day_is_read_in_every_form_offices_write(cell: Any, day: date | None) -> None:
    assert clean_date(cell, KNOWN).value == day


@pytest.mark.parametrize(
    "cell",
    [
        "2022-02-30",
        "2月30日",
        "昨天",
        "13/40/2022",
        "99999999",
        3,
        "፩፩፩፩፩",
        "1" * 5000,
        "0001-01-01",
        "9999-12-31",
        date(9999, 12, 31),
    ],
)
def test_a_day_that_never_was_is_refused_with_the_forms_that_are_read(cell: Any) -> None:
    done = clean_date(cell, KNOWN)
    assert (done.error, done.code) == ("date_impossible", "SHEET-013")
    assert "5月26日" in done.why


def test_a_name_spaced_out_to_fill_its_column_is_the_same_name() -> None:
    assert clean_name("李　四") == Cleaned("李四", ("spaces",))
    assert clean_name("李\n四") == Cleaned("李四", ("spaces",))
    assert clean_name("Anna Smith") == Cleaned("Anna Smith")
    assert clean_name("<script>") == Cleaned("<script>")
    for name in ("Anna\nSmith", "Anna\tSmith", "李\x1b[31m四", "李\x00四", "李\u2028Smith"):
        assert clean_name(name).code == "SHEET-017", name
    assert clean_name("\u200b").value is None


def test_texts_keep_what_looks_like_a_formula_but_for_real_ones() -> None:
    assert clean_text("-3 栋").value == "-3 栋"
    assert clean_text("@甲").value == "@甲"
    assert clean_text("=A1+B1").value == "=A1+B1"
    refused = formula("=A1+B1")
    assert refused is not None
    assert refused.code == "SHEET-014"
    assert formula("-3 栋") is None
    assert formula(3) is None
    assert clean_name("　").value is None
    assert clean_text(3.0).value == "3"


def test_options_are_read_by_name_title_and_what_the_sender_calls_them() -> None:
    field = Field("symptoms", "症状", "enum", ("无", "many"), {"many": "多种症状"})
    read = cleaner(field, known_at=NOW, meanings={"发热、乏力": "many"})
    assert [read(cell).value for cell in ("无", "多种症状", "发热、乏力", "", None)] == [
        "无",
        "many",
        "many",
        None,
        None,
    ]
    assert read("头晕").code == "SHEET-015"


def test_units_are_read_by_present_and_former_names() -> None:
    field = Field("community", "社区", "unit")
    former = {"老社区": "新社区", "新社区": "新社区"}
    read = cleaner(field, known_at=NOW, current=former.get, shown=("新社区",))
    assert read("老社区 ").value == "新社区"
    wrong = read("新社厅")
    assert wrong.error == "community_unknown"
    assert "did you mean 新社区" in wrong.why


def test_other_types_are_read_as_they_are_declared() -> None:
    number = cleaner(Field("n", "次数", "integer", low=1, high=9), known_at=NOW)
    assert number("3").value == 3
    assert number("30").code == "SHEET-017"
    assert number(None).value is None
    assert cleaner(Field("t", "备注", "text"), known_at=NOW)("甲").value == "甲"


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e999", "Infinity"])
def test_no_number_is_endless_or_none_at_all(cell: str) -> None:
    assert cleaner(Field("n", "体温", "number"), known_at=NOW)(cell).code == "SHEET-017"


@pytest.mark.parametrize(
    "cell",
    [
        "2022-05-28 08:30",
        "2022/5/28 8:30",
        "2022年5月28日 8:30",
        "2022-05-28T08:30:00",
        "２０２２-０５-２８　０８：３０",
        "2022-05-28T00:30Z",
        datetime(2022, 5, 28, 8, 30),  # noqa: DTZ001 - as a workbook gives it
    ],
)
def test_a_time_without_its_zone_is_that_of_the_office(cell: Any) -> None:
    read = cleaner(Field("t", "采样时间", "time"), known_at=NOW)
    assert read(cell).value == datetime(2022, 5, 28, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("cell", ["2022-05-28", "8:30", "2022-05-28 24:30", "0001-01-01T00:00+08:00", "昨天"])
def test_what_is_no_time_is_told_how_to_write_one(cell: str) -> None:
    assert "2022-05-26 18:00" in cleaner(Field("t", "采样时间", "time"), known_at=NOW)(cell).why


def test_what_has_happened_does_not_lie_ahead() -> None:
    day, moment = Field("d", "离开时间", "date"), Field("t", "采样时间", "time")
    assert ahead(day, KNOWN + timedelta(days=1), NOW) is None
    assert getattr(ahead(day, KNOWN + timedelta(days=2), NOW), "error", "") == "date_future"
    assert ahead(moment, NOW + timedelta(minutes=1), NOW) is None
    assert getattr(ahead(moment, NOW + timedelta(hours=1), NOW), "error", "") == "time_future"
    assert ahead(Field("t", "预计发车", "time", future=True), NOW + timedelta(hours=1), NOW) is None
