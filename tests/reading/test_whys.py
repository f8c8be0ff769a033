from __future__ import annotations

import pytest

from engine.commands import custody
from engine.core.errors import BadInput, Refused
from engine.reading.queries import case_show
from engine.reading.whys import case_why
from engine.service import Office
from tests.samples import opened


def test_a_case_says_why_it_is_whose_it_is_and_what_each_way_on_lacks(office: Office) -> None:
    case = opened(office)
    told = case_why(office, case, office.actor("huaye"))
    assert told["decision"]["rules"] == ["P03"]
    assert told["state"] == "已发现"
    assert "立案：密接，归 华业社区" in told["state_why"]
    assert told["owner_why"].endswith("规则：“所属社区”为 华业社区")
    assert told["deadlines"] == [
        {"name": "verify", "title": "核查", "why": "10:00 = 立案 08:00 + 2小时（及时.核查，二（一）1）"}
    ]
    ways = {way["transition"]: way for way in told["ways"]}
    assert ways["verify"]["lacks"] == []
    assert "huaye" in ways["verify"]["who"]
    assert (ways["close_not_found"]["must"], ways["close_not_found"]["lacks"]) == (["联系次数不小于 3"], [])


def test_after_a_hand_over_the_reason_is_the_acceptance(office: Office) -> None:
    case = opened(office)
    custody.offer(office, case, "和平社区", office.actor("huaye"))
    custody.accept(office, case, office.actor("heping"))
    told = case_why(office, case, office.actor("heping"))
    assert told["owner"] == "和平社区"
    assert "heping：由 和平社区 接管" in told["owner_why"]
    assert "立案" in told["state_why"], "the state is still the first one"


def test_a_closed_case_says_how_it_came_to_its_end_and_has_no_way_on(office: Office) -> None:
    case = opened(office)
    office.advance(case, "close_false_alarm", office.actor("shewu"), {"proof": "P"})
    told = case_why(office, case, office.actor("shewu"))
    assert (told["state"], told["owner_why"], told["ways"]) == ("误报", "", [])
    assert "shewu：误报" in told["state_why"]


def test_whoever_may_not_see_a_case_is_not_told_why(office: Office) -> None:
    case = opened(office)
    with pytest.raises(BadInput, match="没有案件"):
        case_why(office, case, office.actor("fengyang"))


def test_show_offers_what_why_says_she_may_do_and_neither_what_is_meant_for_other_kinds(office: Office) -> None:
    bar = {"venue_name": "示例网吧", "venue_type": "网吧", "community": "和平社区", "address": "示例路 3 号"}
    case = office.open_case("venue", bar, office.actor("heping"))["case"]
    filed = {"reviewed_on": "2022-05-26", "network_grid": "示例员"}
    office.advance(case, "file", office.actor("shewu"), filed)
    shown = case_show(office, case, office.actor("heping"))["can"]
    ways = case_why(office, case, office.actor("heping"))["ways"]
    mine = [{key: told for key, told in way.items() if key != "who"} for way in ways if "heping" in way["who"]]
    assert shown == mine
    offered = {way["transition"] for way in ways}
    assert {"check_health_code", "check_patrol", "shut"} <= offered
    assert not offered & {"check_codes", "check_scan", "visit", "seal", "inspect_cold_chain"}
    with pytest.raises(Refused, match="只适用于判定 measures 为 入户排查 的案件，本案为"):
        office.advance(case, "visit", office.actor("heping"), {"visit_result": "已核实", "proof": "P"})


def test_why_names_only_whoever_would_not_be_refused_for_who_they_are(office: Office) -> None:
    told = {"issue_source": "report", "inspected": "纪工委", "found_what": "没有值班"}
    case = office.open_case("issue", told, office.actor("huaye"))["case"]
    ways = {way["transition"]: way for way in case_why(office, case, office.actor("xiaoneng"))["ways"]}
    assert ways["dismiss"]["who"] == ["xiaoneng", "xiaoneng2"], "nobody of the inspected unit itself"
    assert "jigong" in ways["handle"]["who"]
    emergency = office.open_case("info", {"nature": "突发情况", "summary": "示例"}, office.actor("yingji2"))["case"]
    ways = {way["transition"]: way for way in case_why(office, emergency, office.actor("yingji2"))["ways"]}
    assert ways["close_false_alarm"]["who"] == ["yingji"], "who reported it has had a hand in it"
