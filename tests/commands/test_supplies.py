"""Numbers that amounts add to and take from, and cases that are opened when one has become too small."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.corrections import correct
from engine.core import lifecycle
from engine.core.conditions import Fact
from engine.core.errors import Refused
from engine.core.evolving import evolve
from engine.core.judging import Stated
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.core.values import parse_time
from engine.proof.audit import verify
from engine.reading.queries import case_list, case_show
from engine.service import Office
from engine.timing.sweep import move_clock
from tests.conftest import START

MASKS: dict[str, str | int] = {
    "item": "口罩",
    "store": "库房",
    "batch": "一",
    "use": "防护用品",
    "measure": "只",
    "stock": 100,
    "minimum": 50,
    "expires_on": "2023-05-01",
}


def kept(office: Office) -> str:
    return str(office.open_case("supply", MASKS, office.actor("wuzi"))["case"])


def issue(office: Office, case: str, quantity: int) -> None:
    given = {"quantity": quantity, "moved_at": office.now().isoformat(), "receiver": "转运专班"}
    office.advance(case, "issue", office.actor("wuzi"), given)


def orders(office: Office) -> list[str]:
    return [row["case"] for row in case_list(office, office.actor("wuzi")) if row["category"] == "补货"]


def test_below_the_minimum_an_order_is_opened_once_and_again_when_that_is_done(office: Office) -> None:
    case = kept(office)
    issue(office, case, 50)
    assert orders(office) == []
    issue(office, case, 1)
    (order,) = orders(office)
    issue(office, case, 9)
    assert orders(office) == [order]
    wuzi, now = office.actor("wuzi"), office.now().isoformat()
    office.advance(order, "order", wuzi, {"quantity": 9, "ordered_at": now})
    office.advance(order, "arrive", wuzi, {"quantity": 9, "arrived_at": now, "proof": "单-1"})
    (again,) = orders(office)  # 49 are still below 50
    assert again != order
    office.advance(again, "order", wuzi, {"quantity": 1, "ordered_at": now})
    told = {"quantity": 1, "arrived_at": now, "proof": "单-2", "expires_on": "2024-01-01"}
    office.advance(again, "arrive", wuzi, told)
    stock = office.case(case, wuzi)[0]
    assert (stock.facts["stock"], stock.facts["expires_on"]) == (50, "2024-01-01")
    assert orders(office) == []
    issue(office, case, 1)
    assert len(orders(office)) == 1
    assert office.case(order, wuzi)[0].facts["item"] == "口罩"
    assert not verify(office).problems


def test_an_amount_is_put_right_only_together_with_the_stock_that_it_was_counted_into(office: Office) -> None:
    wuzi = office.actor("wuzi")
    case = kept(office)
    office.advance(case, "receive", wuzi, {"quantity": 1000, "moved_at": office.now().isoformat()})
    with pytest.raises(Refused) as refused:
        correct(office, case, {"quantity": 100}, "多写了一个零", wuzi)
    (problem,) = refused.value.problems
    assert (problem.code, problem.what) == ("CASE-010", "数量已计入库存（现为 1100），不能只更正它")
    assert "数量=100 库存=…" in problem.hint
    correct(office, case, {"quantity": 100, "stock": 200}, "多写了一个零", wuzi)
    facts = office.case(case, wuzi)[0].facts
    assert (facts["quantity"], facts["stock"]) == (100, 200)
    correct(office, case, {"quantity": 90, "stock": 200}, "库存另已盘点", wuzi)
    correct(office, case, {"stock": 190}, "重数", wuzi)
    assert office.case(case, wuzi)[0].facts["stock"] == 190
    assert not verify(office).problems


def test_the_timeline_of_a_stock_is_its_ledger(office: Office) -> None:
    wuzi, now = office.actor("wuzi"), office.now().isoformat()
    case = kept(office)
    issue(office, case, 10)
    office.advance(case, "receive", wuzi, {"quantity": 5, "moved_at": now})
    office.advance(case, "count", wuzi, {"counted": "账实相符", "counted_at": now, "stock": 94})
    correct(office, case, {"stock": 93}, "重数", wuzi)
    told = [event["what"] for event in case_show(office, case, wuzi)["timeline"]]
    assert [what for what in told if "库存" in what] == [
        "出库：数量 10（库存 90）",
        "入库：数量 5（库存 95）",
        "登记盘点：账实相符，库存 94",
        "更正：库存 94 → 93",
    ]


def test_a_stock_opened_below_its_minimum_is_ordered_for_at_once_and_so_is_one_whose_minimum_is_raised(
    office: Office,
) -> None:
    wuzi = office.actor("wuzi")
    low = office.open_case("supply", MASKS | {"stock": 10}, wuzi)
    assert [office.case(order, wuzi)[0].parents for order in low["opened"]] == [{low["case"]: "refill"}]
    enough = office.open_case("supply", MASKS | {"batch": "二"}, wuzi)
    assert "opened" not in enough
    correct(office, enough["case"], {"minimum": 200}, "上级要求", wuzi)
    assert len(orders(office)) == 2
    assert not verify(office).problems


def test_what_will_soon_expire_is_ordered_anew_by_time_alone_once_and_again_at_the_next_rung(office: Office) -> None:
    wuzi = office.actor("wuzi")
    expires = office.now() + timedelta(days=40)
    case = office.open_case("supply", MASKS | {"expires_on": expires.date().isoformat()}, wuzi)["case"]

    def renewals() -> list[str]:
        return [row["case"] for row in case_list(office, wuzi) if row["category"] == "换货"]

    move_clock(office, timedelta(days=9))
    assert renewals() == []
    move_clock(office, timedelta(days=5))
    (renewal,) = renewals()
    move_clock(office, timedelta(days=20))
    assert renewals() == [renewal]
    now = office.now().isoformat()
    office.advance(renewal, "order", wuzi, {"quantity": 100, "ordered_at": now})
    office.advance(renewal, "arrive", wuzi, {"quantity": 100, "arrived_at": now, "proof": "单-1"})
    assert renewals() == []
    move_clock(office, timedelta(days=10))  # the old ones are still there and expire
    assert len(renewals()) == 1
    assert office.case(case, wuzi)[0].facts["stock"] == 200
    assert not verify(office).problems


def drawn(office: Office, kit: str) -> str:
    facts = {"cause": "应急领用", "item": "应急物资", "kit": kit}
    return str(office.open_case("order", facts, office.actor("wuzi"))["case"])


def stocked(office: Office, item: str, stock: int, expires: str, batch: str = "一") -> str:
    facts = MASKS | {"item": item, "batch": batch, "stock": stock, "minimum": 0, "expires_on": expires}
    return str(office.open_case("supply", facts, office.actor("wuzi"))["case"])


def test_a_kit_is_drawn_from_the_stocks_that_expire_first_and_all_of_it_or_nothing(office: Office) -> None:
    wuzi = office.actor("wuzi")
    late = stocked(office, "医用防护口罩", 100, "2024-05-01")
    soon = stocked(office, "医用防护口罩", 15, "2023-05-01", "二")
    suits = stocked(office, "防护服", 4, "2024-05-01")
    kit = drawn(office, "单人转运")
    given = {"issued_at": office.now().isoformat(), "receiver": "转运专班", "proof": "单-1"}

    def stock(case: str) -> object:
        return office.case(case, wuzi)[0].facts["stock"]

    with pytest.raises(Refused) as refused:
        office.advance(kit, "issue", wuzi, given)
    assert [problem.what for problem in refused.value.problems] == ["防护服要 5，只有 4", "手消毒液要 2，没有登记"]
    assert (stock(soon), stock(late), stock(suits)) == (15, 100, 4)
    gel = stocked(office, "手消毒液", 2, "2024-05-01")
    lacking = office.advance(kit, "lack", wuzi, {"lacking_at": office.now().isoformat()})
    assert sorted(lacking["moved"]) == sorted([soon, late, suits, gel])
    (order,) = orders(office)
    assert office.case(order, wuzi)[0].facts["wanted"] == 5
    now = office.now().isoformat()
    office.advance(order, "order", wuzi, {"quantity": 10, "ordered_at": now})
    office.advance(order, "arrive", wuzi, {"quantity": 10, "arrived_at": now, "proof": "单-2"})
    answer = office.advance(kit, "issue", wuzi, given)
    assert answer["final"] == "closed"
    assert (stock(soon), stock(late), stock(suits), stock(gel)) == (0, 95, 9, 0)
    assert office.case(soon, wuzi)[0].facts["for_case"] == kit
    assert not verify(office).problems


def test_a_second_kit_for_an_emergency_is_drawn_beside_the_first_that_is_not_issued_yet(office: Office) -> None:
    yingji, now = office.actor("yingji2"), office.now().isoformat()
    info = {"nature": "突发情况", "summary": "示例", "community": "东七社区"}
    case = office.open_case("info", info, yingji)["case"]
    office.advance(case, "respond", yingji, {"responded_at": now})
    kits = ("单人转运", "小区封控")
    found = [office.advance(case, "draw", yingji, {"kit": kit, "drawn_at": now})["opened"] for kit in kits]
    assert [[office.case(one, yingji)[0].facts["kit"] for one in opened] for opened in found] == [[kit] for kit in kits]
    assert not verify(office).problems


def test_what_is_not_registered_does_not_keep_the_rest_from_being_bought_and_is_told(office: Office) -> None:
    wuzi = office.actor("wuzi")
    stocked(office, "防护服", 4, "2024-05-01")
    kit = drawn(office, "单人转运")
    answer = office.advance(kit, "lack", wuzi, {"lacking_at": office.now().isoformat()})
    assert answer["unregistered"] == {"医用防护口罩": 20, "手消毒液": 2}
    assert [office.case(order, wuzi)[0].facts["wanted"] for order in orders(office)] == [5]
    assert office.case(kit, wuzi)[0].deadlines.keys() == {"buy"}, "the drawing sees to what nobody registered"
    given = {"issued_at": office.now().isoformat(), "receiver": "转运专班", "proof": "单-1"}
    with pytest.raises(Refused, match="手消毒液要 2，没有登记"):
        office.advance(kit, "issue", wuzi, given)
    stocked(office, "医用防护口罩", 20, "2024-05-01")
    stocked(office, "手消毒液", 2, "2024-05-01")
    (order,) = orders(office)
    now = office.now().isoformat()
    office.advance(order, "order", wuzi, {"quantity": 5, "ordered_at": now})
    office.advance(order, "arrive", wuzi, {"quantity": 5, "arrived_at": now, "proof": "单-2"})
    assert office.advance(kit, "issue", wuzi, given)["final"] == "closed"


def test_nothing_is_issued_twice_by_two_at_once(office: Office) -> None:
    case = kept(office)
    barrier, ends = threading.Barrier(2), []

    def go() -> None:
        barrier.wait()
        try:
            issue(office, case, 60)
            ends.append("won")
        except Refused as refused:
            ends.append("told" if "库存现有 40，数量 60，会成为 -20" in str(refused) else str(refused))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["told", "won"]
    assert office.case(case, office.actor("wuzi"))[0].facts["stock"] == 40


@given(st.lists(st.tuples(st.sampled_from(["receive", "issue"]), st.integers(1, 80)), max_size=25))
def test_the_stock_is_what_came_in_less_what_went_out_and_never_below_nothing(
    book: Rulebook, moves: list[tuple[str, int]]
) -> None:
    now, actor = parse_time(START), Actor("wuzi", (("officer", "党政办"),))
    facts: dict[str, Fact] = {**MASKS, "expires_on": parse_time("2023-05-01T00:00+08:00").date()}
    first, _ = lifecycle.open_case(book, "supply", "S", Stated(facts), actor, now)
    case, stock = evolve(None, first, "C"), 100
    for verb, quantity in moves:
        more = {"receiver": "转运专班"} if verb == "issue" else {}
        stated = Stated({"quantity": quantity, "moved_at": now, **more})
        expected = stock + (quantity if verb == "receive" else -quantity)
        if expected < 0:
            with pytest.raises(Refused, match=f"会成为 {expected}"):
                lifecycle.advance(book, case, verb, actor, stated, now)
            continue
        for happened in lifecycle.advance(book, case, verb, actor, stated, now):
            case = evolve(case, happened)
        stock = expected
        assert case.facts["stock"] == stock
