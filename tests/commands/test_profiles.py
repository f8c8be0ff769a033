"""平、急: a switch on record that changes lengths, periods and ladders; what it does to open cases is said and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.commands import profiles
from engine.commands.profiles import current, standing, switch
from engine.commands.tasks import Row, done
from engine.core.case import moment
from engine.core.errors import BadInput, Refused
from engine.core.why import why
from engine.proof.audit import verify
from engine.reading.boards import board
from engine.reading.queries import alert_list
from engine.service import Office
from engine.store import plans
from engine.timing.sweep import move_clock, sweep
from tests.commands.test_venues import patrol, registered
from tests.conftest import Make
from tests.samples import opened

Later = Callable[..., int]


def due(office: Office, case: str, name: str) -> str:
    armed = office.case(case, office.actor("shuju"))[0].deadlines[name]
    return armed.due.astimezone(office.book().zone).strftime("%d %H:%M")


def another(office: Office) -> str:
    return opened(office, id_number="", name="甲某", phone="13912340000")


def urgent(office: Office) -> None:
    switch(office, "急", "李示例一家确诊", office.actor("guanli"))


def test_what_is_opened_from_now_on_has_the_shorter_time_and_the_steeper_ladder(office: Office, later: Later) -> None:
    assert current(office) == "平"
    urgent(office)
    assert current(office) == "急"
    case = opened(office)
    assert due(office, case, "verify") == "26 09:00"
    found = office.case(case, office.actor("shuju"))[0]
    assert (found.profile, found.deadlines["verify"].ladder) == ("急", "standard·急")
    assert "1小时" in why(office.book(1), found, "verify")
    later(hours=1, minutes=1)
    with office.store.reading() as driver:
        told = driver.execute("SELECT level, told FROM alert ORDER BY rung").fetchall()
    assert told == [("黄", "华业社区"), ("红", "华业社区主要负责人")]
    assert not verify(office).problems


def test_open_cases_follow_into_urgency_each_by_an_event_of_its_own(office: Office) -> None:
    case = opened(office)
    assert due(office, case, "verify") == "26 10:00"
    told = switch(office, "急", "本区出现病例", office.actor("guanli"))
    assert (told["open_cases"], told["followed"]) == (1, 1)
    assert due(office, case, "verify") == "26 09:00"
    with office.store.reading() as driver:
        events = driver.execute("SELECT type, actor FROM event WHERE case_id = ? ORDER BY seq", (case,)).fetchall()
    assert events == [("opened", "huaye"), ("switched", "guanli")]
    assert not verify(office).problems


def test_back_to_ordinary_open_cases_keep_their_times_whatever_is_done_with_them(office: Office) -> None:
    urgent(office)
    case = opened(office)
    told = switch(office, "平", "解除", office.actor("guanli"))
    assert (told["open_cases"], told["followed"]) == (1, 0)
    assert due(office, case, "verify") == "26 09:00"
    office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    assert due(office, case, "transfer") == "26 16:00"  # eight hours, as when it was opened
    assert due(office, another(office), "verify") == "26 10:00"
    assert not verify(office).problems


def test_what_would_change_is_told_and_nothing_is_written(office: Office) -> None:
    opened(office)
    told = switch(office, "急", "看看", office.actor("guanli"), dry_run=True)
    assert "时限 及时.核查：2小时 → 1小时" in told["differences"]
    assert "参数 发现后转运到位时限：12 → 8" in told["differences"]
    assert "催办阶梯：常规催办 → 常规催办（急）" in told["differences"]
    assert (told["open_cases"], current(office)) == (1, "平")


def test_what_would_be_overdue_at_once_is_told_with_since_when_before_it_is(office: Office, later: Later) -> None:
    case = opened(office)
    later(minutes=90)
    told = switch(office, "急", "看看", office.actor("guanli"), dry_run=True)
    assert (told["past"], told["past_since"][5:16]) == (1, "05-26 09:00")
    assert due(office, case, "verify") == "26 10:00"
    done = switch(office, "急", "本区出现病例", office.actor("guanli"))
    assert (done["past"], due(office, case, "verify")) == (1, "26 09:00")


def test_where_nothing_becomes_overdue_nothing_is_said(office: Office) -> None:
    opened(office)
    assert "past" not in switch(office, "急", "看看", office.actor("guanli"), dry_run=True)


def test_the_reason_is_sealed_and_the_switch_is_on_record(office: Office) -> None:
    urgent(office)
    with office.store.reading() as driver:
        (data,) = driver.execute("SELECT data FROM event WHERE type = 'profile_switched'").fetchone()
    assert '"before":"平"' in data
    assert "李示例" not in data


def test_only_who_may_switches_to_what_there_is_and_says_why(office: Office) -> None:
    with pytest.raises(Refused, match="没有权限 profile"):
        switch(office, "急", "急", office.actor("huaye"))
    with pytest.raises(BadInput, match="PROFILE-001 — 没有状态 战时"):
        switch(office, "战时", "急", office.actor("guanli"))
    with pytest.raises(BadInput, match="缺少理由"):
        switch(office, "急", " ", office.actor("guanli"))
    with pytest.raises(Refused, match="PROFILE-002 — 现在就是 平"):
        switch(office, "平", "再", office.actor("guanli"))


def test_a_switch_that_was_broken_off_goes_on_when_asked_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [opened(office), another(office)]
    monkeypatch.setattr(profiles, "BATCH", 1)
    act, done = office.act, [0]

    def broken(*asked: object) -> object:
        if done[0]:
            raise RuntimeError
        done[0] = 1
        return act(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(office, "act", broken)
    with pytest.raises(RuntimeError):
        urgent(office)
    monkeypatch.setattr(office, "act", act)
    assert sorted(due(office, case, "verify") for case in cases) == ["26 09:00", "26 10:00"]
    assert switch(office, "急", "继续", office.actor("guanli"))["followed"] == 1
    assert {due(office, case, "verify") for case in cases} == {"26 09:00"}
    assert not verify(office).problems


def test_recurring_work_comes_more_often(office: Office) -> None:
    urgent(office)
    facts = {"item": "口罩", "store": "库", "batch": "一", "use": "防护用品", "measure": "只", "stock": 9, "minimum": 1}
    case = office.open_case("supply", facts | {"expires_on": "2023-01-01"}, office.actor("wuzi"))["case"]
    assert office.case(case, office.actor("wuzi"))[0].plans["counts"].every == 7


def test_another_profile_put_in_by_hand_is_found(office: Office) -> None:
    move_clock(office, timedelta(minutes=1))
    with office.store.writing(0) as writer:
        writer.cursor.execute("INSERT INTO meta (name, value) VALUES ('profile', '急')")
    assert any("meta profile" in str(problem) for problem in verify(office).problems)


def late(office: Office, later: Later) -> str:
    """A supply whose stock count is overdue."""
    facts = {"item": "口罩", "store": "库", "batch": "一", "use": "防护用品", "measure": "只", "stock": 9, "minimum": 1}
    case = office.open_case("supply", facts | {"expires_on": "2023-01-01"}, office.actor("wuzi"))["case"]
    assert later(days=2, hours=1) > 0
    return str(case)


def overdue(office: Office) -> list[str]:
    """What the stock keeper's board of overdue deadlines tells."""
    return [row["what"] for row in board(office, office.actor("wuzi"), "超期")]


