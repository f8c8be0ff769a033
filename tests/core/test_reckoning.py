"""Which day it is of a count, whatever the facts: several anchors, days served, new exposures, clocks in a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.case import Case
from engine.core.conditions import Fact
from engine.core.errors import Refused
from engine.core.evolving import evolve, replay
from engine.core.guards import ClockGuard
from engine.core.judging import Attempt, Stated
from engine.core.lifecycle import advance, count_of, open_case
from engine.core.org import Actor
from engine.core.reckoning import Reckoning
from engine.core.record import from_json, to_json
from engine.core.rulebook import Rulebook
from engine.core.situation import Count
from engine.core.values import local_day, midnight
from engine.packs.pack import compile_pack, read_folder

NOW = datetime(2022, 5, 26, tzinfo=UTC)
OFFICER = Actor("zhihui", (("officer", "指挥部"),))


@pytest.fixture(scope="module")
def policy() -> Rulebook:
    return compile_pack(read_folder(Path(__file__).parents[1] / "packs" / "policy"))


def count(book: Rulebook, clock: str, facts: Mapping[str, Fact], workflow: str = "left_area") -> Count:
    return Reckoning(book, book.workflows[workflow], {}, NOW, facts).count(clock)


dates = st.dates(date(2022, 2, 1), date(2022, 12, 1))
some_dates = st.none() | dates
facts_of = st.fixed_dictionaries(
    {
        "left_on": some_dates,
        "arrived_on": some_dates,
        "exposed_again_on": some_dates,
        "days_served": st.none() | st.integers(0, 30),
    }
)


@given(facts=facts_of)
def test_the_first_known_anchor_counts_and_a_later_exposure_begins_anew(
    policy: Rulebook, facts: dict[str, Any]
) -> None:
    anchor = facts["left_on"] or facts["arrived_on"]
    again = facts["exposed_again_on"]
    told = count(policy, "central", facts)
    if again is not None and (anchor is None or again > anchor):
        assert told.day_zero == again
    elif anchor is None:
        assert told.day_zero is None
        assert told.cannot == "集中隔离无法起算：请先填写 离开日期（left_on） 或 抵达日期（arrived_on）"
    else:
        assert told.day_zero == anchor - timedelta(days=facts["days_served"] or 0)
    if told.day_zero:
        assert told.done_at == midnight(told.day_zero + timedelta(days=14), policy.zone)


@given(facts=facts_of, other=dates)
def test_an_exposure_told_besides_never_shortens_a_count(policy: Rulebook, facts: dict[str, Any], other: date) -> None:
    before = count(policy, "central", facts | {"exposed_again_on": None}).done_at
    after = count(policy, "central", facts | {"exposed_again_on": other}).done_at
    anchor = facts["left_on"] or facts["arrived_on"]
    assert after is not None
    if anchor is not None and before is not None:
        assert after >= before
        assert (after == before) or other > anchor


@given(facts=facts_of, hours=st.lists(st.integers(0, 24 * 40), min_size=2, max_size=6))
def test_once_a_clock_is_done_it_stays_done(policy: Rulebook, facts: dict[str, Any], hours: list[int]) -> None:
    told = count(policy, "central", facts)
    if told.done_at is None or told.day_zero is None:
        return
    start = midnight(told.day_zero, policy.zone)
    moments = [start + timedelta(hours=after) for after in sorted(hours)]
    days = [(local_day(at, policy.zone) - told.day_zero).days for at in moments]
    assert days == sorted(days)
    met = [told.done_at <= at for at in moments]
    assert met == sorted(met)
    assert [day >= 14 for day in days] == met


@given(facts=facts_of, level=st.sampled_from(["high", "medium", "low", "none", None]))
def test_a_clock_that_follows_is_never_done_before_the_other(
    policy: Rulebook, facts: dict[str, Any], level: str | None
) -> None:
    central = count(policy, "central", facts | {"origin_level": level})
    home = count(policy, "home", facts | {"origin_level": level})
    if central.done_at is None:
        assert home.done_at is None
        assert home.day_zero is None
        assert home.cannot.startswith("居家隔离无法起算：请先填写 离开日期")
    else:
        assert home.done_at is not None
        assert home.day_zero == local_day(central.done_at, policy.zone)
        assert home.done_at >= central.done_at + timedelta(days=13)


def test_a_clock_that_follows_outlives_even_days_served(policy: Rulebook) -> None:
    flow = policy.workflows["left_area"]
    home = replace(flow.clocks["home"], minus="days_served")
    changed = replace(flow, clocks={**flow.clocks, "home": home})
    book = replace(policy, workflows={**policy.workflows, "left_area": changed})
    facts: dict[str, Fact] = {"left_on": date(2022, 5, 1), "days_served": 30}
    assert count(book, "home", facts).done_at == count(book, "central", facts).done_at


def test_the_day_after_leaving_is_day_one(policy: Rulebook) -> None:
    facts = {"left_on": date(2022, 1, 1), "arrived_on": date(2022, 1, 4)}
    isolation = count(policy, "isolation", facts, "day_after")
    home = count(policy, "home", facts, "day_after")
    assert isolation.done_at == midnight(date(2022, 1, 9), policy.zone)
    assert (home.day_zero, home.done_at) == (date(2022, 1, 9), midnight(date(2022, 1, 16), policy.zone))


def test_a_clock_ends_early_once_and_runs_again_when_the_reason_is_gone(policy: Rulebook) -> None:
    stated = Stated({"left_on": date(2022, 5, 26), "origin_level": "medium"})
    first, _ = open_case(policy, "person", "S", stated, OFFICER, NOW, workflow="left_area")
    events = [first]
    case = evolve(None, first, "C")
    dues = [case.deadlines["release"].due]
    for hours, level in ((24, "low"), (30, "none"), (48, "high"), (60, "none")):
        at = NOW + timedelta(hours=hours)
        told = advance(policy, case, "level", OFFICER, Stated({"origin_level": level}), at)
        events += told
        case = evolve(case, told[0])
        dues.append(case.deadlines["release"].due)
    day = timedelta(days=1)
    assert dues == [dues[0], NOW + 2 * day, NOW + 2 * day, dues[0], NOW + timedelta(hours=60) + day]
    assert case.cut_short == {"central": NOW + timedelta(hours=60)}
    assert count_of(policy, case, "central").done_at == NOW + timedelta(hours=60)
    assert replay(events, "C") == case
    assert from_json(to_json(case), case.id, case.seq) == case
    assert ["cut_short" in event.data for event in events] == [False, True, False, True, True]


def open_left(policy: Rulebook, **facts: Fact) -> Case:
    stated = Stated({"left_on": date(2022, 5, 26), **facts})
    first, _ = open_case(policy, "person", "S", stated, OFFICER, NOW, workflow="left_area")
    return evolve(None, first, "C")


def test_a_clock_reached_by_days_does_not_end_early(policy: Rulebook) -> None:
    attempt = Attempt.of(policy, open_left(policy, origin_level="high"), OFFICER, Stated({"origin_level": "low"}), NOW)
    transition = attempt.transition("go_home")
    assert attempt.conditions(transition) == []
    by_days = replace(transition, when=((ClockGuard("central", 12),),))
    (told,) = attempt.conditions(by_days)
    assert told.what == "集中隔离须满 12 天，今天是第 0 天，2022-06-07 0 时起方可（还差 12 天）"


@pytest.mark.parametrize("level", ["low", None])
def test_what_was_so_from_the_beginning_or_becomes_known_ends_no_clock(policy: Rulebook, level: str | None) -> None:
    case = open_left(policy, origin_level=level)
    told = advance(policy, case, "level", OFFICER, Stated({"origin_level": "none"}), NOW + timedelta(days=2))
    case = evolve(case, told[0])
    assert case.cut_short == {}
    assert count_of(policy, case, "central").done_at == midnight(date(2022, 6, 9), policy.zone)


def test_a_clock_without_days_in_force_says_so(policy: Rulebook) -> None:
    early = Reckoning(
        policy, policy.workflows["left_area"], {}, datetime(2020, 1, 1, tzinfo=UTC), {"left_on": date(2020, 1, 1)}
    )
    assert early.count("central").cannot == "集中隔离没有适用的天数参数"
    assert early.count("home").cannot == "居家隔离无法起算：请先填写 集中隔离的天数"


@pytest.mark.parametrize("verb", ["level", "go_home"])
def test_days_served_are_not_stated_by_hand_once_a_count_runs(policy: Rulebook, verb: str) -> None:
    case = open_left(policy, origin_level="high")
    now = NOW + timedelta(days=15)
    if verb == "go_home":
        case = evolve(case, advance(policy, case, verb, OFFICER, Stated(), now)[0])
    stated = Stated({"origin_level": "high", "days_served": 9})
    with pytest.raises(Refused, match="别处已隔离天数会把集中隔离的第 0 天从 2022-05-26 提前到 2022-05-17"):
        advance(policy, case, "level", OFFICER, stated, now)
