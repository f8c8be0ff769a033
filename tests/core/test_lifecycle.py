from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.core import custody, lifecycle
from engine.core.case import Case, Event
from engine.core.errors import BadInput, Refused
from engine.core.evolving import evolve, replay
from engine.core.judging import Stated
from engine.core.org import Actor
from engine.core.record import from_json, to_json
from engine.core.rulebook import Rulebook

NOW = datetime(2022, 5, 26, 0, 0, tzinfo=UTC)
CONTACT = {"contact": "密切接触者", "community": "华业社区", "last_exposure": date(2022, 5, 26)}


def who(book: Rulebook, user: str) -> Actor:
    actor = book.organisation.actor(user)
    assert actor is not None
    return actor


def open_(book: Rulebook, facts: dict[str, Any], now: datetime = NOW) -> tuple[Case, Event]:
    event, _ = lifecycle.open_case(book, "person", "S1", Stated(facts, frozenset({"name"})), who(book, "shuju"), now)
    return evolve(None, event, "C1"), event


def after(case: Case, events: Iterable[Event]) -> Case:
    for event in events:
        case = evolve(case, event)
    return case


def step(book: Rulebook, case: Case, name: str, user: str, now: datetime, **facts: Any) -> Case:
    return after(case, lifecycle.advance(book, case, name, who(book, user), Stated(facts), now))


def in_quarantine(book: Rulebook, **facts: Any) -> Case:
    case, _ = open_(book, CONTACT | facts)
    case = step(book, case, "verify", "huaye", NOW, checked_at=NOW)
    case = step(book, case, "depart", "zhuanyun", NOW, vehicle="皖A", departed_at=NOW)
    return admitted(book, case, NOW, quarantine_started=NOW)


def admitted(book: Rulebook, case: Case, now: datetime, **facts: Any) -> Case:
    """Sent to the quarantine site and accepted there."""
    case = step(book, case, "admit", "zhuanyun2", now, site="集中隔离点")
    stated = Stated({"room": "1"} | facts)
    return after(case, custody.accept(book, case, who(book, "geli"), stated, now))


