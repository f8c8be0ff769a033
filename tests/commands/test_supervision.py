"""Whoever is to supervise sees every unit's work and urges it, and has no hand in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.commands import custody, tasks
from engine.commands.children import open_child
from engine.commands.corrections import correct
from engine.commands.noting import acknowledge
from engine.commands.papers import papers_of, serve, sheets, suitable
from engine.commands.postponing import put_off
from engine.core.errors import BadInput, Refused
from engine.core.org import Actor
from engine.proof import audit
from engine.reading.boards import board, boards
from engine.reading.coverage import coverage
from engine.reading.queries import alert_list, case_list, case_show, task_list
from engine.reading.reports import tell
from engine.service import Office
from tests.commands.test_overdue import CLOSURE
from tests.commands.test_venues import PATROL, registered
from tests.conftest import Make
from tests.samples import CANARIES, CONTACT, opened, quarantined

Later = Callable[..., int]
URGED, NOTICE = "督办单", "集中隔离告知书"
INSPECTORS = ("jigong", "xiaoneng")
LEADERS = ("lingdao", "lingdao2")


def neglected(office: Office, later: Later) -> dict[str, str]:
    """Two communities' venues, and a close contact, of which nobody has done anything for two days."""
    cases = {
        "网吧": registered(office, "网吧", community="和平社区").id,
        "餐厅": registered(office, "餐厅", community="铁路新村社区").id,
        "person": opened(office),
    }
    later(hours=50)
    return cases


@pytest.mark.parametrize("user", INSPECTORS + LEADERS)
def test_an_inspector_or_a_leader_lists_what_is_overdue_in_any_unit(office: Office, later: Later, user: str) -> None:
    cases = neglected(office, later)
    actor = office.actor(user)
    late = case_list(office, actor, workflow="场所管理", overdue=True)
    assert {row["case"] for row in late} == {cases["网吧"], cases["餐厅"]}
    assert {row["case"] for row in case_list(office, actor, overdue=True, unit="铁路新村社区")} == {cases["餐厅"]}
    assert "每日巡查" in {row["what"] for row in board(office, actor, "超期", 1000) if row["case"] == cases["网吧"]}
    assert cases["网吧"] in {row["case"] for row in task_list(office, actor, everything=True, most=1000)}
    assert cases["网吧"] in {row["case"] for row in alert_list(office, actor, most=1000)}


def test_what_an_inspector_counts_is_what_the_street_counts(office: Office, later: Later) -> None:
    neglected(office, later)
    shuju, wuzi = office.actor("shuju"), office.actor("wuzi")
    for user in INSPECTORS:
        actor = office.actor(user)
        told = coverage(office, actor, "每日巡查")
        assert told == coverage(office, shuju, "每日巡查")
        assert (told["asked"], told["covered"], told["unseen"]) == (2, 0, 0)
        assert boards(office, actor)[1:] == boards(office, shuju)[1:]
        assert tell(office, "network", actor).pages == tell(office, "network", wuzi).pages
        daily = tell(office, "daily", actor)
        assert daily.pages == tell(office, "daily", shuju).pages
        assert not [canary for canary in CANARIES if canary in str(daily)]


def test_a_board_is_told_of_one_unit_to_whoever_sees_all(office: Office, later: Later) -> None:
    neglected(office, later)
    jigong, heping = office.actor("jigong"), office.actor("heping")
    assert boards(office, jigong, "和平社区")[1:] == boards(office, heping)[1:]
    assert board(office, jigong, "超期", 1000, "和平社区") == board(office, heping, "超期", 1000)
    raw = {"issue_source": "superior", "inspected": "和平社区", "found_what": "示例"}
    mine = office.open_case("issue", raw, jigong)["case"]
    assert [row["case"] for row in board(office, jigong, "部门", unit="纪工委")] == [mine]
    with pytest.raises(Refused, match=r"AUTH-002.*heping 不能看 铁路新村社区 的看板"):
        board(office, heping, "超期", unit="铁路新村社区")
    with pytest.raises(BadInput, match=r"UNIT-001.*did you mean 和平社区"):
        boards(office, jigong, "和平社")


def test_an_inspector_urges_what_its_unit_never_had_to_do_with(office: Office, later: Later) -> None:
    cases = neglected(office, later)
    jigong = office.actor("jigong")
    assert set(cases.values()) <= set(suitable(office, URGED, jigong))
    sheet, of_person = sheets(office, URGED, [cases["网吧"], cases["person"]], jigong)
    assert "每日巡查" in {row[1] for row in sheet.data["rows"]}
    assert ["所涉场所、单位", "示例网吧"] in sheet.data["fields"]
    assert not [canary for canary in CANARIES if canary in str(of_person.data)]
    serve(office, cases["网吧"], URGED, jigong, office.now(), "签收人王某")
    heping = office.actor("heping")
    told = [event["what"] for event in case_show(office, cases["网吧"], heping)["timeline"]]
    number = f"和平街督〔2022〕{cases['网吧']}号"
    assert told[-2:] == [f"打印{URGED}（{number}），不填个人信息", f"{URGED}已送达（签收人已加密留存）"]
    listed = {row["paper"]: row for row in papers_of(office, jigong, cases["网吧"])}
    assert listed[URGED]["served"] == "2022-05-28 10:00"
    assert audit.verify(office).problems == []


