from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from engine.commands import custody
from engine.commands.corrections import confirm, correct
from engine.core.errors import BadInput, Refused
from engine.core.lifecycle import possible
from engine.proof import audit
from engine.reading.queries import alert_list, case_list, case_show
from engine.service import Office
from tests.commands.test_overdue import CLOSURE
from tests.commands.test_venues import registered
from tests.samples import admit, opened, quarantined

Later = Callable[..., int]


def changes(answer: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["what"]: (each["before"], each["after"]) for each in answer["changes"]}


def line(office: Office, subject: str) -> list[tuple[Any, ...]]:
    with office.store.reading() as driver:
        found: list[tuple[Any, ...]] = driver.execute(
            "SELECT unit, since, until FROM custody WHERE subject = ? ORDER BY since, event", (subject,)
        ).fetchall()
    return found


def test_a_corrected_exposure_moves_the_release_and_shows_it_first(office: Office) -> None:
    case = quarantined(office)
    shown = correct(office, case, {"last_exposure": "2022-05-24"}, "流调更正", office.actor("shewu"), dry_run=True)
    expected = {
        "末次接触日期": ("2022-05-26", "2022-05-24"),
        "集中隔离医学观察期满": ("2022-06-09 00:00", "2022-06-07 00:00"),
        "时限 解除": ("2022-06-10 00:00", "2022-06-08 00:00"),
        "计划 核酸检测": ("05-27、05-30、06-02、06-09", "05-28、05-31、06-07"),
    }
    assert changes(shown) == expected
    assert office.case(case, office.actor("shewu"))[0].facts["last_exposure"] == "2022-05-26"
    done = correct(office, case, {"last_exposure": "2022-05-24"}, "流调更正", office.actor("shewu"))
    assert changes(done) == expected
    assert done["deadlines"]["release"].startswith("2022-06-08")
    assert audit.verify(office).problems == []


def test_the_reason_is_needed_and_stands_nowhere_in_the_clear(office: Office) -> None:
    case = quarantined(office)
    with pytest.raises(BadInput, match="没有写明更正的理由"):
        correct(office, case, {"last_exposure": "2022-05-25"}, " ", office.actor("shewu"))
    correct(office, case, {"last_exposure": "2022-05-25"}, "李示例自己记错了", office.actor("shewu"))
    raw = b"".join(path.read_bytes() for path in office.store.path.parent.iterdir())
    assert "自己记错了".encode() not in raw


def test_a_correction_that_changes_nothing_is_refused(office: Office) -> None:
    case = quarantined(office)
    with pytest.raises(Refused, match="与原来相同"):
        correct(office, case, {"last_exposure": "2022-05-26"}, "核对", office.actor("shewu"))


def test_only_whoever_may_correct_does(office: Office) -> None:
    case = quarantined(office)
    with pytest.raises(Refused, match="geli 没有权限 correct"):
        correct(office, case, {"last_exposure": "2022-05-25"}, "核对", office.actor("geli"))


def test_backdating_beyond_the_bound_waits_for_a_second_person(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=3)
    told = correct(office, case, {"last_exposure": "2022-05-15"}, "流调更正", office.actor("shewu"))
    assert told["waits"] == ["末次接触日期"]
    assert office.case(case, office.actor("shewu"))[0].facts["last_exposure"] == "2022-05-26"
    with pytest.raises(Refused, match="已有 shewu 提出的更正等待确认"):
        correct(office, case, {"last_exposure": "2022-05-14"}, "再改", office.actor("shewu"))
    with pytest.raises(Refused, match="shewu 没有权限 confirm"):
        confirm(office, case, office.actor("shewu"))
    other = correct(office, case, {"inbound": "否"}, "补充", office.actor("shewu"))
    assert "confirm" in other["deadlines"]  # another correction does not settle it
    done = confirm(office, case, office.actor("shenpi"))
    assert "confirm" not in done["deadlines"]
    assert changes(done)["集中隔离医学观察期满"] == ("2022-06-09 00:00", "2022-05-29 00:00")
    with pytest.raises(Refused, match="没有等待确认的更正"):
        confirm(office, case, office.actor("shenpi"))
    assert audit.verify(office).problems == []