def reasons(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [problem.what for problem in refused.value.problems]


def day(number: int, hour: int = 0) -> datetime:
    """Hour of a local day, counted from the day of the last exposure."""
    return datetime(2022, 5, 25, 16, tzinfo=UTC) + timedelta(days=number, hours=hour)


def test_a_case_opens_where_the_rules_say_with_owner_deadline_and_clause(book: Rulebook) -> None:
    case, event = open_(book, CONTACT)
    assert (case.workflow, case.state, case.owner, case.category) == ("close_contact", "found", "华业社区", "密接")
    assert case.deadlines["verify"].due == NOW + timedelta(hours=2)
    assert event.data["decision"]["rules"] == ["P03"]
    assert event.data["decision"]["clauses"] == ["二（一）2"]


def test_a_combination_no_rule_covers_goes_to_the_default_owner(book: Rulebook) -> None:
    case, event = open_(book, {"pcr_result": "阴性"})
    assert case.owner == book.default_owner
    assert case.workflow == book.default_workflow
    assert event.data["decision"]["matched"] is False
    assert case.deadlines


def test_release_waits_for_day_fourteen_the_last_test_and_another_person(book: Rulebook) -> None:
    case = in_quarantine(book)
    case = step(book, case, "test", "geli", day(7), pcr_result="阴性", sampled_at=day(7))
    with pytest.raises(Refused) as refused:
        step(book, case, "release", "geli", day(13, 23))
    assert reasons(refused) == [
        "集中隔离医学观察须满 14 天，今天是第 13 天，2022-06-09 0 时起方可（还差 1 天）",
        "缺少第 14 天及以后采样的核酸检测结果为 阴性：最近一次采样在第 7 天",
        "须由自进入“隔离”以来未经办本案的人员办理，geli 已经办过，请换人",
    ]
    case = step(book, case, "test", "geli", day(14), pcr_result="阴性", sampled_at=day(14))
    released = step(book, case, "release", "shenpi", day(14))
    assert (released.state, released.final, released.owner, released.deadlines) == ("released", "released", "", {})


def test_release_opens_at_midnight_of_the_last_day_and_not_a_moment_sooner(book: Rulebook) -> None:
    case = in_quarantine(book)
    almost = day(14) - timedelta(microseconds=1)
    case = step(book, case, "test", "geli", almost, pcr_result="阴性", sampled_at=day(14))
    with pytest.raises(Refused, match="还差 1 天"):
        step(book, case, "release", "shenpi", almost)
    assert step(book, case, "release", "shenpi", day(14)).final == "released"


def test_a_positive_last_test_keeps_the_door_shut(book: Rulebook) -> None:
    case = in_quarantine(book)
    case = step(book, case, "test", "geli", day(14), pcr_result="阳性", sampled_at=day(14))
    assert (case.state, case.owner) == ("rechecking", "社会事务部")
    with pytest.raises(Refused, match="案件在“区疾控复核中”"):
        step(book, case, "release", "shenpi", day(15))
    case = step(book, case, "recheck_negative", "shewu", day(14, 12), recheck_result="阴性")
    assert case.state == "quarantined"
    with pytest.raises(Refused) as refused:
        step(book, case, "release", "shenpi", day(15))
    assert reasons(refused) == ["要求第 14 天及以后采样的核酸检测结果为 阴性，最近一次（第 14 天）为 阳性"]


def test_without_any_test_the_refusal_says_so(book: Rulebook) -> None:
    with pytest.raises(Refused, match="还没有任何结果"):
        step(book, in_quarantine(book), "release", "shenpi", day(15))


def test_the_first_known_anchor_counts(book: Rulebook) -> None:
    case = in_quarantine(book, last_exposure=date(2022, 5, 20))
    count = lifecycle.count_of(book, case, "quarantine")
    assert (count.day_zero, count.days) == (date(2022, 5, 20), 14)
    unknown = in_quarantine(book, last_exposure=None)
    assert lifecycle.count_of(book, unknown, "quarantine").day_zero == date(2022, 5, 26)


def test_a_deadline_that_cannot_be_armed_refuses_the_step(book: Rulebook) -> None:
    case, _ = open_(book, {"origin_level": "low", "community": "和平社区"})
    with pytest.raises(Refused, match=r"时限“解除”无法确定 — 健康监测|时限“解除”无法确定"):
        step(book, case, "keep_at_home", "heping", NOW, checked_at=NOW)
    done = step(book, case, "keep_at_home", "heping", NOW, checked_at=NOW, left_on=date(2022, 5, 24))
    assert done.deadlines["release"].due == datetime(2022, 5, 31, 16, tzinfo=UTC)


def test_every_missing_thing_is_told_at_once(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    with pytest.raises(Refused) as refused:
        step(book, case, "close_not_found", "fengyang", NOW, calls_made=1)
    told = reasons(refused)
    assert len(told) == 4
    assert "fengyang 没有这一职责" in told[0]
    assert told[1:3] == ["缺少佐证：上门时间（visited_at）", "缺少佐证：证明材料编号（proof）"]
    assert told[3] == "要求 联系次数不小于 3，现为 1"


def test_a_step_that_does_not_start_here_names_those_that_do(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    with pytest.raises(Refused, match="现在可以：verify（核实，待转运）"):
        step(book, case, "admit", "zhuanyun", NOW)
    with pytest.raises(BadInput, match="did you mean verify"):
        step(book, case, "verfy", "huaye", NOW)


def test_what_happened_earlier_may_be_stated_late_but_not_out_of_order(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    later = NOW + timedelta(hours=3)

    def at(moment: datetime) -> Case:
        stated = Stated({"checked_at": NOW})
        return after(case, lifecycle.advance(book, case, "verify", who(book, "huaye"), stated, later, moment))

    assert at(NOW + timedelta(hours=1)).entered.at == NOW + timedelta(hours=1)
    with pytest.raises(Refused, match="早于进入当前环节"):
        at(NOW - timedelta(hours=1))
    with pytest.raises(Refused, match="晚于现在"):
        at(later + timedelta(hours=1))


def test_what_a_second_source_says_is_added_and_what_differs_is_kept_beside(book: Rulebook) -> None:
    case, _ = open_(book, {"origin_level": "medium", "community": "和平社区"})
    stated = Stated({"origin_level": "high", "left_on": date(2022, 5, 24)}, frozenset({"phone"}))
    event, differs = lifecycle.state_facts(book, case, who(book, "shuju"), stated, NOW, {"source": "派出所"})
    after = evolve(case, event)
    assert after.facts["left_on"] == "2022-05-24"
    assert after.facts["origin_level"] == "medium"
    assert event.data["other"] == {"origin_level": "high"}
    assert after.personal == {"name", "phone"}
    assert differs is not None
    assert differs.rules == ("P06",)
    same, agrees = lifecycle.state_facts(
        book, after, who(book, "shuju"), Stated({"left_on": date(2022, 5, 24)}), NOW, {}
    )
    assert agrees is None
    assert same.data["other"] == {}


def test_an_unchanged_deadline_is_not_armed_again(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    case = step(book, case, "verify", "huaye", NOW, checked_at=NOW)
    armed = case.deadlines["transfer"]
    case = step(book, case, "depart", "zhuanyun", NOW + timedelta(hours=1), vehicle="皖A", departed_at=NOW)
    assert case.deadlines["transfer"] == armed


def test_a_case_survives_json_and_its_events_lead_to_it_again(book: Rulebook) -> None:
    case, first = open_(book, CONTACT)
    (second,) = lifecycle.advance(book, case, "verify", who(book, "huaye"), Stated({"checked_at": NOW}), NOW)
    after = evolve(case, second)
    assert replay([first, second], "C1") == after
    assert from_json(to_json(after), "C1", after.seq) == after


def test_a_matter_no_table_decides_names_its_workflow(book: Rulebook) -> None:
    event, decision = lifecycle.open_case(
        book,
        "matter",
        "M",
        Stated({"outstanding": 1}),
        who(book, "shuju"),
        NOW,
        workflow="list_check",
        origin={"file": "F"},
    )
    assert decision is None
    case = evolve(None, event, "C2")
    assert (case.owner, case.state) == ("社会事务部", "open")
    with pytest.raises(Refused, match="未了结行数不大于 0"):
        step(book, case, "finish", "shuju", NOW)


def test_several_ways_to_meet_a_guard_tell_the_one_that_lacks_least(book: Rulebook) -> None:
    case, _ = open_(book, {"symptoms": "发热", "origin_level": "high", "community": "华业社区"})
    case = step(book, case, "send_sample", "shewu", NOW, sent_at=NOW)
    with pytest.raises(Refused, match="复核结果为 阴性，现为 阳性"):
        step(book, case, "return_to_group", "shewu", NOW, recheck_result="阳性")
    assert step(book, case, "return_to_group", "shewu", NOW, recheck_result="阴性").state == "rechecking"


def test_only_what_the_decision_allows(book: Rulebook) -> None:
    case, _ = open_(book, {"origin_level": "low", "community": "和平社区", "left_on": date(2022, 5, 24)})
    with pytest.raises(Refused, match="只适用于判定 measure 为 集中隔离 的案件，本案为 健康监测"):
        step(book, case, "verify", "heping", NOW, checked_at=NOW)


def test_a_personal_fact_is_asked_for_by_whether_it_was_stated(book: Rulebook) -> None:
    from engine.core.conditions import Known  # noqa: PLC0415 - only here
    from engine.core.guards import FactGuard  # noqa: PLC0415

    case, _ = open_(book, CONTACT)
    flow = book.workflows["close_contact"]
    guard = FactGuard(book.subjects["person"].fields["phone"], Known())
    verify = replace(flow.transitions["verify"], when=((guard,),))
    changed = replace(flow, transitions={**flow.transitions, "verify": verify})
    strict = replace(book, workflows={**book.workflows, "close_contact": changed})
    with pytest.raises(Refused, match="要求 手机号已填写"):
        step(strict, case, "verify", "huaye", NOW, checked_at=NOW)
    told = Stated({"checked_at": NOW}, frozenset({"phone"}))
    assert lifecycle.advance(strict, case, "verify", who(book, "huaye"), told, NOW)[0].data["personal"] == ["phone"]


def test_a_refusal_tells_the_other_ways_too_each_by_what_it_lacks_besides(book: Rulebook) -> None:
    case, _ = open_(book, {"pcr_result": "可疑", "community": "华业社区"})
    case = step(book, case, "send_sample", "shewu", NOW, sent_at=NOW)
    with pytest.raises(Refused) as refused:
        step(book, case, "return_to_group", "shewu", NOW, recheck_result="阳性")
    assert reasons(refused) == ["要求 复核结果为 阴性，现为 阳性", "要求 与病例关系已填写，现为 未知"]
    assert refused.value.problems[-1].hint == (
        "所列是最接近的一种；另有 2 种办法，满足其一也可：（1）要求 入境为 是，现为 未知，并且其余同上；"
        "（2）要求 来源地风险等级为 中风险 或 低风险 或 所在县区有风险 或 高风险，现为 未知，并且其余同上"
    )


def test_a_way_for_cases_decided_otherwise_is_no_way_for_this_one(book: Rulebook) -> None:
    with pytest.raises(Refused) as refused:
        step(book, in_quarantine(book), "release", "shenpi", NOW)
    assert all(problem.hint == "" for problem in refused.value.problems)
    secondary = in_quarantine(book, contact="次密接")
    with pytest.raises(Refused) as refused:
        step(book, secondary, "release", "shenpi", NOW)
    assert "另有 1 种办法" in refused.value.problems[-1].hint
    assert "密接 的案件" not in str(refused.value)
