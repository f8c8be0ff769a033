from __future__ import annotations

import pytest

from engine.commands import custody
from engine.core.errors import BadInput
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
    assert ways["close_not_found"]["lacks"] == ["要求 联系次数不小于 3，现为 未知"]


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
