"""What any unit reports: emergencies heard by the leader at once, opinion, rumours, and what is published."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.core.errors import Refused
from engine.proof.audit import verify
from engine.reading.queries import case_show
from engine.service import Office
from engine.timing.sweep import sweep

EMERGENCY = {"nature": "突发情况", "summary": "示例", "community": "东七社区", "reporter": "集中隔离点"}
BOTH = "示例·分管领导甲、示例·分管领导乙"
"""Who answers for the field, and who for the community it happened in."""


def alerts(office: Office, case: str) -> list[tuple[str, str]]:
    with office.store.reading() as driver:
        rows = driver.execute("SELECT level, told FROM alert WHERE case_id = ? ORDER BY raised_at, name, rung", (case,))
        return rows.fetchall()


def test_whoever_works_here_reports_an_emergency_and_the_leader_hears_at_once(office: Office) -> None:
    case = office.open_case("info", EMERGENCY, office.actor("geli"))["case"]
    assert alerts(office, case) == [("红", BOTH)], "in the transaction that opens it"
    assert not verify(office).problems
    assert "时限 响应" in messages(office, case)
    assert receivers(office, case) == ["示例·分管领导甲", "示例·分管领导乙"], "a message for each"
    sweep(office)
    assert alerts(office, case) == [("红", BOTH)], "and once"
    assert case_show(office, case, office.actor("geli"))["state"] == "reported"  # and sees what becomes of it
    assert not verify(office).problems


def messages(office: Office, case: str) -> str:
    with office.store.reading() as driver:
        rows = driver.execute("SELECT text FROM outbox WHERE case_id = ?", (case,)).fetchall()
    return "\n".join(text for (text,) in rows)


def receivers(office: Office, case: str) -> list[str]:
    with office.store.reading() as driver:
        return [told for (told,) in driver.execute("SELECT told FROM outbox WHERE case_id = ? ORDER BY id", (case,))]


def test_an_emergency_whose_place_nobody_knows_is_told_to_the_leader_of_the_field(office: Office) -> None:
    told = {name: value for name, value in EMERGENCY.items() if name != "community"}
    case = office.open_case("info", told, office.actor("geli"))["case"]
    assert alerts(office, case) == [("红", "示例·分管领导甲")]


def test_an_emergency_nobody_answers_climbs_until_the_leader_hears_again(
    office: Office, later: Callable[..., int]
) -> None:
    case = office.open_case("info", EMERGENCY, office.actor("geli"))["case"]
    later(minutes=31)
    assert alerts(office, case) == [
        ("红", BOTH),
        ("红", "应急办主要负责人"),
        ("红", BOTH),
    ]


def test_only_what_anybody_may_report_is_open_to_everybody(office: Office) -> None:
    for user in office.book().organisation.staff:
        office.open_case("info", EMERGENCY, office.actor(user))
    with pytest.raises(Refused, match="geli 没有权限 open"):
        office.open_case("publication", {"form": "宣传活动", "subject_of": "洗手"}, office.actor("geli"))


def test_what_is_told_in_a_report_never_stands_in_the_open(office: Office) -> None:
    case = office.open_case("info", EMERGENCY | {"summary": "李示例冲卡"}, office.actor("geli"))["case"]
    with office.store.reading() as driver:
        texts = [str(row) for row in driver.execute('SELECT snapshot FROM "case"').fetchall()]
        texts += [str(row) for row in driver.execute("SELECT data FROM event WHERE case_id = ?", (case,)).fetchall()]
    assert not any("李示例" in text for text in texts)


def test_goods_drawn_for_an_emergency_hang_on_it_until_they_are_issued(office: Office) -> None:
    yingji2, wuzi = office.actor("yingji2"), office.actor("wuzi")
    case = office.open_case("info", EMERGENCY, office.actor("geli"))["case"]
    now = office.now().isoformat()
    office.advance(case, "respond", yingji2, {"responded_at": now})
    (drawn,) = office.advance(case, "draw", yingji2, {"kit": "一处隔离点", "drawn_at": now})["opened"]
    found = office.case(drawn, wuzi)[0]
    assert (found.workflow, found.owner, found.facts["kit"]) == ("drawing", "党政办", "一处隔离点")
    assert found.parents == {case: "goods"}
    stocked = {
        "store": "库房",
        "use": "防护用品",
        "measure": "件",
        "minimum": 0,
        "stock": 500,
        "expires_on": "2024-05-01",
    }
    for item in ("医用防护口罩", "防护服", "手消毒液", "含氯消毒片", "抗原试剂"):
        office.open_case("supply", stocked | {"item": item, "batch": "一"}, wuzi)
    office.advance(drawn, "issue", wuzi, {"issued_at": now, "receiver": "应急办", "proof": "单-1"})
    assert office.case(case, yingji2)[0].children[drawn].final == "closed"
    assert not verify(office).problems
