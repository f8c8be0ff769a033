from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.core import custody, lifecycle
from engine.core.case import Case, Offer
from engine.core.errors import BihuanError, Refused
from engine.core.evolving import evolve
from engine.core.judging import NOTHING, Stated
from engine.core.record import from_json, to_json
from engine.core.rulebook import Rulebook
from tests.core.test_lifecycle import CONTACT, NOW, after, in_quarantine, open_, reasons, step, who

LOW = {"origin_level": "low", "community": "华业社区"}


def offer(book: Rulebook, case: Case, to: str, user: str, now: datetime = NOW, **more: Any) -> Case:
    return evolve(case, custody.offer(book, case, to, who(book, user), NOTHING, now, **more))


def accept(book: Rulebook, case: Case, user: str, now: datetime = NOW, **facts: Any) -> Case:
    return after(case, custody.accept(book, case, who(book, user), Stated(facts), now))


def give_back(book: Rulebook, case: Case, user: str, now: datetime = NOW, **more: Any) -> Case:
    return evolve(case, custody.give_back(book, case, who(book, user), NOTHING, now, **more))


def awaiting(book: Rulebook) -> Case:
    case, _ = open_(book, CONTACT)
    return step(book, case, "verify", "huaye", NOW, checked_at=NOW)


def sent(book: Rulebook) -> Case:
    return step(book, awaiting(book), "admit", "zhuanyun", NOW, site="集中隔离点")


def test_the_giver_stays_responsible_until_the_receiver_accepts(book: Rulebook) -> None:
    case = offer(book, open_(book, CONTACT)[0], "和平社区", "huaye")
    assert (case.owner, case.held.at) == ("华业社区", NOW)
    assert case.offer == Offer("和平社区", "", "", NOW, 2)
    assert case.deadlines["hand_over"].due == NOW + timedelta(hours=2)
    later = NOW + timedelta(hours=1)
    case = accept(book, case, "heping", later)
    assert (case.owner, case.held.at, case.offer) == ("和平社区", later, None)
    assert case.facts["community"] == "和平社区"
    assert set(case.deadlines) == {"verify"}