def test_a_sheet_of_what_was_only_seen_says_nothing_personal(office: Office, later: Later) -> None:
    told = {"nature": "突发情况", "summary": "王某在路口晕倒", "spot": "和平路某号"}
    case = office.open_case("info", told, office.actor("huaye"))["case"]
    later(hours=9)
    (seen,) = sheets(office, URGED, [case], office.actor("jigong"))
    assert "王某" not in str(seen.data)
    assert "和平路某号" not in str(seen.data)
    (whole,) = sheets(office, URGED, [case], office.actor("shuju"))
    assert "王某在路口晕倒" in str(whole.data)
    with pytest.raises(Refused, match="AUTH-002"):
        sheets(office, URGED, [case], office.actor("huaye"))


def test_nobody_urges_what_is_her_own_unit_s_to_do(office: Office, later: Later) -> None:
    raw = {"issue_source": "superior", "inspected": "和平社区", "found_what": "示例"}
    case = office.open_case("issue", raw, office.actor("jigong"))["case"]
    later(hours=9)
    for user in ("jigong", "jigong2"):
        with pytest.raises(Refused, match=rf"AUTH-002.*逾期的事归 纪工委 办，{user} 不能出.*由别的单位的人出"):
            sheets(office, URGED, [case], office.actor(user))
        assert case not in suitable(office, URGED, office.actor(user))
    assert case in suitable(office, URGED, office.actor("xiaoneng"))
    (sheet,) = sheets(office, URGED, [case], office.actor("xiaoneng"))
    assert ["被督办单位", "纪工委"] in sheet.data["fields"]


def test_a_sheet_asks_for_each_thing_of_whoever_may_do_it(office: Office, later: Later) -> None:
    case = registered(office, "三无小区", community="铁路新村社区").id
    closed = CLOSURE | {"closed_until": "2022-05-27 08:00", "entrances_kept": "2"}
    office.advance(case, "restrict", office.actor("chengguanzhang"), closed)
    later(hours=40)
    (sheet,) = sheets(office, URGED, [case], office.actor("jigong"))
    doers = {row[1]: row[2] for row in sheet.data["rows"]}
    assert doers["管控到期后解除或延长"] == "城市管理部（部门负责人）", "the community that owns it may not reopen it"
    assert doers["封闭（关闭）落实检查"] == "铁路新村社区"
    assert ["被督办单位", "铁路新村社区、城市管理部"] in sheet.data["fields"]
    assert ["第一责任人", "铁路新村社区主要负责人、城市管理部主要负责人"] in sheet.data["fields"]
    assert sheet.data["to"] == "铁路新村社区、城市管理部"


def test_a_paper_that_is_not_printed_by_sight_needs_work_on_the_case(
    make_office: Make, pack_files: dict[str, bytes]
) -> None:
    name = "rules/papers/quarantine_notice.yaml"
    text = pack_files[name].decode()
    assert "\nby: [site" in text
    theirs = text.replace("\nby: [site", "\nby: [inspector, site")
    office = make_office(files=pack_files | {name: theirs.encode()})
    case = quarantined(office)
    with pytest.raises(Refused, match="AUTH-002"):
        sheets(office, NOTICE, [case], office.actor("jigong"))
    assert suitable(office, NOTICE, office.actor("jigong")) == []
    office = make_office(files=pack_files | {name: theirs.replace("\nby:", "\nby_sight: true\nby:").encode()})
    (sheet,) = sheets(office, NOTICE, [quarantined(office)], office.actor("jigong"))
    assert not [canary for canary in CANARIES if canary in str(sheet.data)]


ACTS: dict[str, tuple[str, str, Callable[[Office, str, Actor], object]]] = {
    "a step": (
        "person",
        "没有这一职责",
        lambda o, c, a: o.advance(c, "verify", a, {"checked_at": o.now().isoformat()}),
    ),
    "a result": ("网吧", "没有这一职责", lambda o, c, a: o.advance(c, "check_patrol", a, patrolled(o))),
    "a claim": ("网吧", "TASK-002.*没有这一职责", lambda o, c, a: tasks.claim(o, c, "每日巡查", a)),
    "a waiver": ("网吧", "TASK-003.*没有这一职责", lambda o, c, a: tasks.skip(o, c, "每日巡查", a, "不必")),
    "an alert": ("网吧", "ALERT-002", lambda o, c, a: acknowledge(o, c, "", a)),
    "a deadline": (
        "person",
        "没有这一职责",
        lambda o, c, a: put_off(o, c, "extended", "verify", timedelta(hours=1), a, "等通知"),
    ),
    "a fact": ("person", "AUTH-002", lambda o, c, a: correct(o, c, {"community": "东七社区"}, "错了", a)),
    "a hand-over": ("网吧", "不能交出", lambda o, c, a: custody.offer(o, c, "纪工委", a)),
    "a child": ("person", "没有这一职责", lambda o, c, a: open_child(o, c, "", CONTACT, a)),
    "what is personal": ("person", "AUTH-002.*jigong 只能看，不能 reveal", lambda o, c, a: case_show(o, c, a, "想看")),
}
"""What is tried on which case, and what it is refused with."""