def test_a_proposal_nobody_answers_is_urged(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=3)
    correct(office, case, {"last_exposure": "2022-05-15"}, "流调更正", office.actor("shewu"))
    later(hours=9)
    titles = [row["title"] for row in alert_list(office, office.actor("shewu")) if row["deadline"] == "confirm"]
    assert titles == ["确认更正"] * 4
    office.advance(case, "recheck", office.actor("geli"))
    assert "confirm" in office.case(case, office.actor("shewu"))[0].deadlines
    confirm(office, case, office.actor("shenpi"), reject=True)
    assert "confirm" not in office.case(case, office.actor("shewu"))[0].deadlines
    assert audit.verify(office).problems == []


def test_a_rejected_correction_leaves_everything_as_it_was(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=3)
    correct(office, case, {"last_exposure": "2022-05-15"}, "流调更正", office.actor("shewu"))
    before = office.case(case, office.actor("shewu"))[0]
    confirm(office, case, office.actor("shenpi"), reject=True)
    after = office.case(case, office.actor("shewu"))[0]
    assert after.facts == before.facts
    assert after.proposal is None
    assert audit.verify(office).problems == []


def test_another_community_is_offered_the_case_and_the_old_one_holds_it_until_then(office: Office) -> None:
    case = opened(office)
    done = correct(office, case, {"community": "和平社区"}, "住在和平社区", office.actor("huaye"))
    assert done["owner"] == "华业社区"
    assert changes(done)["责任单位（签收后）"] == ("华业社区", "和平社区")
    found, _ = office.case(case, office.actor("heping"))
    assert found.offer is not None
    assert found.offer.to == "和平社区"
    assert "hand_over" in found.deadlines
    assert audit.verify(office).problems == []


def test_another_workflow_goes_on_as_a_case_of_its_own_without_a_hole_in_custody(office: Office, later: Later) -> None:
    case = quarantined(office)
    office.advance(case, "test", office.actor("geli"), {"pcr_result": "阴性", "sampled_at": office.now().isoformat()})
    later(hours=5)
    subject = office.case(case, office.actor("shewu"))[0].subject
    facts = {"contact": "次密接", "pcr_result": "阳性"}
    done = correct(office, case, facts, "复核", office.actor("shewu"))
    old, _ = office.case(case, office.actor("shewu"))
    new, _ = office.case(done["case"], office.actor("shewu"))
    assert (old.final, old.owner, old.deadlines) == ("reclassified", "", {})
    assert (new.workflow, new.follows, new.subject) == ("positive", case, subject)
    assert [done.result for done in new.results] == ["阴性"]
    times = line(office, subject)
    assert all(one[2] == other[1] for one, other in itertools.pairwise(times))
    assert times[-1][2] is None
    assert case_show(office, done["case"], office.actor("shewu"))["follows"] == case
    assert audit.verify(office).problems == []


def test_a_closed_case_is_not_corrected(office: Office) -> None:
    case = opened(office)
    now = office.now().isoformat()
    gone = {"calls_made": 3, "visited_at": now, "proof": "P1"}
    office.advance(case, "close_not_found", office.actor("huaye"), gone)
    with pytest.raises(Refused, match="已办结，不能更正"):
        correct(office, case, {"last_exposure": "2022-05-25"}, "核对", office.actor("huaye"))


def test_a_moved_deadline_alerts_anew(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=15)
    before = [alert["due"] for alert in alert_list(office, office.actor("shewu")) if alert["deadline"] == "release"]
    correct(office, case, {"last_exposure": "2022-05-27"}, "流调更正", office.actor("shewu"))
    confirm(office, case, office.actor("shenpi"))
    correct_day = "2022-06-11 00:00"
    later(days=2)
    after = [alert["due"] for alert in alert_list(office, office.actor("shewu")) if alert["deadline"] == "release"]
    assert before
    assert correct_day not in before
    assert after.count(correct_day) == 4
    assert audit.verify(office).problems == []


