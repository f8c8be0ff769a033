"""When recurring work is due: daily, every so many days, and only where it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.case import Plan, micros, moment
from engine.core.planning import DAY, due_next, dues
from engine.core.values import local_day

ZONE = ZoneInfo("Asia/Shanghai")
START = micros(datetime(2022, 5, 26, 2, 30, tzinfo=UTC))


def test_every_seven_days_is_counted_from_the_day_of_the_entry() -> None:
    plan = Plan("test", 1, (), ("08:00", "12:00"), START, 0, "", 7)
    due = [moment(at).astimezone(ZONE).strftime("%m-%d %H:%M") for at in dues(plan, 0, START + 15 * DAY, ZONE)]
    assert due == ["05-26 12:00", "06-02 08:00", "06-02 12:00", "06-09 08:00", "06-09 12:00"]


@given(every=st.integers(1, 400), start=st.integers(0, 1000), after=st.integers(-5000, 50_000), hour=st.integers(0, 23))
def test_the_next_time_is_there_on_a_right_day_and_none_was_missed(
    every: int, start: int, after: int, hour: int
) -> None:
    began = START + start * 3_600_000_000
    plan = Plan("test", 1, (), (f"{hour:02d}:00",), began, 0, "", every)
    since = began + after * 3_600_000_000
    found = due_next(plan, since, ZONE)
    assert found is not None
    assert found > since
    assert found >= began
    assert (local_day(moment(found), ZONE) - local_day(moment(began), ZONE)).days % every == 0
    assert list(dues(plan, since + 1, found, ZONE)) == [found]
    days = (moment(found) - max(moment(since), moment(began))) / timedelta(days=1)
    assert days <= every + (1 if every == 1 else 0)


@pytest.mark.parametrize("every", [1, 3])
def test_a_day_is_the_same_whichever_stretch_is_asked_for(every: int) -> None:
    plan = Plan("test", 1, (), ("08:00",), START, 0, "", every)
    whole = list(dues(plan, 0, START + 30 * DAY, ZONE))
    parts = [at for day in range(31) for at in dues(plan, START + day * DAY + 1, START + (day + 1) * DAY, ZONE)]
    assert [at for at in whole if at > START] == [at for at in parts if at <= START + 30 * DAY]
