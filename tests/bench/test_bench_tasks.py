"""Planning a day of schedules for a hundred thousand people beside `executemany` of the same rows."""

from __future__ import annotations

import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.core.case import Plan, micros
from engine.service import Office
from engine.store.plans import plan_text
from engine.timing.planning import make_ahead
from tests.bench.test_bench import PAIRS, copied, median_of, recording, replay, seconds
from tests.conftest import Make

pytestmark = pytest.mark.bench
PEOPLE = 100_000
DAY = timedelta(days=1)
_SCHEDULE = "INSERT INTO schedule (case_id, name, event, release, plan, next_at, ended) VALUES (?, '{}', 3, 1, ?, ?, 0)"


def monitored(office: Office, people: int) -> None:
    """Two temperatures a day for everybody and a test for every fourth, planned up to yesterday's horizon."""
    start = micros(office.now()) - 5 * 86_400_000_000
    horizon = micros(office.now() + office.book().plan_ahead - DAY)
    heat = Plan("temperature", 3, (), ("08:00", "20:00"), start, 4 * 3_600_000_000, "standard")
    nexts = horizon + 12 * 3_600_000_000
    with office.store.writing(0) as writer:
        many = writer.cursor.executemany
        many(
            'INSERT INTO "case" (id, seq, head, workflow, release, subject, state, owner, category, final, opened_at,'
            " snapshot) VALUES (?, 1, x'00', 'close_contact', 1, ?, 'quarantined', '集中隔离点', '', '', 0, '{}')",
            ((f"C{n:09d}", f"S{n}") for n in range(people)),
        )
        many(
            _SCHEDULE.format("temperatures"),
            ((f"C{n:09d}", plan_text(heat._replace(start=start + n)), nexts) for n in range(people)),
        )
        tests = Plan("pcr_test", 3, (start, horizon + 43_200_000_000), (), start, 12 * 3_600_000_000, "standard")
        many(
            _SCHEDULE.format("tests"),
            ((f"C{n:09d}", plan_text(tests), horizon + 43_200_000_000) for n in range(0, people, 4)),
        )


def test_planning_a_day_for_a_hundred_thousand_beside_executemany_of_the_same_rows(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "keys" / "master.key"
    office = make_office()
    monitored(office, PEOPLE)
    recorded = Office.open(copied(office, tmp_path / "recorded"), key)
    with recording(monkeypatch) as kept:
        made = make_ahead(recorded)
    recorded.close()
    assert made == PEOPLE * 2 + PEOPLE // 4
    ratios = []
    for number in range(PAIRS):
        base = copied(office, tmp_path / f"base{number}")
        other = Office.open(copied(office, tmp_path / f"ours{number}"), key)
        other.book()
        raw = seconds(replay(base, kept))
        ratios.append(raw / seconds(partial(make_ahead, other)))
        other.close()
        for made_here in (f"base{number}", f"ours{number}"):
            shutil.rmtree(tmp_path / made_here)
    assert median_of("planning a day for 100,000 / executemany of the same rows", ratios) >= 0.3
