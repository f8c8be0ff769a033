"""What is overdue outlives the state a case stands in, and what is overdue when it closes is missed, and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.commands import tasks
from engine.commands.corrections import correct
from engine.commands.standing import open_standing
from engine.core.case import micros
from engine.core.reckoning import _Entering
from engine.core.values import parse_time
from engine.proof import audit
from engine.reading.boards import board
from engine.reading.queries import alert_list, case_show
from engine.service import Office
from engine.timing import loop
from engine.timing.sweep import move_clock, sweep
from tests.commands.test_venues import case_of, registered
from tests.samples import quarantined

Later = Callable[..., int]
CLOSURE = {
    "decided_by": "王示例",
    "closure_reason": "周边有疫情",
    "closed_from": "2022-05-26 08:00",
    "closed_until": "2022-06-30 08:00",
}


def neglected(office: Office, later: Later, hours: int = 50) -> str:
    """An internet café of which nobody has done anything for so long."""
    case = registered(office, "网吧", community="和平社区").id
    later(hours=hours)
    return case


def shut(office: Office, case: str) -> dict[str, Any]:
    return office.advance(case, "shut", office.actor("shewuzhang"), CLOSURE | {"situation": "本区有疫情"})


def reopen(office: Office, case: str, *, dry_run: bool = False) -> dict[str, Any]:
    told = {"reopened_at": office.now().isoformat(), "decided_by": "王示例"}
    return office.advance(case, "reopen", office.actor("shewuzhang"), told, dry_run=dry_run)


def states(office: Office, case: str) -> dict[str, int]:
    """How many occurrences of its tasks stand how."""
    with office.store.reading() as driver:
        rows = driver.execute("SELECT state, count(*) FROM task WHERE case_id = ? GROUP BY 1", (case,)).fetchall()
    return dict(rows)


def overdue(office: Office, case: str) -> list[tuple[str, str]]:
    rows = board(office, office.actor("shuju"), "超期", 1000)
    return sorted((row["what"], row["due"]) for row in rows if row["case"] == case)


def alerts(office: Office, case: str) -> list[tuple[str, int, str]]:
    rows = alert_list(office, office.actor("shuju"), most=1000)
    return sorted((row["deadline"], row["rung"], row["told"]) for row in rows if row["case"] == case)


def sound(office: Office) -> None:
    assert audit.verify(office).problems == []
    assert loop.check(office).breaches == []


def test_what_is_overdue_stays_so_with_its_alerts_when_a_venue_is_shut_and_opened_again(
    office: Office, later: Later
) -> None:
    case = neglected(office, later)
    before = overdue(office, case), alerts(office, case)
    assert len(before[0]) > 15
    shut(office, case)
    assert (overdue(office, case), alerts(office, case)) == before
    assert set(states(office, case)) == {"open", "ended"}
    sound(office)
    later(hours=1)
    reopen(office, case)
    later(hours=1)
    assert overdue(office, case) == before[0]
    assert set(before[1]) <= set(alerts(office, case))
    sound(office)


def test_a_plan_that_ended_what_is_overdue_is_caught(
    office: Office, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: leaving the stages of a schedule ends it whole."""
    case = neglected(office, later)
    monkeypatch.setattr(_Entering, "overdue", lambda *_: None)
    shut(office, case)
    assert overdue(office, case) == []


def test_what_was_overdue_is_recorded_late_or_left_undone_with_a_reason_after_the_closure(
    office: Office, later: Later
) -> None:
    case = neglected(office, later, 24)
    shut(office, case)
    heping, shewu = office.actor("heping"), office.actor("shewu")
    number = len(overdue(office, case))
    at = parse_time("2022-05-26T18:00+08:00")
    assert tasks.done(office, "通风", [(case, "落实")], heping, at=at)[0].refused == ""
    tasks.skip(office, case, "消毒", shewu, "已关闭")
    assert len(overdue(office, case)) == number - 2
    assert {"done": 1, "skipped": 1}.items() <= states(office, case).items()
    later(days=1)
    sound(office)


