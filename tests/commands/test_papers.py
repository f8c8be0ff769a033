"""Papers printed and served: only by whom the rules name, on record, with the personal facts nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec import structs

from engine.commands import trips
from engine.commands.papers import papers_of, serve, sheets, suitable
from engine.commands.privacy import erase, personal
from engine.core.errors import BadInput, Refused
from engine.proof import audit
from engine.reading.queries import case_show
from engine.service import Office
from tests.conftest import Make
from tests.samples import CANARIES, opened, published, quarantined, several

Later = Callable[..., int]
NOTICE, RELEASE, URGED = "集中隔离告知书", "解除隔离告知书", "督办单"


def texts(office: Office, name: str, case: str, user: str) -> str:
    (sheet,) = sheets(office, name, [case], office.actor(user))
    return str(sheet.data)


def log(office: Office) -> bytes:
    with office.store.reading() as driver:
        return repr(driver.execute("SELECT type, data FROM event").fetchall()).encode()


def told(office: Office, case: str) -> list[str]:
    return [event["what"] for event in case_show(office, case, office.actor("shuju"))["timeline"]]


def test_a_notice_says_the_personal_facts_in_full_and_that_is_on_record(office: Office) -> None:
    case = quarantined(office)
    words = texts(office, NOTICE, case, "geli")
    for canary in (*CANARIES, "集中隔离点 301 房间", "2022年5月26日8时", "共14天", "密接", "和平路街道"):
        assert canary in words
    assert told(office, case)[-1] == f"打印{NOTICE}（和平街隔告〔2022〕{case}号），打开个人信息"
    assert not [canary for canary in CANARIES if canary.encode() in log(office)]
    assert audit.verify(office).problems == []


def test_only_whom_the_rules_name_prints_and_only_where_the_case_stands(office: Office) -> None:
    case = quarantined(office)
    with pytest.raises(Refused, match=r"AUTH-002.*huaye 不能出集中隔离医学观察告知书"):
        sheets(office, NOTICE, [case], office.actor("huaye"))
    with pytest.raises(BadInput, match="CASE-404"):
        sheets(office, NOTICE, [case], office.actor("geli2"))
    with pytest.raises(Refused, match=r"PAPER-003.*在“集中隔离医学观察”，不出解除集中隔离.*环节 已解除"):
        sheets(office, RELEASE, [case], office.actor("geli"))
    with pytest.raises(Refused, match="没有超期的时限，不出疫情防控工作督办单"):
        sheets(office, URGED, [case], office.actor("yingji"))
    with pytest.raises(BadInput, match=r"PAPER-002.*did you mean 督办单"):
        sheets(office, "督半单", [case], office.actor("yingji"))
    assert b"printed" not in log(office)


def test_one_that_cannot_be_printed_stops_all_with_every_reason(office: Office) -> None:
    inside, found = quarantined(office), opened(office, name="乙", id_number="", phone="13900009999")
    with pytest.raises(BadInput) as refused:
        sheets(office, NOTICE, [inside, found, "X"], office.actor("shewu"))
    assert [problem.code for problem in refused.value.problems] == ["PAPER-003", "CASE-404"]
    assert b"printed" not in log(office)


def test_an_overdue_case_is_urged_with_what_is_due_since_when_and_who_was_told(office: Office, later: Later) -> None:
    case = opened(office)
    assert suitable(office, URGED, office.actor("yingji")) == []
    later(hours=9)
    assert suitable(office, URGED, office.actor("yingji")) == [case]
    (sheet,) = sheets(office, URGED, [case], office.actor("yingji"))
    assert sheet.data["rows"] == [["1", "核查", "华业社区", "2022年5月26日10时", "7 小时", "红", "示例·分管领导甲"]]
    assert ["被督办单位", "华业社区"] in sheet.data["fields"]
    assert "李示例" not in str(sheet.data)


def test_in_bulk_every_case_that_stands_there_is_printed_once(office: Office) -> None:
    cases = [quarantined(office, str(room), id_number="", phone=f"1390000{room}") for room in range(1001, 1004)]
    opened(office, name="乙", id_number="", phone="13900009999")
    assert suitable(office, NOTICE, office.actor("geli"), "集中隔离医学观察") == sorted(cases)
    assert suitable(office, NOTICE, office.actor("geli2")) == []
    made = sheets(office, NOTICE, [*cases, cases[0]], office.actor("geli"))
    assert [sheet.code for sheet in made] == cases
    with pytest.raises(BadInput, match=r"ARG-005.*可用：集中隔离、集中隔离医学观察"):
        suitable(office, NOTICE, office.actor("geli"), "已解除")
    with pytest.raises(Refused, match="按车次打印"):
        suitable(office, "转运交接单", office.actor("geli"))


def test_more_than_can_be_printed_at_once_are_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.commands.papers.MOST", 1)
    for room in ("1", "2"):
        quarantined(office, room, id_number="", phone=f"1390000000{room}")
    with pytest.raises(Refused, match="超过 1 件"):
        suitable(office, NOTICE, office.actor("geli"))


def test_a_trip_has_one_sheet_with_a_line_for_each(office: Office) -> None:
    cases = several(office, 3)
    trip = trips.open_trip(office, "皖A·1", "王驾驶", "集中隔离点", cases, office.actor("zhuanyun"))["trip"]
    (sheet,) = sheets(office, "转运交接单", [trip], office.actor("zhuanyun"))
    assert sorted(row[5] for row in sheet.data["rows"]) == sorted(cases)
    assert {row[1] for row in sheet.data["rows"]} == {"甲0", "甲1", "甲2"}
    assert ["驾驶员", "王驾驶"] in sheet.data["fields"]
    now = office.now().isoformat()
    ticked = {case: {"入住时间": now, "room": str(n)} for n, case in enumerate(cases[:2])}
    trips.receive(office, trip, ticked, office.actor("geli"))
    (sheet,) = sheets(office, "转运交接单", [trip], office.actor("geli"))
    assert sorted(row[7] for row in sheet.data["rows"]) == ["已签收", "已签收", "未到"]
    with pytest.raises(Refused, match="AUTH-002"):
        sheets(office, "转运交接单", [trip], office.actor("geli2"))
    with pytest.raises(BadInput, match="没有车次"):
        sheets(office, "转运交接单", [cases[0]], office.actor("geli"))


def test_service_is_on_the_case_with_its_time_and_the_signature_is_sealed(office: Office, later: Later) -> None:
    case = quarantined(office)
    actor, at = office.actor("geli"), office.now()
    with pytest.raises(Refused, match=r"PAPER-004.*没有打印过"):
        serve(office, case, NOTICE, actor, at, "李示例")
    sheets(office, NOTICE, [case], actor)
    later(hours=2)
    for wrong in (timedelta(minutes=-1), timedelta(hours=3)):
        with pytest.raises(Refused, match="不早于打印（2022-05-26 08:00），不晚于现在"):
            serve(office, case, NOTICE, actor, at + wrong, "李示例")
    with pytest.raises(BadInput, match="缺少 签收人"):
        serve(office, case, NOTICE, actor, at, " ")
    with pytest.raises(Refused, match="AUTH-002"):
        serve(office, case, NOTICE, office.actor("huaye"), at, "李示例")
    first = serve(office, case, NOTICE, actor, at + timedelta(hours=1), "签收人王某", "key-1")
    assert serve(office, case, NOTICE, actor, at + timedelta(hours=1), "签收人王某", "key-1") == first
    assert told(office, case).count(f"{NOTICE}已送达（签收人已加密留存）") == 1
    assert "签收人王某".encode() not in log(office)
    shown = personal(office, office.case(case, actor)[0], office.actor("shuju"), "核对签收")
    assert "签收人王某" in shown.values()
    assert "签收人王某" not in personal(office, office.case(case, actor)[0], actor).values()
    listed = {row["paper"]: row for row in papers_of(office, actor, case)}
    assert (listed[NOTICE]["printed"], listed[NOTICE]["served"]) == ("2022-05-26 08:00", "2022-05-26 09:00")
    assert audit.verify(office).problems == []


def test_printing_and_serving_move_nothing_of_a_case(office: Office) -> None:
    case = quarantined(office)
    before = office.case(case, office.actor("shuju"))[0]
    sheets(office, NOTICE, [case], office.actor("geli"))
    serve(office, case, NOTICE, office.actor("geli"), office.now(), "王某")
    assert office.case(case, office.actor("shuju"))[0] == structs.replace(before, seq=before.seq + 2)


def test_a_case_has_the_papers_of_its_own_rules(make_office: Make, pack_files: dict[str, bytes]) -> None:
    office = make_office()
    case = quarantined(office)
    less = {name: raw for name, raw in pack_files.items() if "quarantine_notice" not in name}
    cited = f"paper {NOTICE}, ".encode()
    assert cited in less["rules/clauses.yaml"]
    published(office, less | {"rules/clauses.yaml": less["rules/clauses.yaml"].replace(cited, b"")})
    assert NOTICE not in office.book().papers
    assert NOTICE in {row["paper"] for row in papers_of(office, office.actor("geli"), case)}
    assert NOTICE not in {row["paper"] for row in papers_of(office, office.actor("geli"))}


def test_whoever_was_never_at_the_site_gets_no_paper_that_says_so(office: Office, later: Later) -> None:
    told = {"name": "乙", "phone": "13900009999", "community": "华业社区", "origin_level": "low"}
    told |= {"arrived_on": "2022-05-26", "left_on": "2022-05-25"}
    case = str(office.open_case("person", told, office.actor("huaye"))["case"])
    now = office.now().isoformat()
    office.advance(case, "keep_at_home", office.actor("huaye"), {"checked_at": now})
    later(days=7)
    taken = {"pcr_result": "阴性", "sampled_at": office.now().isoformat()}
    office.advance(case, "test", office.actor("huaye"), taken)
    office.advance(case, "release_home", office.actor("shenpi"))
    assert suitable(office, RELEASE, office.actor("shenpi")) == []
    with pytest.raises(Refused, match="要求入住时间已填写"):
        sheets(office, RELEASE, [case], office.actor("shenpi"))


def test_what_was_erased_is_left_blank_on_paper(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=14)
    taken = {"pcr_result": "阴性", "sampled_at": office.now().isoformat()}
    office.advance(case, "test", office.actor("geli"), taken)
    office.advance(case, "release", office.actor("shenpi"))
    assert "李示例" in texts(office, RELEASE, case, "shenpi2")
    erase(office, office.case(case, office.actor("shuju"))[0].subject, office.actor("guanli"))
    (sheet,) = sheets(office, RELEASE, [case], office.actor("shenpi2"))
    assert not [canary for canary in CANARIES if canary in str(sheet.data)]
    assert sheet.data["to"] == "＿＿＿＿＿＿"
    assert ["检测结果", "阴性"] in sheet.data["fields"]


def test_a_sheet_that_urges_names_the_matter_and_the_notice_the_number_it_was_urged_under(
    office: Office, later: Later
) -> None:
    found = {"issue_source": "superior", "inspected": "和平社区", "found_what": "核酸点没有分区", "place": "示例核酸点"}
    case = office.open_case("issue", found, office.actor("jigong"))["case"]
    later(hours=9)
    (sheet,) = sheets(office, URGED, [case], office.actor("xiaoneng"))
    assert ["所涉事项", "核酸点没有分区"] in sheet.data["fields"]
    assert ["所涉场所、单位", "示例核酸点"] in sheet.data["fields"]
    jigong, now = office.actor("jigong"), office.now().isoformat()
    office.advance(case, "look", jigong, {"factual": "是", "looked_at": now, "sender": "上级督查组"})
    office.advance(case, "urge", jigong, {"urged_at": now, "document_no": "督1"})
    (notice,) = sheets(office, "整改通知书", [case], jigong)
    assert ["督办文号", "督1"] in notice.data["fields"]
    assert ["责任单位", "和平社区"] in notice.data["fields"]
    emergency = office.open_case("info", {"nature": "突发情况", "summary": "一人倒地"}, office.actor("yingji2"))["case"]
    later(hours=9)
    (sheet,) = sheets(office, URGED, [emergency], office.actor("shuju"))
    assert ["所涉事项", "一人倒地"] in sheet.data["fields"]