def test_another_category_in_the_same_workflow_is_what_lists_show(office: Office) -> None:
    told = {"name": "赵示例", "phone": "13900007777", "community": "华业社区", "origin_level": "high"}
    case = office.open_case("person", told, office.actor("huaye"))["case"]
    correct(office, case, {"origin_level": "medium"}, "核实", office.actor("huaye"))
    assert [row["category"] for row in case_list(office, office.actor("huaye"))] == ["中风险来返"]
    assert audit.verify(office).problems == []


def test_nobody_goes_on_with_a_case_that_another_one_has_followed(office: Office) -> None:
    case = quarantined(office)
    correct(office, case, {"pcr_result": "阳性"}, "复核", office.actor("shewu"))
    now = office.now().isoformat()
    with pytest.raises(Refused, match="案件已办结"):
        office.advance(case, "test", office.actor("geli"), {"pcr_result": "阴性", "sampled_at": now})
    found, _ = office.case(case, office.actor("shuju"))
    assert possible(office.book(), found, office.actor("geli")) == ()
    assert audit.verify(office).problems == []


def test_what_was_proposed_for_a_case_that_has_closed_is_neither_confirmed_nor_rejected(office: Office) -> None:
    case = opened(office)
    correct(office, case, {"last_exposure": "2022-05-18"}, "流调更正", office.actor("shewu"))
    office.advance(case, "close_false_alarm", office.actor("shewu"), {"proof": "P"})
    for reject in (True, False):
        with pytest.raises(Refused, match="没有等待确认的更正"):
            confirm(office, case, office.actor("shenpi"), reject=reject)
    assert audit.verify(office).problems == []


def test_a_result_put_right_to_positive_after_a_negative_recheck_goes_to_recheck_again(office: Office) -> None:
    case = quarantined(office)
    now = office.now().isoformat()
    office.advance(case, "test", office.actor("geli"), {"pcr_result": "可疑", "sampled_at": now})
    office.advance(case, "recheck_negative", office.actor("shewu"), {"recheck_result": "阴性"})
    told = correct(office, case, {"pcr_result": "阳性"}, "化验单看错", office.actor("shewu"))
    assert changes(told)["环节"] == ("集中隔离医学观察", "区疾控复核中")
    assert office.case(case, office.actor("shewu"))[0].state == "rechecking"
    assert audit.verify(office).problems == []


def test_a_dry_run_refuses_what_the_real_run_refuses_and_leaves_nothing_behind(office: Office) -> None:
    first = quarantined(office, room="101")
    second = quarantined(office, room="102", name="乙示例", id_number="", phone="13900005555")
    before = office.store.load(second)
    for dry_run in (True, False):
        with pytest.raises(Refused, match="101 房已有人"):
            correct(office, second, {"room": "101"}, "写错", office.actor("shewu"), dry_run=dry_run)
    shown = correct(office, first, {"pcr_result": "阳性"}, "化验单", office.actor("shewu"), dry_run=True)
    assert changes(shown)["案件"] == (first, "新立的接续案件")
    assert (shown["case"], shown["dry_run"]) == (first, True)
    assert office.store.load(second) == before
    assert len(case_list(office, office.actor("shuju"))) == 2
    assert audit.verify(office).problems == []


def test_times_are_shown_as_the_clock_on_the_wall_shows_them(office: Office, later: Later) -> None:
    later(hours=2)
    case = quarantined(office)
    early = "2022-05-26 09:30"
    shown = correct(office, case, {"quarantine_started": early}, "写错", office.actor("shewu"), dry_run=True)
    assert changes(shown)["入住时间"] == ("2022-05-26 10:00", "2022-05-26 09:30")


def test_what_was_put_right_stands_in_the_timeline(office: Office, later: Later) -> None:
    later(hours=2)
    case = quarantined(office)
    correct(office, case, {"contact": "次密接", "last_exposure": "2022-05-25"}, "流调", office.actor("shewu"))
    correct(office, case, {"quarantine_started": "2022-05-26 09:30"}, "写错", office.actor("shewu"))
    told = [event["what"] for event in case_show(office, case, office.actor("shuju"))["timeline"]]
    assert "更正：与病例关系 密切接触者 → 次密接，末次接触日期 2022-05-26 → 2022-05-25" in told
    assert "更正：入住时间 2022-05-26 10:00 → 2022-05-26 09:30" in told