def patrolled(office: Office) -> dict[str, str]:
    return PATROL | {"check_result": "落实", "checked_at": office.now().isoformat()}


@pytest.mark.parametrize("act", ACTS)
def test_an_inspector_has_no_hand_in_the_work_of_others(office: Office, later: Later, act: str) -> None:
    kind, words, try_it = ACTS[act]
    case = neglected(office, later)[kind]
    with office.store.reading() as driver:
        before = driver.execute("SELECT count(*) FROM event").fetchone()
    with pytest.raises(Refused, match=words):
        try_it(office, case, office.actor("jigong"))
    with office.store.reading() as driver:
        assert driver.execute("SELECT count(*) FROM event").fetchone() == before


def test_what_an_inspector_sees_of_others_is_masked_and_her_own_is_hers_to_open(office: Office, later: Later) -> None:
    case = neglected(office, later)["person"]
    jigong = office.actor("jigong")
    shown = case_show(office, case, jigong)
    assert not [canary for canary in CANARIES if canary in str(shown)]
    with pytest.raises(Refused, match=r"AUTH-002.*jigong 只能看，不能 reveal.*本单位牵头"):
        case_show(office, case, jigong, "想看")
    raw = {"issue_source": "supervision", "inspected": "和平社区", "found_what": "王某没有戴口罩"}
    issue = office.open_case("issue", raw, jigong)["case"]
    assert "王某没有戴口罩" in case_show(office, issue, jigong, "核对问题")["personal"].values()


@pytest.mark.parametrize("user", LEADERS)
def test_a_leader_notes_the_alert_that_tells_her_beside_another(office: Office, later: Later, user: str) -> None:
    raw = {"nature": "突发情况", "summary": "示例", "community": "东七社区"}
    case = office.open_case("info", raw, office.actor("huaye"))["case"]
    later(hours=1)
    leader = office.actor(user)
    both = {"示例·分管领导甲、示例·分管领导乙", "示例·分管领导乙、示例·分管领导甲"}
    mine = [row for row in alert_list(office, leader, most=1000) if row["case"] == case and row["told"] in both]
    assert mine
    assert acknowledge(office, case, "respond", leader) >= len(mine)


def test_a_leader_neither_notes_what_tells_another_nor_takes_a_step_nor_sees_who_it_is(
    office: Office, later: Later
) -> None:
    case = neglected(office, later)["person"]
    leader, other = office.actor("lingdao"), office.actor("lingdao2")
    assert not [canary for canary in CANARIES if canary in str(case_show(office, case, leader))]
    with pytest.raises(Refused, match=r"AUTH-002.*lingdao.*reveal"):
        case_show(office, case, leader, "想看")
    with pytest.raises(Refused, match="没有这一职责"):
        office.advance(case, "verify", leader, {"checked_at": office.now().isoformat()})
    with pytest.raises(Refused, match=r"ALERT-002.*由 .*示例·分管领导甲"):
        acknowledge(office, case, "verify", other)
    assert acknowledge(office, case, "verify", leader) > 0


def test_to_see_all_gives_no_right_over_all(make_office: Make, pack_files: dict[str, bytes]) -> None:
    text = pack_files["rules/organisation.yaml"].decode()
    old, new = "sees: all, may: [open, reveal]", "sees: all, may: [open, reveal, correct, confirm]"
    assert old in text
    office = make_office(files=pack_files | {"rules/organisation.yaml": text.replace(old, new).encode()})
    case = opened(office)
    with pytest.raises(Refused, match="jigong 只能看，不能 correct"):
        correct(office, case, {"community": "东七社区"}, "错了", office.actor("jigong"))


def test_without_sight_of_all_an_inspector_sees_nothing_of_others(
    make_office: Make, pack_files: dict[str, bytes]
) -> None:
    text = pack_files["rules/organisation.yaml"].decode()
    assert "scope: involved, sees: all" in text
    blind = text.replace("scope: involved, sees: all", "scope: involved").encode()
    office = make_office(files=pack_files | {"rules/organisation.yaml": blind})
    case = opened(office)
    with pytest.raises(BadInput, match="CASE-404"):
        case_show(office, case, office.actor("jigong"))
    assert case_list(office, office.actor("jigong"), workflow="close_contact") == []