def test_only_what_is_overdue_stays_and_what_is_due_but_not_over_is_withdrawn(office: Office, later: Later) -> None:
    case = neglected(office, later, 2)
    withdrawn = shut(office, case)["dropped"]
    assert {"case": case, "title": "每日巡查", "due": ["2022-05-26 08:00"]} in withdrawn
    assert overdue(office, case) == []
    with office.store.reading() as driver:
        rows = driver.execute("SELECT DISTINCT schedule FROM task WHERE case_id = ? AND state = 'open'", (case,))
        assert rows.fetchall() == [("closure",)]
    later(days=2)
    assert {what for what, _ in overdue(office, case)} == {"封闭（关闭）落实检查"}
    sound(office)


def test_a_reopening_says_which_of_today_s_checks_nobody_makes_any_more(office: Office, later: Later) -> None:
    case = neglected(office, later, 1)
    shut(office, case)
    later(hours=8)
    tried = reopen(office, case, dry_run=True)
    assert tried["dropped"] == [{"case": case, "title": "封闭（关闭）落实检查", "due": ["2022-05-26 10:00"]}]
    assert "missed" not in tried
    assert reopen(office, case)["dropped"] == tried["dropped"]
    again = neglected_but(office, later)
    assert "dropped" not in shut(office, again), "nothing was to be done at that hour"


def neglected_but(office: Office, later: Later) -> str:
    """A café that was put on file in the evening: its first day's work is tomorrow's."""
    later(hours=3)
    return registered(office, "网吧", venue_name="另一家", address="别处").id


def test_what_is_overdue_for_longer_than_a_case_remembers_is_missed_and_told(office: Office, later: Later) -> None:
    case = neglected(office, later, 25)
    heping = office.actor("heping")
    for _ in range(50):
        assert tasks.done(office, "通风", [(case, "落实")], heping)[0].refused == ""
        later(days=1)
    tasks.done(office, "通风", [(case, "落实")], heping)
    assert ("通风", "2022-05-26 20:00") in overdue(office, case)
    answer = shut(office, case)
    missed = [{"case": case, "title": "通风", "due": ["2022-05-26 08:00"], "told": "示例·分管领导甲"}]
    assert [each for each in answer["missed"] if each["title"] == "通风"] == missed
    assert ("missed", 0, "示例·分管领导甲") in alerts(office, case)
    assert not [due for what, due in overdue(office, case) if what == "通风"]
    sound(office)


def test_what_nobody_swept_for_is_asked_for_after_the_closure_too(office: Office) -> None:
    case = registered(office, "网吧", community="和平社区").id
    office.set_clock(micros(office.now() + timedelta(hours=122)))
    assert ("每日巡查", "2022-05-30 20:00") not in overdue(office, case)
    shut(office, case)
    sweep(office)
    assert ("每日巡查", "2022-05-30 20:00") in overdue(office, case)
    sound(office)


def test_a_closure_told_late_ends_what_was_asked_for_since(office: Office, later: Later) -> None:
    case = neglected(office, later)
    at = parse_time("2022-05-26T21:00+08:00")
    office.advance(case, "shut", office.actor("shewuzhang"), CLOSURE | {"situation": "本区有疫情"}, occurred_at=at)
    before = {due for what, due in overdue(office, case) if what != "封闭（关闭）落实检查"}
    assert before == {"2022-05-26 20:00"}
    sound(office)


def test_a_case_that_closes_over_overdue_work_says_what_was_missed_and_tells_the_leader(
    office: Office, later: Later
) -> None:
    case = neglected(office, later)
    shut(office, case)
    number = len(overdue(office, case))
    head, told = office.actor("shewuzhang"), {"ended_at": "2022-05-28 09:00", "proof": "P1"}
    tried = office.advance(case, "remove", head, told, dry_run=True)
    assert tried["dry_run"]
    assert len(overdue(office, case)) == number
    answer = office.advance(case, "remove", head, told)
    assert answer["missed"] == tried["missed"]
    assert sum(len(one["due"]) for one in answer["missed"]) == number
    assert {"case": case, "told": "示例·分管领导甲", "title": "每日巡查"}.items() <= next(
        one for one in answer["missed"] if one["title"] == "每日巡查"
    ).items()
    assert states(office, case)["missed"] == number
    assert [(name, whom) for name, _, whom in alerts(office, case)] == [("missed", "示例·分管领导甲")]
    last = case_show(office, case, office.actor("shuju"))["timeline"][-1]
    assert "每日巡查 2 项" in last["what"]
    sound(office)