def test_who_is_positive_stays_in_her_room_and_in_the_sight_of_the_site_until_she_is_fetched(office: Office) -> None:
    case = quarantined(office, room="101")
    told = correct(office, case, {"pcr_result": "阳性"}, "化验单", office.actor("shewu"))
    assert told["case"] in {row["case"] for row in case_list(office, office.actor("geli"))}
    other = opened(office, name="乙示例", id_number="", phone="13900005555")
    office.advance(other, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    with pytest.raises(Refused, match="101 房已有人"):
        admit(office, other, "101")
    head = case_show(office, case, office.actor("shewu"))
    assert (head["final"], head["followed_by"]) == ("reclassified", told["case"])
    assert audit.verify(office).problems == []


def test_a_result_put_right_to_positive_waits_for_nobody_who_is_to_accept(office: Office) -> None:
    case = quarantined(office)
    now = office.now().isoformat()
    office.advance(case, "test", office.actor("geli"), {"pcr_result": "可疑", "sampled_at": now})
    office.advance(case, "recheck_negative", office.actor("shewu"), {"recheck_result": "阴性"})
    custody.offer(office, case, "第二隔离点", office.actor("geli"))
    correct(office, case, {"pcr_result": "阳性"}, "化验单看错", office.actor("shewu"))
    now_stands, _ = office.case(case, office.actor("shewu"))
    assert (now_stands.state, now_stands.offer, set(now_stands.deadlines)) == ("rechecking", None, {"recheck"})
    assert audit.verify(office).problems == []


def test_what_only_others_fill_in_is_theirs_to_put_right(office: Office) -> None:
    case = registered(office, "网吧", community="和平社区").id
    office.advance(case, "shut", office.actor("shewuzhang"), CLOSURE | {"situation": "本区有疫情"})
    told = {"closed_until": "2022-06-09 08:00", "网格级责任人": "示例网格员"}
    with pytest.raises(Refused) as refused:
        correct(office, case, told, "写错", office.actor("heping"))
    assert [str(problem) for problem in refused.value.problems] == [
        "AUTH-002 — 封闭（关闭）到期由部门负责人填写，heping 不能更正 — 能更正的：数据岗"
    ]
    correct(office, case, {"网格级责任人": "示例网格员"}, "写错", office.actor("heping"))
    done = correct(office, case, {"closed_until": "2022-06-09 08:00"}, "写错", office.actor("shuju"))
    assert changes(done)["封闭（关闭）到期"] == ("2022-06-30 08:00", "2022-06-09 08:00")


def test_a_correction_put_back_takes_the_offer_back_that_it_had_made(office: Office) -> None:
    heping = office.actor("heping")
    facts = {"venue_name": "示例宾馆", "venue_type": "宾馆", "community": "和平社区", "address": "和平路1号"}
    case = office.open_case("venue", facts, heping)["case"]
    lead = office.case(case, heping)[0].owner
    wrong = correct(office, case, {"venue_type": "养老机构"}, "写错", heping)
    assert wrong["offered_to"] not in ("", lead)
    back = correct(office, case, {"venue_type": "宾馆"}, "改回", heping)
    assert (back["offered_to"], back["owner"]) == ("", lead)
    assert changes(back)["待签收"] == (wrong["offered_to"], "收回")
    assert "hand_over" not in back["deadlines"]
    again = correct(office, case, {"venue_type": "养老机构"}, "原来没错", heping)
    assert again["offered_to"] == wrong["offered_to"]
    assert audit.verify(office).problems == []


def test_what_somebody_offered_by_hand_stays_offered_when_a_fact_is_put_right(office: Office) -> None:
    heping = office.actor("heping")
    facts = {"venue_name": "示例宾馆", "venue_type": "宾馆", "community": "和平社区", "address": "和平路1号"}
    case = office.open_case("venue", facts, heping)["case"]
    custody.offer(office, case, "平安建设部", office.actor("shijian"))
    assert correct(office, case, {"venue_type": "养老机构"}, "写错", heping)["offered_to"] == "平安建设部"
