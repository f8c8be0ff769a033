from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.values import (
    Dated,
    Parameter,
    duration_words,
    local_day,
    midnight,
    parse_date,
    parse_duration,
    parse_offset,
    parse_time,
    same_name,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "length"), [("30m", timedelta(minutes=30)), ("2h", timedelta(hours=2)), ("14d", timedelta(days=14))]
)
def test_a_duration_says_its_unit(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["24", "-2h", "0h", "367d", "1e9d", "2 h", "2w", ""])
def test_a_duration_without_unit_or_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="时长"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("raw", "length"),
    [(0, timedelta(0)), ("0", timedelta(0)), ("-30m", timedelta(minutes=-30)), ("+2h", timedelta(hours=2))],
)
def test_an_offset_is_before_at_or_after(raw: object, length: timedelta) -> None:
    assert parse_offset(raw) == length


@pytest.mark.parametrize("raw", ["2h", "+400d", None, 3, "+2"])
def test_an_offset_without_sign_or_too_long_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="偏移"):
        parse_offset(raw)


def test_durations_are_told_in_words() -> None:
    assert duration_words(timedelta(days=1, hours=2, minutes=3)) == "1天2小时3分钟"
    assert duration_words(timedelta(0)) == "0分钟"


def test_a_time_needs_its_zone() -> None:
    assert parse_time("2022-05-26T08:00+08:00") == datetime(2022, 5, 26, tzinfo=UTC)
    with pytest.raises(ValueError, match="时区"):
        parse_time("2022-05-26T08:00")
    with pytest.raises(ValueError, match="时间写作"):
        parse_time("昨天")


def test_a_date_must_exist() -> None:
    assert parse_date("2022-05-26") == date(2022, 5, 26)
    with pytest.raises(ValueError, match="真实存在"):
        parse_date("2022-02-30")


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_midnight_is_the_first_moment_of_its_local_day(day: date) -> None:
    start = midnight(day, SHANGHAI)
    assert local_day(start, SHANGHAI) == day
    assert local_day(start - timedelta(microseconds=1), SHANGHAI) == day - timedelta(days=1)


def test_names_compare_after_nfkc_and_trimming() -> None:
    assert same_name(" Ａ区　") == "A区"


def test_a_parameter_says_the_value_in_force_on_a_day() -> None:
    parameter = Parameter("n", "数", "day", "", (Dated(date(2022, 5, 26), 14), Dated(date(2022, 6, 28), 7)))
    assert parameter.at(date(2022, 5, 25)) is None
    assert [parameter.at(day).value for day in (date(2022, 5, 26), date(2022, 6, 27), date(2022, 6, 28))] == [14, 14, 7]  # type: ignore[union-attr]
