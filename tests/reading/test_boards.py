"""Boards: what they count is what they list, for whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.commands import custody, tasks, trips
from engine.commands.postponing import put_off
from engine.core.errors import BadInput
from engine.reading import boards
from engine.reading.queries import MOST_ROWS, case_list
from engine.service import Office
from tests.samples import admit, opened, several

USERS = ("shuju", "huaye", "heping", "zhuanyun", "geli", "shewu", "yingji")


def busy(office: Office, later: Callable[..., int]) -> dict[str, str]:
    """An office in the middle of a day: cases found, on a trip, in quarantine, shelved, and one overdue."""
    found = opened(office)
    shelved = opened(office, id_number="", name="乙", phone="13911111111")
    inside, *driven = several(office, 3)
    admit(office, inside)
    trips.open_trip(office, "皖A·1", "驾驶员", "集中隔离点", driven, office.actor("zhuanyun"))
    later(hours=13)
    tasks.claim(office, inside, "temperature", office.actor("geli"))
    put_off(office, shelved, "shelved", "verify", timedelta(days=1), office.actor("shenpi"), "等通知")
    return {"found": found, "shelved": shelved, "inside": inside, "driven": driven[0]}


def listed(office: Office, user: str, name: str) -> list[str]:
    return [row["case"] for row in boards.board(office, office.actor(user), name)]


def test_every_board_counts_what_it_lists(office: Office, later: Callable[..., int]) -> None:
    busy(office, later)
    for user in USERS:
        for told in boards.boards(office, office.actor(user)):
            rows = boards.board(office, office.actor(user), told.name)
            assert len(rows) == told.number, (user, told)
            late = {row["case"] for row in rows if row["overdue"]}
            if told.name != "waiting":
                assert bool(late) == bool(told.overdue), (user, told)


def test_a_counted_board_that_forgets_a_unit_is_found(
    office: Office, later: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "_BY_OWNER", tuple(sql.replace(":units", "'[]'") for sql in boards._BY_OWNER))  # noqa: SLF001
    with pytest.raises(AssertionError):
        test_every_board_counts_what_it_lists(office, later)


def test_no_board_shows_a_case_that_its_reader_may_not_see(office: Office, later: Callable[..., int]) -> None:
    busy(office, later)
    for user in USERS:
        actor = office.actor(user)
        seen = {row["case"] for row in case_list(office, actor, most=MOST_ROWS)}
        for name in boards.BOARDS:
            assert set(listed(office, user, name)) <= seen, (user, name)


def test_whoever_claimed_a_task_and_has_another_post_now_is_not_shown_the_case(
    office: Office, later: Callable[..., int]
) -> None:
    cases = busy(office, later)
    geli = office.actor("geli")
    assert [row["case"] for row in boards.board(office, geli, "mine")] == [cases["inside"]]
    assert boards.board(office, replace(geli, roles=(("site", "第二隔离点"),)), "mine") == []


def test_each_case_stands_where_its_people_look_for_it(office: Office, later: Callable[..., int]) -> None:
    cases = busy(office, later)
    assert listed(office, "geli", "我的") == [cases["inside"]]
    assert listed(office, "geli", "部门") == [cases["inside"]]
    assert cases["driven"] in listed(office, "geli", "待签收")
    assert listed(office, "zhuanyun", "待签收") == []
    assert set(listed(office, "huaye", "社区")) == {cases["found"], cases["shelved"]}
    assert listed(office, "huaye", "部门") == []
    assert listed(office, "huaye", "挂账") == [cases["shelved"]]
    assert cases["found"] in listed(office, "huaye", "超期")
    assert set(listed(office, "shuju", "社区")) == {cases["found"], cases["shelved"]}
    custody.accept(
        office, cases["driven"], office.actor("geli"), {"quarantine_started": office.now().isoformat(), "room": "5"}
    )
    assert cases["driven"] in listed(office, "geli", "部门")


def test_what_is_due_first_stands_above_with_how_late_it_is(office: Office, later: Callable[..., int]) -> None:
    first = opened(office)
    later(hours=1)
    second = opened(office, id_number="", name="乙", phone="13911111111")
    huaye = office.actor("huaye")
    assert [row["case"] for row in boards.board(office, huaye, "soon")] == [first, second]
    later(hours=1, minutes=30)
    (row,) = boards.board(office, huaye, "overdue")
    assert (row["case"], row["what"], row["due"], row["overdue"]) == (first, "核查", "2022-05-26 10:00", "30 分")
    assert [row["case"] for row in boards.board(office, huaye, "社区", 1)] == [first]


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(-1, ""), (0, "刚到"), (59, "59 分"), (60, "1 小时"), (125, "2 小时 5 分"), (1500, "1 天 1 小时")],
)
def test_how_late_something_is_is_told_in_words(minutes: int, told: str) -> None:
    assert boards.late(0, minutes * 60_000_000) == told


def test_a_board_that_is_none_is_told_with_the_nearest(office: Office) -> None:
    with pytest.raises(BadInput, match="没有看板 待签") as refused:
        boards.board(office, office.actor("geli"), "待签")
    assert "待签收" in refused.value.problems[0].hint


def test_what_only_the_giver_can_sign_for_waits_on_the_givers_board(office: Office) -> None:
    case = opened(office)
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    office.advance(case, "hand_over_out", office.actor("zhuanyun"), {"destination": "外市"})
    assert listed(office, "zhuanyun", "待签收") == [case]
    assert listed(office, "heping", "待签收") == []
