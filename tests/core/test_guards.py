"""What a `when:` asks of results, children and index cases: each cell agrees with a naive reading of the same words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from engine.core.case import Case, Child, Done, Entry, Offer
from engine.core.guards import ChildrenGuard, Guard, HandOverGuard, NoIndexGuard
from engine.core.situation import Count, Situation
from engine.core.taskguards import Asked, DaysGuard, FirstGuard, GapGuard, LastGuard, TimesGuard

ZONE = ZoneInfo("Asia/Shanghai")
ZERO = date(2022, 5, 26)
START = datetime(2022, 5, 25, 16, tzinfo=UTC)
"""00:00 of day 0."""
OWN = Asked("t", "核酸", "c")
TWICE = "缺少连续 2 次核酸结果为 阴性（间隔不小于 1天）"
INDEX = Asked("t", "核酸", index=True)
CASE = Case(
    id="C",
    workflow="w",
    release=1,
    subject="S",
    state="s",
    owner="甲",
    lead="甲",
    supporting=(),
    category="",
    outcome={},
    opened_at=START,
    entered=Entry(START, 1),
    held=Entry(START, 1),
    facts={},
    personal=frozenset(),
    stages={},
    acted={},
    involved=frozenset(),
    deadlines={},
)


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def done(*told: tuple[float, str], task: str = "t", of: str = "") -> tuple[Done, ...]:
    return tuple(Done(task, result, hours(at), number, of) for number, (at, result) in enumerate(told))


def unmet(guard: Guard, now: datetime, **case: Any) -> str:
    count = Count("隔离", ZERO, 14, START + timedelta(days=14), "")
    days = {"days": (1, 4), "none": None}
    return guard.unmet(
        Situation(
            structs.replace(CASE, **case),
            {},
            frozenset(),
            "u",
            now,
            ZONE,
            lambda _: count,
            lambda name: days[name],
            START,
        )
    )


results = st.lists(
    st.tuples(st.integers(0, 24 * 8 * 4).map(lambda quarter: quarter / 4), st.sampled_from(["阴性", "阳性"])),
    max_size=9,
)


def ordered(told: list[tuple[float, str]]) -> list[tuple[float, str]]:
    return [pair for _, pair in sorted(enumerate(told), key=lambda item: (item[1][0], item[0]))]


@given(results, st.integers(1, 4), st.sampled_from([None, 24, 72]), st.sampled_from([None, 12, 24]))
def test_so_many_results_in_a_row_apart_and_within(
    told: list[tuple[float, str]], times: int, within: int | None, apart: int | None
) -> None:
    run: list[float] = []
    for at, result in ordered(told):
        run = [*run, at] if result == "阴性" else []
    expected = any(
        (within is None or chosen[-1] - chosen[0] <= within)
        and all(apart is None or later - before >= apart for before, later in pairwise(chosen))
        for chosen in combinations(run, times)
    )
    guard = TimesGuard(
        OWN, "阴性", times, timedelta(hours=within) if within else None, timedelta(hours=apart) if apart else None
    )
    assert (unmet(guard, hours(24 * 9), results=done(*told)) == "") is expected


@given(results, st.lists(st.integers(0, 8), min_size=1, max_size=4, unique=True), st.integers(1, 2))
def test_on_each_of_the_days_the_last_results_are_right(
    told: list[tuple[float, str]], days: list[int], times: int
) -> None:
    expected = True
    for day in days:
        of_the_day = [result for at, result in ordered(told) if at // 24 == day]
        expected = expected and len(of_the_day) >= times and set(of_the_day[-times:]) == {"阴性"}
    guard = DaysGuard(OWN, "阴性", tuple(days), times)
    assert (unmet(guard, hours(24 * 9), results=done(*told)) == "") is expected


@given(results, st.integers(1, 4))
def test_the_first_results_are_all_right(told: list[tuple[float, str]], first: int) -> None:
    expected = [result for _, result in ordered(told)][:first] == ["阴性"] * first
    assert (unmet(FirstGuard(OWN, "阴性", first), hours(24 * 9), results=done(*told)) == "") is expected
    index = unmet(FirstGuard(INDEX, "阴性", first), hours(24 * 9), index_results=done(*told, of="I"))
    assert (index == "") is expected


@given(results, st.sampled_from([24, 48]), st.booleans())
def test_no_time_without_a_result_was_too_long(told: list[tuple[float, str]], most: int, strict: bool) -> None:
    now = 24 * 9
    points = sorted([0, *(at for at, _ in told), now])
    longest = max(later - before for before, later in pairwise(points))
    guard = GapGuard(OWN, timedelta(hours=most), strict)
    assert (unmet(guard, hours(now), results=done(*told)) == "") is (longest < most if strict else longest <= most)


@given(results, st.integers(0, 8), st.sampled_from([None, 24, 48]))
def test_the_last_result_is_right_late_enough_and_new_enough(
    told: list[tuple[float, str]], day: int, within: int | None
) -> None:
    now = 24 * 9
    last = ordered(told)[-1:]
    expected = any(
        result == "阴性" and at // 24 >= day and (within is None or now - at <= within) for at, result in last
    )
    guard = LastGuard(OWN, "阴性", str(day), timedelta(hours=within) if within else None)
    assert (unmet(guard, hours(now), results=done(*told)) == "") is expected


@pytest.mark.parametrize(
    ("guard", "told", "now", "words"),
    [
        (
            TimesGuard(OWN, "阴性", 2, None, timedelta(days=1)),
            [(10, "阴性")],
            30,
            f"{TWICE}：现有 1 次（05-26 10:00），还差 1 次，下一次采样不早于 05-27 10:00",
        ),
        (
            TimesGuard(OWN, "阴性", 2, timedelta(days=3)),
            [(10, "阴性")],
            100,
            "缺少连续 2 次核酸结果为 阴性（在 3天内）：现有 1 次（05-26 10:00），隔得太久，须重新采样 2 次",
        ),
        (TimesGuard(OWN, "阴性", 2), [(1, "阳性")], 2, "缺少连续 2 次核酸结果为 阴性：最近一次（05-26 01:00）为 阳性"),
        (
            DaysGuard(OWN, "阴性", "days", 2),
            [(25, "阴性")],
            26,
            "要求第 1、4 天的核酸结果均为 阴性（每天 2 次）：第 1 天只有 1 次，第 4 天（2022-05-30）还没有到",
        ),
        (DaysGuard(OWN, "阴性", (0,)), [(1, "阳性")], 26, "要求第 0 天的核酸结果均为 阴性：第 0 天为 阳性"),
        (DaysGuard(OWN, "阴性", "none"), [], 26, "核酸没有适用的检测日参数 none"),
        (LastGuard(OWN, "阴性", "none"), [], 26, "核酸没有适用的检测日参数 none"),
        (
            LastGuard(OWN, "阴性", "", timedelta(hours=48)),
            [(1, "阴性")],
            73,
            "缺少2天内采样的核酸结果为 阴性：最近一次采样在 05-26 01:00，已过 3天",
        ),
        (
            GapGuard(OWN, timedelta(hours=48), strict=True),
            [(1, "阴性")],
            50,
            "要求进入本阶段以来核酸的间隔都小于 2天：05-26 01:00 至 现在 之间隔了 2天1小时",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, tuple) else None,
)
def test_a_refusal_says_what_is_asked_what_is_there_and_what_would_do(
    guard: Guard, told: list[tuple[float, str]], now: float, words: str
) -> None:
    assert unmet(guard, hours(now), results=done(*told)) == words


def test_results_of_another_task_and_of_other_cases_do_not_count() -> None:
    other = done((1, "阴性"), (2, "阴性"), task="other")
    assert "还没有任何结果" in unmet(TimesGuard(OWN, "阴性", 2), hours(9), results=other)
    own = done((1, "阴性"), (2, "阴性"))
    assert (
        unmet(FirstGuard(INDEX, "阴性", 2), hours(9), results=own)
        == "要求上级案件的核酸前 2 次结果均为 阴性，现有 0 次"
    )


def test_each_case_that_this_one_hangs_on_must_have_tested_negative_first() -> None:
    told = done((1, "阴性"), (2, "阴性"), of="I1")
    parents = {"I1": "contacts", "I2": "contacts"}
    guard = FirstGuard(INDEX, "阴性", 2)
    assert unmet(guard, hours(9), index_results=told, parents=parents).endswith("I2 的现有 0 次")
    told += done((1, "阴性"), (2, "阴性"), of="I2")
    assert unmet(guard, hours(9), index_results=told, parents=parents) == ""


@given(
    st.dictionaries(st.sampled_from("abcd"), st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["", "closed"])))
)
def test_children_are_joined_by_all_any_and_kind(linked: dict[str, tuple[str, str]]) -> None:
    children = {name: Child(kind, final) for name, (kind, final) in linked.items()}
    of_x = [final for kind, final in linked.values() if kind == "x"]
    assert (unmet(ChildrenGuard("x", "子"), START, children=children) == "") is all(of_x)
    assert (unmet(ChildrenGuard("x", "子", any_one=True), START, children=children) == "") is any(of_x)
    assert (unmet(ChildrenGuard("", "子"), START, children=children) == "") is all(f for _, f in linked.values())


def test_children_and_hand_overs_are_told_by_name() -> None:
    children = {"C1": Child("x"), "C2": Child("x", "closed")}
    assert unmet(ChildrenGuard("x", "密接"), START, children=children) == "密接还有 1 件未办结：C1"
    assert unmet(ChildrenGuard("x", "密接", any_one=True), START) == "要求密接至少办结一件，现在一件也没有"
    assert unmet(HandOverGuard(), START) == ""
    offer = Offer("隔离点", "admit", "", START, 2)
    assert unmet(HandOverGuard(), START, offer=offer) == "已交 隔离点，等待签收，签收或退回之后方可办理"
    assert unmet(NoIndexGuard(), START) == ""
    assert unmet(NoIndexGuard(), START, parents={"I1": "x"}) == "只适用于没有上级案件的案件，本案挂在 I1 名下"
