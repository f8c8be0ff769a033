from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine.commands.children import open_child
from engine.core.case import Case
from engine.core.errors import BadInput, BihuanError, Conflict, Refused
from engine.proof import audit
from engine.service import Office
from tests.conftest import Make
from tests.samples import opened, quarantined

Later = Callable[..., int]
POSITIVE = {"name": "王示例", "phone": "13900005678", "community": "华业社区", "pcr_result": "阳性"}


def positive(office: Office, number: int = 0) -> str:
    answer = office.open_case("person", POSITIVE | {"phone": f"1390001{number:04d}"}, office.actor("huaye"))
    return str(answer["case"])


def contact(office: Office, parent: str, number: int, **facts: Any) -> dict[str, Any]:
    named = {"name": f"密接{number}", "phone": f"1390002{number:04d}", "community": "和平社区"}
    return open_child(office, parent, "", named | {"last_exposure": "2022-05-25"} | facts, office.actor("shewu"))


def seen(office: Office, case: str) -> Case:
    return office.case(case, office.actor("shuju"))[0]


def test_a_positive_case_opens_one_case_for_each_contact_linked_both_ways(office: Office) -> None:
    parent = positive(office)
    children = [contact(office, parent, number) for number in range(3)]
    assert {child["category"] for child in children} == {"密接"}
    assert [each.kind for each in seen(office, parent).children.values()] == ["contacts"] * 3
    for child in children:
        assert seen(office, child["case"]).parents == {parent: "contacts"}
    assert audit.verify(office).problems == []


def test_a_closed_child_is_told_to_its_parent_in_the_same_transaction(office: Office) -> None:
    parent = positive(office)
    child = contact(office, parent, 1)["case"]
    gone = {"calls_made": 3, "visited_at": office.now().isoformat(), "proof": "P1"}
    office.advance(child, "close_not_found", office.actor("heping"), gone)
    assert seen(office, parent).children[child].final == "closed"
    assert audit.verify(office).problems == []


def test_somebody_with_a_case_of_her_own_hangs_on_it_with_that_one(office: Office) -> None:
    facts = {"name": "密接1", "phone": "13900020001", "community": "和平社区", "origin_level": "none"}
    own = office.open_case("person", facts, office.actor("heping"))
    assert own["workflow"] == "registration"
    parent = positive(office)
    child = contact(office, parent, 1)
    assert child["workflow"] == "close_contact"
    assert seen(office, own["case"]).final == "reclassified"
    assert seen(office, child["case"]).parents == {parent: "contacts"}
    assert not seen(office, parent).children[child["case"]].final
    with pytest.raises(Refused, match="已在本案名下"):
        contact(office, parent, 1)
    assert audit.verify(office).problems == []


def test_what_cannot_be_opened_is_told_with_what_can(office: Office) -> None:
    parent = positive(office)
    with pytest.raises(BadInput, match="可用：密切接触者（contacts） — 是不是 contacts"):
        open_child(office, parent, "contact", {"name": "甲乙"}, office.actor("shewu"))
    with pytest.raises(Refused, match="没有这一职责"):
        open_child(office, parent, "", {"name": "甲乙", "phone": "13900020009"}, office.actor("shenpi"))
    with pytest.raises(BadInput, match="缺少 姓名"):
        open_child(office, parent, "", {"phone": "13900020009"}, office.actor("shewu"))


def test_results_of_the_index_case_are_told_to_those_who_wait_for_them(office: Office) -> None:
    index = quarantined(office)
    raw = {"name": "次密接甲", "phone": "13900020077", "community": "和平社区", "last_exposure": "2022-05-25"}
    child = open_child(office, index, "", raw, office.actor("shewu"))
    assert child["category"] == "次密接"
    now = office.now().isoformat()
    office.advance(index, "test", office.actor("geli"), {"pcr_result": "阴性", "sampled_at": now})
    assert [(done.task, done.result) for done in seen(office, child["case"]).index_results] == [("pcr_test", "阴性")]
    assert audit.verify(office).problems == []


def race(office: Office, rounds: int) -> int:
    """How often a parent closed over a child that was opened beside it."""
    closed_over = 0
    for number in range(rounds):
        parent = positive(office, number)
        gate = threading.Barrier(2)

        def close(parent: str = parent, gate: threading.Barrier = gate) -> None:
            gate.wait()
            try:
                office.advance(parent, "close_false_alarm", office.actor("shewu"), {"proof": "P1"})
            except (Refused, Conflict):
                return

        def name(parent: str = parent, gate: threading.Barrier = gate, number: int = number) -> None:
            gate.wait()
            try:
                contact(office, parent, 1000 + number)
            except BihuanError:
                return

        threads = [threading.Thread(target=close), threading.Thread(target=name)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with office.store.reading() as driver:
            hang = driver.execute(
                "SELECT count(*) FROM \"case\" AS c, json_each(c.snapshot, '$.parents') AS p WHERE p.key = ?", (parent,)
            ).fetchone()[0]
        case = seen(office, parent)
        closed_over += hang != len(case.children) or (
            bool(case.final) and hang > 0 and not told_before_close(office, case)
        )
    return closed_over


def told_before_close(office: Office, case: Case) -> bool:
    """Whether the child stands in the parent's events before the parent was closed."""
    with office.store.reading() as driver:
        order = [
            kind for (kind,) in driver.execute("SELECT type FROM event WHERE case_id = ? ORDER BY seq", (case.id,))
        ]
    return "child_opened" in order and order.index("child_opened") < len(order) - 1


@pytest.mark.parametrize("planted", [False, True], ids=["as it is", "planted: the child does not touch its parent"])
def test_a_parent_never_closes_over_a_child_opened_beside_it(
    make_office: Make, monkeypatch: pytest.MonkeyPatch, *, planted: bool
) -> None:
    office = make_office()
    if planted:
        monkeypatch.setattr("engine.alongside.with_relatives", lambda _, __, changes: list(changes))
    assert (race(office, 30) > 0) is planted
    assert planted or audit.verify(office).problems == []


def test_a_parent_closed_first_takes_no_more_children(office: Office) -> None:
    parent = opened(office)
    office.advance(parent, "close_false_alarm", office.actor("shewu"), {"proof": "P1"})
    with pytest.raises(Refused, match="案件在“误报”"):
        open_child(office, parent, "", {"name": "甲乙", "phone": "13900020009"}, office.actor("shewu"))


def test_a_child_is_named_as_the_screen_calls_it(office: Office) -> None:
    place = {"venue_name": "示例出租屋", "venue_type": "出租屋", "community": "东七社区", "address": "示例路 5 号"}
    venue = office.open_case("venue", place, office.actor("dongqi"))["case"]
    office.advance(venue, "file", office.actor("shewu"), {"reviewed_on": "2022-05-26", "network_grid": "示例员"})
    lodger = {"name": "甲示例", "phone": "13900007777", "origin_level": "none"}
    opened_ = open_child(office, venue, "流动人员", lodger, office.actor("dongqi"))
    assert seen(office, venue).children[opened_["case"]].kind == "resident"
    with pytest.raises(BadInput, match=r"可用：整改（rectification）.*did you mean 流动人员"):
        open_child(office, venue, "流动人口", lodger, office.actor("dongqi"))