def test_only_the_holder_gives_and_only_the_receiver_answers(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    with pytest.raises(Refused, match="案件由 华业社区 负责，heping 不能交出"):
        offer(book, case, "和平社区", "heping")
    waiting = offer(book, case, "和平社区", "huaye")
    for answer in (accept, give_back):
        with pytest.raises(Refused, match="须由 和平社区 签收，huaye 不在其中"):
            answer(book, waiting, "huaye")
        with pytest.raises(Refused, match="没有等待签收的交接"):
            answer(book, case, "heping")
    with pytest.raises(Refused, match="已交 和平社区，等待签收"):
        offer(book, waiting, "凤阳社区", "huaye")


def test_a_case_is_offered_only_to_whom_it_would_go_on_with(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    with pytest.raises(Refused, match="没有单位 和平 可以接收"):
        offer(book, case, "和平", "huaye")
    with pytest.raises(Refused, match="案件已由 华业社区 负责"):
        offer(book, case, "华业社区", "huaye")
    for idle in ("集中隔离点", "定点医院", "区疾控中心"):
        with pytest.raises(Refused, match=f"{idle} 的人员在“已发现”没有可办的动作"):
            offer(book, case, idle, "huaye")
    with pytest.raises(Refused, match="定点医院 的人员在“已发现”没有可办的动作"):
        custody.assign(book, case, "定点医院", who(book, "yingji"), NOTHING, NOW)


def test_an_answer_is_no_earlier_than_the_offer_and_no_later_than_now(book: Rulebook) -> None:
    case = offer(book, open_(book, CONTACT)[0], "和平社区", "huaye", NOW + timedelta(hours=1))
    now = NOW + timedelta(hours=3)
    for at, told in ((NOW, "早于交出的时间"), (now + timedelta(hours=1), "晚于现在")):
        with pytest.raises(Refused, match=told):
            custody.accept(book, case, who(book, "heping"), NOTHING, now, at)
        with pytest.raises(Refused, match=told):
            custody.give_back(book, case, who(book, "heping"), NOTHING, now, at)
    (late,) = custody.accept(book, case, who(book, "heping"), NOTHING, now, NOW + timedelta(hours=2))
    assert evolve(case, late).held.at == NOW + timedelta(hours=2)


def test_a_transition_that_hands_over_is_fired_by_the_acceptance(book: Rulebook) -> None:
    case = sent(book)
    assert (case.state, case.owner, case.facts["site"]) == ("awaiting_transfer", "转运专班", "集中隔离点")
    with pytest.raises(Refused) as refused:
        accept(book, case, "geli2")
    assert reasons(refused) == [
        "须由 集中隔离点 签收，geli2 不在其中",
        "缺少佐证：入住时间（quarantine_started）",
        "缺少佐证：房间（room）",
    ]
    case = accept(book, case, "geli", quarantine_started=NOW, room="301")
    assert (case.state, case.owner, case.offer) == ("quarantined", "集中隔离点", None)
    assert custody.place_of(book, case) == ("集中隔离点", "301", "")
    assert set(case.deadlines) == {"release"}


def test_whatever_moves_the_case_ends_the_offer_and_its_deadline(book: Rulebook) -> None:
    case = offer(book, in_quarantine(book), "第二隔离点", "geli")
    moved = step(book, case, "test", "geli", NOW, pcr_result="阳性", sampled_at=NOW)
    assert (moved.state, moved.offer, set(moved.deadlines)) == ("rechecking", None, {"recheck"})
    with pytest.raises(Refused, match="没有等待签收的交接"):
        accept(book, moved, "geli2")


def test_nobody_moves_a_case_that_somebody_is_to_accept(book: Rulebook) -> None:
    case = sent(book)
    for verb, user, told in (
        ("depart", "zhuanyun", {"vehicle": "皖A", "departed_at": NOW}),
        ("close_false_alarm", "shewu", {"proof": "P"}),
    ):
        with pytest.raises(Refused, match="已交 集中隔离点，等待签收：先由对方签收或退回"):
            step(book, case, verb, user, NOW, **told)
    assert lifecycle.possible(book, case, who(book, "zhuanyun")) == ()


def test_a_result_recorded_meanwhile_leaves_the_offer_open(book: Rulebook) -> None:
    case = offer(book, in_quarantine(book), "第二隔离点", "geli")
    tested = step(book, case, "test", "geli", NOW, pcr_result="阴性", sampled_at=NOW)
    assert tested.offer == case.offer
    assert tested.deadlines == case.deadlines
    with pytest.raises(Refused, match="缺少佐证：房间"):
        accept(book, tested, "geli2")
    moved = accept(book, tested, "geli2", room="12")
    assert (moved.owner, moved.facts["site"]) == ("第二隔离点", "第二隔离点")
    assert custody.place_of(book, moved) == ("第二隔离点", "12", "")


def test_a_closed_case_changes_no_hands(book: Rulebook) -> None:
    case = step(book, open_(book, CONTACT)[0], "close_false_alarm", "shewu", NOW, proof="P")
    with pytest.raises(Refused) as refused:
        offer(book, case, "和平社区", "huaye")
    assert reasons(refused) == ["案件已办结"]
    with pytest.raises(Refused, match="案件已办结"):
        custody.assign(book, case, "和平社区", who(book, "yingji"), NOTHING, NOW)


def test_after_two_returns_only_the_arbiter_settles_and_is_alerted(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    case = offer(book, case, "和平社区", "huaye", declined=True)
    assert case.returns == 1
    happened = custody.give_back(book, case, who(book, "heping"), NOTHING, NOW)
    assert happened.data["alerts"] == ["unsettled"]
    case = evolve(case, happened)
    assert (case.returns, case.owner) == (2, "华业社区")
    with pytest.raises(Refused, match="已退 2 次，由 应急办 裁定"):
        offer(book, case, "凤阳社区", "huaye", declined=True)
    with pytest.raises(Refused, match="须由 应急办 裁定"):
        custody.assign(book, case, "凤阳社区", who(book, "shewu"), NOTHING, NOW)
    case = evolve(case, custody.assign(book, case, "凤阳社区", who(book, "yingji"), NOTHING, NOW))
    assert (case.owner, case.offer) == ("凤阳社区", None)
    with pytest.raises(Refused, match="没有等待签收"):
        give_back(book, case, "fengyang")


def test_the_arbiter_may_settle_at_any_time_and_ends_a_pending_offer(book: Rulebook) -> None:
    case = offer(book, open_(book, CONTACT)[0], "和平社区", "huaye")
    case = evolve(case, custody.assign(book, case, "凤阳社区", who(book, "yingji"), NOTHING, NOW))
    assert (case.owner, case.offer, set(case.deadlines)) == ("凤阳社区", None, {"verify"})


def test_a_gate_that_sends_back_is_not_counted_as_a_dispute(book: Rulebook) -> None:
    case = give_back(book, sent(book), "geli")
    assert (case.returns, case.owner, case.state) == (0, "转运专班", "awaiting_transfer")
    assert give_back(book, sent(book), "geli", missing=True).returns == 0


def test_a_case_leaves_the_street_only_with_the_other_sides_receipt(book: Rulebook) -> None:
    case, _ = open_(book, CONTACT)
    case = step(book, case, "hand_over_out", "huaye", NOW, destination="外市")
    assert (case.final, case.owner) == ("", "华业社区")
    assert case.deadlines["hand_over"].due == NOW + timedelta(hours=12)
    assert "verify" in case.deadlines
    with pytest.raises(Refused, match="缺少佐证：对方签收凭证号"):
        accept(book, case, "huaye")
    with pytest.raises(Refused, match="须由 华业社区 签收，heping 不在其中"):
        accept(book, case, "heping", receipt="R1")
    done = accept(book, case, "huaye", receipt="R1")
    assert (done.final, done.owner, done.deadlines) == ("transferred", "", {})


def test_the_hospital_is_responsible_from_its_receipt_on(book: Rulebook) -> None:
    case, _ = open_(book, {"pcr_result": "阳性", "community": "华业社区"})
    case = step(book, case, "send_sample", "shewu", NOW, sent_at=NOW)
    case = step(book, case, "confirm", "shewu", NOW, recheck_result="阳性")
    case = step(book, case, "hospitalise", "zhuanyun", NOW)
    with pytest.raises(Refused, match="缺少佐证：对方签收凭证号"):
        accept(book, case, "zhuanyun", hospital="院", admitted_at=NOW)
    case = accept(book, case, "zhuanyun", hospital="院", admitted_at=NOW, receipt="R")
    assert (case.state, case.owner) == ("in_hospital", "定点医院")


def test_who_refuses_goes_to_the_police_and_comes_back_with_the_clock_running(book: Rulebook) -> None:
    case = step(book, awaiting(book), "refuse_control", "zhuanyun", NOW)
    case = accept(book, case, "zhuanyun", NOW + timedelta(hours=1), receipt="接警单")
    assert (case.state, case.owner) == ("with_police", "派出所")
    assert case.deadlines["transfer"].due == NOW + timedelta(hours=12)
    case = step(book, case, "bring_back", "shewu", NOW + timedelta(hours=3), proof="P")
    assert (case.state, case.owner) == ("awaiting_transfer", "转运专班")
    assert case.deadlines["transfer"].due == NOW + timedelta(hours=12)


def test_who_cannot_be_reached_is_called_again_and_given_up_after_three_attempts(book: Rulebook) -> None:
    case, _ = open_(book, LOW)
    case = step(book, case, "lose_contact", "huaye", NOW, calls_made=1)
    assert case.deadlines["verify"].due == NOW + timedelta(hours=2)
    assert case.deadlines["contact"].due == NOW + timedelta(hours=24)
    gone = {"visited_at": NOW, "proof": "P"}
    with pytest.raises(Refused, match="联系次数不小于 3，现为 2"):
        step(book, case, "close_not_found", "huaye", NOW, calls_made=2, **gone)
    called = NOW + timedelta(hours=2)
    again = step(book, case, "call", "huaye", called, call_result="未接", called_at=called)
    assert again.deadlines == case.deadlines
    assert step(book, again, "reach", "huaye", NOW + timedelta(hours=3)).state == "found"
    assert step(book, again, "close_not_found", "huaye", NOW + timedelta(hours=3), calls_made=3, **gone).final


def test_a_trip_takes_the_transition_that_leads_there_or_the_case_as_it_stands(book: Rulebook) -> None:
    case = awaiting(book)
    happened = custody.send(book, case, "集中隔离点", who(book, "zhuanyun"), NOW, "T1")
    assert (happened.data["transition"], happened.data["trip"]) == ("admit", "T1")
    assert evolve(case, happened).offer == Offer("集中隔离点", "admit", "T1", NOW, 3)
    moving = custody.send(book, in_quarantine(book), "第二隔离点", who(book, "geli"), NOW, "T1")
    assert "transition" not in moving.data
    with pytest.raises(Refused, match="转运专班队员"):
        custody.send(book, case, "集中隔离点", who(book, "huaye"), NOW, "T1")
    with pytest.raises(Refused, match="没有可办的动作"):
        custody.send(book, case, "区疾控中心", who(book, "zhuanyun"), NOW, "T1")


def test_who_is_checked_again_keeps_her_room_until_she_is_back(book: Rulebook) -> None:
    case = in_quarantine(book)
    sick = step(book, case, "test", "geli", NOW, pcr_result="可疑", sampled_at=NOW)
    assert (sick.state, custody.place_of(book, sick)) == ("rechecking", custody.place_of(book, case))
    back = step(book, sick, "recheck_negative", "shewu", NOW, recheck_result="阴性")
    assert (back.state, back.owner, custody.place_of(book, back)) == (
        "quarantined",
        "集中隔离点",
        ("集中隔离点", "1", ""),
    )


def test_an_offer_survives_json(book: Rulebook) -> None:
    case = sent(book)
    assert from_json(to_json(case), "C1", case.seq) == case


def lengths(case: Case) -> dict[str, datetime]:
    return {name: armed.due for name, armed in case.deadlines.items() if name != "hand_over"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["offer", "decline", "return", "trip"]), st.integers(0, 600), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["found", "awaiting", "quarantined"]),
)
def test_no_sequence_of_returns_extends_a_deadline_or_the_clock(
    book: Rulebook, tries: list[tuple[str, int, bool]], where: str
) -> None:
    found, _ = open_(book, CONTACT)
    case = {"found": found, "awaiting": awaiting(book), "quarantined": in_quarantine(book)}[where]
    giver, taker, to = {
        "found": ("huaye", "heping", "和平社区"),
        "awaiting": ("zhuanyun", "geli", "集中隔离点"),
        "quarantined": ("geli", "geli2", "第二隔离点"),
    }[where]
    clock = lifecycle.count_of(book, case, "quarantine")
    before, owner, now = lengths(case), case.owner, NOW
    for verb, minutes, missing in tries:
        now += timedelta(minutes=minutes)
        try:
            if verb == "return":
                case = give_back(book, case, taker, now, missing=missing)
            elif verb == "trip":
                case = evolve(case, custody.send(book, case, to, who(book, giver), now, "T"))
            else:
                case = offer(book, case, to, giver, now, declined=verb == "decline")
        except BihuanError:
            continue
        assert lengths(case) == before
        assert case.owner == owner
        assert lifecycle.count_of(book, case, "quarantine") == clock


def test_a_return_that_armed_anew_would_be_found(book: Rulebook) -> None:
    """The planted bug: what is given back starts again."""
    case = sent(book)
    happened = custody.give_back(book, case, who(book, "geli"), NOTHING, NOW + timedelta(hours=3))
    armed = case.deadlines["transfer"]
    again = int((armed.due + timedelta(hours=3)).timestamp() * 1_000_000)
    planted = happened._replace(data={**happened.data, "armed": {"transfer": [again, *armed[1:3], *armed[4:7]]}})
    assert lengths(evolve(case, planted)) != lengths(case)


def test_a_shared_room_is_told_by_the_case_it_is_shared_with(book: Rulebook) -> None:
    case = accept(book, sent(book), "geli", quarantine_started=NOW, room="301", accompanies="C2")
    assert custody.place_of(book, case) == ("集中隔离点", "301", "C2")
    assert custody.place_of(book, structs.replace(case, final="closed")) is None


def test_a_pack_that_lets_offers_wait_for_ever_arms_nothing(book: Rulebook) -> None:
    rules = replace(book.hand_over, within="close_contact_none")
    strict = replace(book, hand_over=rules, parameters={**book.parameters, "close_contact_none": _abolished(book)})
    with pytest.raises(Refused, match="签收时限无法确定"):
        offer(strict, open_(book, CONTACT)[0], "和平社区", "huaye")


def _abolished(book: Rulebook) -> Any:
    parameter = book.parameters["discharged_days"]
    return replace(parameter, values=tuple(replace(value, value=None) for value in parameter.values))
