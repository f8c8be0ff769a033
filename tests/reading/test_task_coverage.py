"""Coverage of a task: whoever is asked for it is counted, and who was left out is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.core.case import micros
from engine.core.errors import BadInput
from engine.reading.coverage import coverage
from engine.service import Office
from tests.commands.test_venues import COLD, registered


def inspect(office: Office, case: str) -> None:
    facts = COLD | {"cold_result": "合格", "cold_checked_at": office.now().isoformat()}
    office.advance(case, "inspect_cold_chain", office.actor("shijian"), facts)


def test_every_subject_that_is_asked_for_it_counts_whatever_else_it_is(office: Office) -> None:
    cases = {kind: registered(office, kind).id for kind in ("菜市场", "大型超市", "超市", "冷冻肉制品经营单位")}
    told = {"venue_name": "未建档", "venue_type": "食品加工企业", "address": "x", "community": "凤阳社区"}
    waiting = office.open_case("venue", told, office.actor("fengyang"))["case"]
    inspect(office, cases["菜市场"])
    shijian = office.actor("shijian")
    found = coverage(office, shijian, "冷链检查")
    assert (found["task"], found["workflow"], found["asked"], found["covered"]) == ("cold_chain", "venue", 4, 1)
    assert {each["case"] for each in found["missing"]} == {cases["大型超市"], cases["冷冻肉制品经营单位"], waiting}
    assert found["owners"] == [{"owner": "市场监督管理所", "asked": 4, "covered": 1, "done": 1, "planned": 3}]
    office.set_clock(micros(office.now() + timedelta(days=20)))
    inspect(office, cases["大型超市"])
    since = coverage(office, shijian, "cold_chain", since=office.now() - timedelta(days=7))
    assert since["covered"] == 1
    assert since["missing"][-1]["case"] == cases["菜市场"]
    assert since["missing"][-1]["last"] != ""


def test_only_what_stood_where_the_task_belongs_is_asked_for_it(office: Office, later: Callable[..., int]) -> None:
    shut, open_one = registered(office, "网吧"), registered(office, "棋牌室")
    registered(office, "超市")
    head, now = office.actor("shewuzhang"), office.now()
    shuju = office.actor("shuju")
    assert coverage(office, shuju, "封闭（关闭）落实检查")["asked"] == 0
    facts = {
        "situation": "本区有疫情",
        "decided_by": "办公会",
        "closure_reason": "形势",
        "closed_from": now.isoformat(),
    }
    office.advance(shut.id, "shut", head, facts | {"closed_until": (now + timedelta(days=9)).isoformat()})
    found = coverage(office, shuju, "封闭（关闭）落实检查")
    assert [each["case"] for each in found["missing"]] == [shut.id]
    later(days=3)
    today = office.now() - timedelta(hours=9)
    patrolled = coverage(office, shuju, "安康码扫码", since=today)
    assert [each["case"] for each in patrolled["missing"]] == [open_one.id], "nobody enters what is shut"
    office.advance(shut.id, "reopen", head, {"reopened_at": office.now().isoformat(), "decided_by": "办公会"})
    assert coverage(office, shuju, "封闭（关闭）落实检查", since=today)["asked"] == 0
    ever = coverage(office, shuju, "封闭（关闭）落实检查")
    assert (ever["asked"], ever["planned"]) == (1, 3), "of the days when it was shut"


def test_an_outside_party_counts_only_its_own(office: Office) -> None:
    registered(office, "菜市场", operator="中心菜市场管理方")
    registered(office, "菜市场", venue_name="新村菜市场", address="别处", operator="新村菜市场管理方")
    assert coverage(office, office.actor("caishi"), "cold_chain")["asked"] == 1


def test_a_task_is_named_by_a_workflow_that_has_it(office: Office) -> None:
    actor = office.actor("shijian")
    with pytest.raises(BadInput, match="有 4 个流程有任务 pcr_test"):
        coverage(office, actor, "pcr_test")
    assert coverage(office, actor, "pcr_test", workflow="key_group")["asked"] == 0
    with pytest.raises(BadInput, match="did you mean cold_chain"):
        coverage(office, actor, "cold_chian")
    with pytest.raises(BadInput, match="流程 seizure 没有任务 cold_chain"):
        coverage(office, actor, "cold_chain", workflow="seizure")
