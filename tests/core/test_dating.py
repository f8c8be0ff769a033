"""The gate is not opened by what is written down, but by what has passed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.core import custody, lifecycle
from engine.core.case import Case
from engine.core.errors import Refused
from engine.core.evolving import evolve
from engine.core.judging import Stated
from engine.core.rulebook import Rulebook
from tests.core.test_lifecycle import admitted, after, open_, step, who

NOW = datetime(2022, 5, 28, 0, 0, tzinfo=UTC)
CONTACT = {"contact": "密切接触者", "community": "华业社区"}
ARRIVAL = {"origin_level": "high", "community": "华业社区"}


def in_transit(book: Rulebook, **facts: Any) -> Case:
    case, _ = open_(book, CONTACT | facts, NOW)
    case = step(book, case, "verify", "huaye", NOW + timedelta(hours=1), checked_at=NOW + timedelta(hours=1))
    moment = NOW + timedelta(hours=2)
    return step(book, case, "depart", "zhuanyun", moment, vehicle="皖A", departed_at=moment)


def refusal(book: Rulebook, case: Case, name: str, user: str, now: datetime, **facts: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        step(book, case, name, user, now, **facts)
    assert all(problem.expected == "更早的事实请按更正办理" for problem in refused.value.problems)
    return [problem.what for problem in refused.value.problems]


def test_nobody_is_released_minutes_after_discovery_by_dates_of_long_ago(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT, NOW)
    long_ago = datetime(2022, 1, 1, tzinfo=UTC)
    later = NOW + timedelta(minutes=30)
    assert refusal(book, case, "verify", "huaye", later, checked_at=long_ago) == [
        "核查时间（checked_at）早于立案前 1天"
    ]
    assert refusal(book, case, "verify", "huaye", later, checked_at=NOW, last_exposure=date(2022, 1, 1)) == [
        "末次接触日期（last_exposure）早于立案前 30天"
    ]
    moved = in_transit(book)
    late = NOW + timedelta(hours=3)
    with pytest.raises(Refused, match="入住时间（quarantine_started）早于发车时间"):
        admitted(book, moved, late, quarantine_started=long_ago)
    inside = admitted(book, moved, late, quarantine_started=late)
    swab = {"pcr_result": "阴性", "sampled_at": long_ago}
    assert refusal(book, inside, "test", "geli", late, **swab) == ["采样时间（sampled_at）早于立案"]


def test_no_step_is_said_to_have_been_before_the_one_before_it(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT, NOW)
    case = step(book, case, "verify", "huaye", NOW + timedelta(hours=5), checked_at=NOW + timedelta(hours=2))
    early = {"vehicle": "皖A", "departed_at": NOW + timedelta(hours=1)}
    assert refusal(book, case, "depart", "zhuanyun", NOW + timedelta(hours=6), **early) == [
        "发车时间（departed_at）早于核查时间"
    ]


def test_steps_typed_in_late_keep_the_times_at_which_they_were_done(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT, NOW)
    evening = NOW + timedelta(hours=10)
    case = step(book, case, "verify", "huaye", evening, checked_at=NOW - timedelta(hours=1))
    case = step(book, case, "depart", "zhuanyun", evening, vehicle="皖A", departed_at=NOW + timedelta(hours=1))
    arrived = NOW + timedelta(hours=3)
    assert admitted(book, case, evening, quarantine_started=arrived).state == "quarantined"


def test_days_before_discovery_count_when_they_are_stated_in_good_time(book: Rulebook) -> None:
    case = in_transit(book, last_exposure=date(2022, 5, 23))
    assert lifecycle.count_of(book, case, "quarantine").day_zero == date(2022, 5, 23)
    arrival, _ = open_(book, ARRIVAL | {"arrived_on": date(2022, 5, 20)}, NOW)
    filled_in = step(book, arrival, "verify", "huaye", NOW, checked_at=NOW, left_on=date(2022, 5, 18))
    assert lifecycle.count_of(book, filled_in, "isolation").day_zero == date(2022, 5, 18)


def test_what_a_list_says_of_long_ago_is_the_senders(book: Rulebook) -> None:
    stated = Stated(ARRIVAL | {"left_on": date(2022, 3, 1)})
    sender = who(book, "shuju")
    with pytest.raises(Refused, match="离开时间（left_on）早于立案前 30天"):
        lifecycle.open_case(book, "person", "S", stated, sender, NOW)
    event, _ = lifecycle.open_case(book, "person", "S", stated, sender, NOW, origin={"source": "区数据组"})
    assert event.data["facts"]["left_on"] == "2022-03-01"


def test_a_known_day_zero_is_not_moved_back(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT | {"last_exposure": date(2022, 5, 26)}, NOW)
    told = refusal(book, case, "verify", "huaye", NOW, checked_at=NOW, last_exposure=date(2022, 5, 14))
    assert told == ["末次接触日期会把集中隔离医学观察的第 0 天从 2022-05-26 提前到 2022-05-14"]
    later = step(book, case, "verify", "huaye", NOW, checked_at=NOW, last_exposure=date(2022, 5, 27))
    assert lifecycle.count_of(book, later, "quarantine").day_zero == date(2022, 5, 27)


def test_a_running_clock_is_not_moved_back_by_an_anchor_that_was_unknown(book: Rulebook) -> None:
    case = in_transit(book)
    case = admitted(book, case, NOW + timedelta(hours=3), quarantine_started=NOW + timedelta(hours=3))
    flow = book.workflows["close_contact"]
    test = flow.transitions["test"]
    asks = replace(test, evidence=(*test.evidence, replace(test.evidence[0], field="last_exposure", required=False)))
    loose = replace(flow, transitions={**flow.transitions, "test": asks})
    other = replace(book, workflows={**book.workflows, "close_contact": loose})
    later = NOW + timedelta(days=1)
    told = refusal(
        other, case, "test", "geli", later, pcr_result="阴性", sampled_at=later, last_exposure=date(2022, 5, 10)
    )
    assert told == ["末次接触日期会把集中隔离医学观察的第 0 天从 2022-05-28 提前到 2022-05-10"]


def test_management_begins_when_it_begins(book: Rulebook) -> None:
    case, _ = open_(book, {"symptoms": "发热", "community": "华业社区"}, NOW)
    assert refusal(book, case, "enrol", "huaye", NOW, managed_from=date(2022, 5, 27)) == [
        "纳管日期（managed_from）早于立案"
    ]
    assert step(book, case, "enrol", "huaye", NOW, managed_from=date(2022, 5, 28)).state == "monitored"


def test_nobody_leaves_hospital_before_she_came_to_it(book: Rulebook) -> None:
    event, _ = lifecycle.open_case(book, "person", "S", Stated({"pcr_result": "阳性"}), who(book, "shuju"), NOW)
    case = evolve(None, event, "C")
    case = step(book, case, "send_sample", "shewu", NOW, sent_at=NOW)
    case = step(book, case, "confirm", "shewu", NOW, recheck_result="阳性")
    case = step(book, case, "hospitalise", "zhuanyun", NOW)
    taken = Stated({"hospital": "院", "admitted_at": NOW, "receipt": "R"})
    case = after(case, custody.accept(book, case, who(book, "zhuanyun"), taken, NOW))
    told = refusal(book, case, "discharge", "shewu", NOW, discharged_on=date(2022, 5, 10), proof="P")
    assert told == ["出院日期早于入院时间"]


def test_who_tests_positive_again_comes_back_to_hospital_after_her_discharge(book: Rulebook) -> None:
    facts: dict[str, Any] = {"pcr_result": "阳性", "discharged_on": date(2022, 5, 20)}
    event, _ = lifecycle.open_case(book, "person", "S", Stated(facts), who(book, "shuju"), NOW)
    case = evolve(None, event, "C")
    case = step(book, case, "send_sample", "shewu", NOW, sent_at=NOW)
    case = step(book, case, "confirm", "shewu", NOW, recheck_result="阳性")
    case = step(book, case, "hospitalise", "zhuanyun", NOW)
    taken = Stated({"hospital": "院", "admitted_at": NOW, "receipt": "R"})
    case = after(case, custody.accept(book, case, who(book, "zhuanyun"), taken, NOW))
    assert case.state == "in_hospital"
    told = refusal(book, case, "discharge", "shewu", NOW, discharged_on=date(2022, 5, 21), proof="P")
    assert "出院日期早于入院时间" in told