def test_a_case_that_leaves_nothing_undone_closes_without_a_word(office: Office, later: Later) -> None:
    case = neglected(office, later, 2)
    told = {"ended_at": "2022-05-26 09:00", "proof": "P1"}
    answer = office.advance(case, "remove", office.actor("shewuzhang"), told)
    assert "missed" not in answer
    assert alerts(office, case) == []


def test_a_test_missed_in_quarantine_is_still_asked_for_after_the_re_check(office: Office, later: Later) -> None:
    case = quarantined(office)
    later(days=2)
    missed = [each for each in overdue(office, case) if each[0] == "核酸检测"]
    assert missed == [("核酸检测", "2022-05-27 20:00")]
    before = alerts(office, case)
    geli = office.actor("geli")
    tasks.done(office, "测温", [(case, "发热")], geli)
    assert case_of(office, case).state == "rechecking"
    assert missed[0] in overdue(office, case)
    later(hours=1)
    sound(office)
    told = {"recheck_result": "阴性"}
    office.advance(case, "recheck_negative", office.actor("shewu"), told)
    assert case_of(office, case).state == "quarantined"
    assert missed[0] in overdue(office, case)
    assert {one for one in before if one[0].startswith("tests")} <= set(alerts(office, case))
    later(days=4)
    assert missed[0] in overdue(office, case)
    tasks.done(office, "核酸检测", [(case, "阴性")], geli, at=parse_time("2022-05-27T10:00+08:00"))
    assert missed[0] not in overdue(office, case)
    sound(office)


def test_what_was_missed_by_a_case_that_goes_on_as_another_is_told_and_asked_of_nobody_twice(
    office: Office, later: Later
) -> None:
    case = quarantined(office)
    later(days=2)
    number = len([what for what, _ in overdue(office, case)])
    answer = correct(office, case, {"pcr_result": "阳性"}, "化验单", office.actor("shewu"))
    assert case_of(office, case).final == "reclassified"
    assert sum(len(one["due"]) for one in answer["missed"]) == number
    assert states(office, case)["missed"] == number
    assert ("missed", 0, "示例·分管领导甲") in alerts(office, case)
    sound(office)


def test_a_daily_report_that_was_not_sent_is_missed_when_the_duty_ends(office: Office, later: Later) -> None:
    open_standing(office)
    later(days=2)
    with office.store.reading() as driver:
        [case] = driver.execute("SELECT id FROM \"case\" WHERE workflow = 'reporting'").fetchone()
    office.advance(case, "propose_end", office.actor("shewu"), {"proof": "1"})
    answer = office.advance(case, "end", office.actor("shewuzhang"))
    assert {one["title"] for one in answer["missed"]} == {"每日报送", "每日回执"}
    sound(office)


@pytest.mark.parametrize(
    ("kind", "schedule", "start", "first"),
    [
        ("冷冻肉制品经营单位", "cold_chain", "2022-06-07T09:00+08:00", "2022-06-08 08:00"),
        ("养老机构", "home_tests", "2022-06-05T21:00+08:00", "2022-06-06 08:00"),
        ("出租屋", "hidden_visits", "2022-06-06T09:00+08:00", "2022-06-07 08:00"),
        ("大型超市", "cold_chain", "2022-06-07T07:00+08:00", "2022-06-07 08:00"),
    ],
)
def test_the_first_periodic_check_is_the_next_morning_and_then_every_period(
    make_office: Callable[..., Office], kind: str, schedule: str, start: str, first: str
) -> None:
    office = make_office(start)
    case = registered(office, kind, hidden="是" if schedule == "hidden_visits" else "否")
    every = case.plans[schedule].every
    move_clock(office, timedelta(days=2 * every))
    with office.store.reading() as driver:
        rows = driver.execute(
            "SELECT due FROM task WHERE case_id = ? AND schedule = ? ORDER BY due", (case.id, schedule)
        ).fetchall()
    began = micros(parse_time(first.replace(" ", "T") + "+08:00"))
    wanted = [began + number * every * 86_400_000_000 for number in range(3)]
    assert [due for (due,) in rows][:3] == wanted
    assert audit.verify(office).problems == []