def test_what_is_overdue_stays_so_under_another_profile_until_it_is_done(office: Office, later: Later) -> None:
    case = late(office, later)
    before = overdue(office), alert_list(office, office.actor("wuzi"))
    assert before[0] == ["定期盘点"]
    told = switch(office, "急", "本区出现病例", office.actor("guanli"), dry_run=True)
    assert told["overdue"] == 1
    urgent(office)
    assert (overdue(office), alert_list(office, office.actor("wuzi"))) == before
    assert later(hours=30) > 0  # and its ladder goes on
    later(days=6)
    assert overdue(office) == ["定期盘点"] * 2  # the new rhythm has begun beside it
    switch(office, "平", "解除", office.actor("guanli"))
    assert overdue(office) == ["定期盘点"] * 2
    (answer,) = done(office, "盘点", [Row(case, "账实相符", {"stock": "9"})], office.actor("wuzi"), at=office.now())
    assert not answer.refused
    assert len(overdue(office)) == 1
    assert not verify(office).problems


def test_a_switch_that_ended_what_is_overdue_is_caught(
    office: Office, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(office, later)
    changed = plans.changed

    def ending_all(*asked: Any) -> list[plans.Op]:
        ops = changed(*asked)
        return [("end", row | {"after": ""}) if verb == "ahead" else (verb, row) for verb, row in ops]

    monkeypatch.setattr("engine.store.changes.changed", ending_all)
    urgent(office)
    assert not overdue(office)


def test_what_lies_ahead_follows_the_new_rhythm_from_its_next_day_on(office: Office, later: Later) -> None:
    case = late(office, later)
    urgent(office)
    sweep(office)
    with office.store.reading() as driver:
        at = driver.execute("SELECT due, state FROM task WHERE case_id = ? ORDER BY due", (case,)).fetchall()
    assert [state for _, state in at] == ["open"]  # nothing is asked for afterwards
    assert not verify(office).problems


def test_who_switched_when_is_told_and_why_to_whoever_says_what_for(office: Office) -> None:
    assert standing(office) == {"profile": "平", "profiles": ["平", "急"]}
    urgent(office)
    told = standing(office)
    assert (told["profile"], told["by"], told["since"]) == ("急", "guanli", "2022-05-26 08:00")
    assert "reason" not in told
    assert standing(office, "guanli", "交接班")["reason"] == "李示例一家确诊"
    with pytest.raises(Refused, match="没有权限 reveal"):
        standing(office, "pizhun", "看看")


def back(office: Office) -> dict[str, Any]:
    return switch(office, "平", "解除", office.actor("guanli"))


def asked(office: Office, case: str, schedule: str = "patrol") -> list[str]:
    """Every occurrence that was made and not taken back: on which day and hour."""
    sweep(office)
    with office.store.reading() as driver:
        sql = "SELECT due FROM task WHERE case_id = ? AND schedule = ? AND state <> 'ended' ORDER BY due"
        rows = driver.execute(sql, (case, schedule)).fetchall()
    return [moment(at).astimezone(office.book().zone).strftime("%d %H:%M") for (at,) in rows]


def test_a_venue_is_patrolled_twice_a_day_in_urgency_and_once_again_afterwards(office: Office, later: Later) -> None:
    venue = registered(office, "菜市场")
    later(hours=2)
    assert asked(office, venue.id) == ["26 08:00", "27 08:00", "28 08:00"]
    patrol(office, venue, "落实")
    urgent(office)
    assert asked(office, venue.id) == ["26 08:00", "26 16:00", "27 08:00", "27 16:00", "28 08:00"]
    later(hours=7)
    patrol(office, venue, "落实")
    told = back(office)
    assert told["followed"] == told["following"] > 0
    assert asked(office, venue.id) == ["26 08:00", "26 16:00", "27 08:00", "28 08:00"]
    later(days=1)
    assert asked(office, venue.id) == ["26 08:00", "26 16:00", "27 08:00", "28 08:00", "29 08:00"]
    assert office.case(venue.id, office.actor("shuju"))[0].profile == ""
    assert not verify(office).problems


def test_a_patrol_of_urgency_that_nobody_did_stays_to_be_done_afterwards(office: Office, later: Later) -> None:
    venue = registered(office, "菜市场")
    urgent(office)
    later(hours=17)
    back(office)
    assert asked(office, venue.id)[:4] == ["26 08:00", "26 16:00", "27 08:00", "28 08:00"]
    patrol(office, venue, "落实")  # at 01:00: done late, the one of the afternoon
    with office.store.reading() as driver:
        sql = "SELECT state FROM task WHERE case_id = ? AND schedule = 'patrol' ORDER BY due LIMIT 2"
        states = [state for (state,) in driver.execute(sql, (venue.id,))]
    assert states == ["open", "done"]
    assert not verify(office).problems


def test_the_dry_run_tells_how_many_schedules_change_and_what_that_is_in_a_week(office: Office) -> None:
    registered(office, "台球室")
    told = switch(office, "急", "看看", office.actor("guanli"), dry_run=True)
    assert "计划 场所管理·每日巡查：每天 08:00 → 08:00、16:00" in told["differences"]
    assert "参数 场所从业人员核酸检测间隔：7 → 2" in told["differences"]
    # three daily ones twice a day, and the tests of the staff every two days instead of seven
    assert (told["schedules"], told["tasks_before"], told["tasks_after"]) == (4, 22, 45)


def test_only_cases_of_workflows_that_stand_open_for_years_follow_back(office: Office) -> None:
    person, venue = opened(office), registered(office, "菜市场")
    urgent(office)
    told = switch(office, "平", "看看", office.actor("guanli"), dry_run=True)
    assert (told["open_cases"], told["following"]) == (2, 1)
    back(office)
    kept = {case: office.case(case, office.actor("shuju"))[0].profile for case in (person, venue.id)}
    assert kept == {person: "急", venue.id: ""}
    with pytest.raises(Refused, match="PROFILE-002"):
        back(office)


def test_a_rhythm_that_came_and_went_asks_for_nothing_that_nobody_had_asked(office: Office, later: Later) -> None:
    facts = {"item": "口罩", "store": "库", "batch": "一", "use": "防护用品", "measure": "只", "stock": 9, "minimum": 1}
    case = office.open_case("supply", facts | {"expires_on": "2023-01-01"}, office.actor("wuzi"))["case"]
    later(days=1)
    for days in (20, 2):
        done(office, "盘点", [Row(case, "账实相符", {"stock": "9"})], office.actor("wuzi"), at=office.now())
        later(days=days)
        switch(office, "急" if days == 20 else "平", "换", office.actor("guanli"))
    assert office.case(case, office.actor("wuzi"))[0].plans["counts"].due == ()
    assert not verify(office).problems


def test_whatever_the_order_of_switches_each_occurrence_is_asked_for_once(office: Office, later: Later) -> None:
    venue = registered(office, "网吧")
    for hours in (5, 6, 9, 13, 1, 30, 4):
        later(hours=hours)
        if hours % 2:
            patrol(office, venue, "落实")
        switch(office, "急" if current(office) == "平" else "平", "换", office.actor("guanli"))
        assert not verify(office).problems
    told = asked(office, venue.id)
    assert len(told) == len(set(told))
    assert {at[3:] for at in told} == {"08:00", "16:00"}


def test_what_a_former_rhythm_left_undone_outlives_a_change_of_its_length_alone(
    make_office: Make, pack_files: dict[str, bytes]
) -> None:
    files = dict(pack_files)
    for path, old, new in (
        ("rules/pack.yaml", "急: {open_cases: follow}", "急: {open_cases: follow}\n  战: {open_cases: follow}"),
        ("rules/terms.yaml", "in_profile: {急: 7d}}", "in_profile: {急: 7d, 战: 7d}}"),
        (
            "rules/terms.yaml",
            "{within: 48h, clause: 二（六）,",
            "{within: 48h, in_profile: {战: 24h}, clause: 二（六）,",
        ),
    ):
        text = files[path].decode()
        assert old in text
        files[path] = text.replace(old, new, 1).encode()
    office = make_office(files=files)
    case = late(office, lambda **step: move_clock(office, timedelta(**step)))
    urgent(office)
    before = office.case(case, office.actor("wuzi"))[0].plans["counts"]
    assert before.due
    switch(office, "战", "再紧", office.actor("guanli"))
    after = office.case(case, office.actor("wuzi"))[0].plans["counts"]
    assert (after.due, after.every, after.within) == (before.due, 7, before.within // 2)
    assert overdue(office) == ["定期盘点"]
    assert not verify(office).problems
