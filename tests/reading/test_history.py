"""What is overdue, told from the log alone: the same that the lists mark, tasks and deadlines alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.commands import tasks
from engine.commands.corrections import correct
from engine.commands.profiles import switch
from engine.core.case import Case, micros
from engine.core.errors import BihuanError
from engine.core.reports import Moment
from engine.reading import history
from engine.reading.queries import case_list
from engine.reading.reports import tell
from engine.service import Office
from engine.timing.sweep import move_clock, sweep
from tests.commands.test_venues import PATROL, registered
from tests.reading.test_reports import page, rehearsal
from tests.samples import quarantined

Later = Callable[..., int]
STREAMS = "两条防线（场所与问题）"


def overdue_by_the_log(office: Office, at: datetime) -> set[str]:
    with office.store.reading() as driver:
        standings = list(history.standing_before(office, driver, at))
    return {each.case.id for each in standings if Moment(at, at).counts("overdue", each)}


def overdue_by_the_lists(office: Office) -> set[str]:
    return {row["case"] for row in case_list(office, office.actor("shuju"), most=1000) if row["overdue"]}


def all_done(office: Office, case: Case, at: datetime) -> None:
    """The day's work at a venue."""
    for plan in case.plans.values():
        if plan.every == 1:
            row = tasks.Row(case.id, "落实", PATROL if plan.task == "patrol" else {})
            assert not tasks.done(office, plan.task, [row], office.actor("huaye"), at=at)[0].refused


def test_a_missed_patrol_is_in_the_figure_that_is_sent_up_and_stays_there_for_that_moment(
    office: Office, later: Later
) -> None:
    missed, done = registered(office, "超市"), registered(office, "网吧")
    shuju = office.actor("shuju")
    later(hours=1)
    morning = office.now()
    all_done(office, done, morning)
    later(hours=13)
    at = office.now()
    told = tell(office, "daily", shuju)
    assert overdue_by_the_lists(office) == overdue_by_the_log(office, at) == {missed.id}
    assert page(told, STREAMS)["内防反弹"][3:] == (2, 1)
    later(hours=1)
    all_done(office, missed, morning)
    later(minutes=1)
    assert overdue_by_the_lists(office) == set()
    assert page(tell(office, "daily", shuju), STREAMS)["内防反弹"][3:] == (2, 0)
    assert tell(office, "daily", shuju, at).pages == told.pages


STEPS = st.lists(
    st.sampled_from(
        [
            *("patrol", "all", "skip", "visit", "temperature", "seal", "reopen"),
            *("retype", "hidden", "urgent", "ordinary"),
            *("hour", "hours", "day", "days", "weeks", "silence"),
        ]
    ),
    min_size=3,
    max_size=16,
)
OF = {"seal": 0, "reopen": 0, "retype": 1, "visit": 2, "hidden": 2}
"""Which of the venues a step is about; others are about each in turn."""
MOVES = {"hour": 1, "hours": 7, "day": 24, "days": 24 * 4, "weeks": 24 * 24}


def worked(office: Office, steps: list[str]) -> list[tuple[datetime, set[str], set[str]]]:
    """Venues and a quarantined person at work; at each move of the clock what the lists and the log call overdue."""
    venues = [registered(office, kind) for kind in ("网吧", "超市", "出租屋")]
    person, seen = quarantined(office), []
    for number, step in enumerate(steps):
        case, now = venues[OF.get(step, number % 3)], office.now()
        with contextlib.suppress(BihuanError):
            _do(office, step, case, person, now)
        if step in MOVES:
            move_clock(office, timedelta(hours=MOVES[step]))
        elif step == "silence":  # nobody sweeps for three days
            office.set_clock(micros(now + timedelta(days=3)))
            sweep(office)
            move_clock(office, timedelta(minutes=1))
        else:
            move_clock(office, timedelta(minutes=1))
        seen.append((office.now(), overdue_by_the_lists(office), overdue_by_the_log(office, office.now())))
    return seen


def _do(office: Office, step: str, case: Case, person: str, now: datetime) -> None:
    huaye, shewu, head = office.actor("huaye"), office.actor("shewu"), office.actor("shewuzhang")
    until = {"decided_by": "办公会", "closure_reason": "形势", "closed_from": now.isoformat()}
    until |= {"closed_until": (now + timedelta(days=2)).isoformat(), "situation": "本区有疫情"}
    if step == "patrol":
        tasks.done(office, "patrol", [tasks.Row(case.id, "落实", PATROL)], huaye)
    elif step == "all":
        for plan in case.plans.values():
            tasks.done(office, plan.task, [tasks.Row(case.id, "落实", PATROL)], huaye)
            tasks.done(office, plan.task, [tasks.Row(case.id, "落实", {})], huaye)
    elif step == "skip":
        tasks.skip(office, case.id, "ventilation", shewu, "停业")
    elif step == "visit":
        tasks.done(office, "visits", [tasks.Row(case.id, "正常", {"proof": "1"})], huaye)
    elif step == "temperature":
        tasks.done(office, "temperature", [(person, "正常")], office.actor("geli"))
    elif step == "seal":
        office.advance(case.id, "shut", head, until)
    elif step == "reopen":
        office.advance(case.id, "reopen", head, {"reopened_at": now.isoformat(), "decided_by": "办公会"})
    elif step == "retype":
        kind = "诊所" if number_of(office, case) else "超市"
        correct(office, case.id, {"venue_type": kind}, "登记有误", office.actor("shuju"))
    elif step == "hidden":
        correct(office, case.id, {"hidden": True}, "易隐匿", office.actor("shuju"))
    elif step in ("urgent", "ordinary"):
        switch(office, {"urgent": "急", "ordinary": "平"}[step], "形势", office.actor("guanli"))


def number_of(office: Office, case: Case) -> bool:
    found = office.store.load(case.id)
    return found is not None and found[0].facts["venue_type"] == "超市"


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
@example(steps=["day", "all", "silence", "day", "all", "hours"])
@example(steps=["days", "seal", "weeks", "reopen", "days", "days", "hours"])
def test_the_log_calls_overdue_what_the_lists_mark_then_and_whenever_it_is_asked_again(
    pack_files: dict[str, bytes], steps: list[str]
) -> None:
    with rehearsal(pack_files) as office:
        seen = worked(office, steps)
        for at, by_lists, by_log in seen:
            assert by_log == by_lists
            assert overdue_by_the_log(office, at) == by_log


def test_figures_that_leave_tasks_out_are_found(pack_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: only deadlines count as overdue, as if every patrol had been made."""
    monkeypatch.setattr(history._Work, "late", lambda *_: None)  # noqa: SLF001 - the bug is put there
    with rehearsal(pack_files) as office:
        assert any(by_log != by_lists for _, by_lists, by_log in worked(office, ["hours", "hours"]))
