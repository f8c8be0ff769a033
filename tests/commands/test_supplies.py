"""Numbers that amounts add to and take from, and cases that are opened when one has become too small."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import lifecycle
from engine.core.conditions import Fact
from engine.core.errors import Refused
from engine.core.evolving import evolve
from engine.core.judging import Stated
from engine.core.org import Actor
from engine.core.rulebook import Rulebook
from engine.core.values import parse_time
from engine.proof.audit import verify
from engine.reading.queries import case_list
from engine.service import Office
from tests.conftest import START

MASKS: dict[str, str | int] = {
    "item": "口罩",
    "store": "库房",
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
    office.advance(order, "order", wuzi, {"quantity": 10, "ordered_at": now})
    office.advance(order, "arrive", wuzi, {"quantity": 10, "arrived_at": now, "proof": "单-1"})
    assert orders(office) == []
    issue(office, case, 1)
    assert len(orders(office)) == 1
    assert office.case(order, wuzi)[0].facts["item"] == "口罩"
    assert not verify(office).problems


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
