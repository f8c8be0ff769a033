"""Planning a day of recurring work for two thousand venues beside `executemany` of the same rows."""

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
VENUES = 2_000
DAY = timedelta(days=1)
HOUR = 3_600_000_000
DAILY = (
    *("codes", "entry_temperature", "entry_masks", "staff_temperature", "staff_masks"),
    *("cleaning", "ventilation", "disinfection", "patrol"),
)
PERIODIC = {"tests": 7, "guests": 3, "cold_chain": 15}


def managed(office: Office, venues: int) -> None:
    """Twelve schedules each, nine of them daily and all due that day, planned up to yesterday's horizon."""
    start = micros(office.now() + office.book().plan_ahead) - 105 * 24 * HOUR
    horizon = micros(office.now() + office.book().plan_ahead - DAY)
    nexts = horizon + 12 * HOUR
    plans = {name: Plan(name, 3, (), ("08:00",), start, 12 * HOUR, "standard") for name in DAILY}
    plans |= {
        name: Plan(name, 3, (), ("08:00",), start, 24 * HOUR, "standard", each) for name, each in PERIODIC.items()
    }
    with office.store.writing(0) as writer:
        many = writer.cursor.executemany
        many(
            'INSERT INTO "case" (id, seq, head, workflow, release, subject, state, owner, category, final, opened_at,'
            " snapshot) VALUES (?, 1, x'00', 'venue', 1, ?, 'active', '华业社区', '', '', 0, '{}')",
            ((f"C{n:09d}", f"S{n}") for n in range(venues)),
        )
        for name, plan in plans.items():
            many(
                "INSERT INTO schedule (case_id, name, event, release, plan, next_at, ended)"
                " VALUES (?, ?, 3, 1, ?, ?, 0)",
                (
                    (f"C{n:09d}", name, plan_text(plan._replace(start=start + n * HOUR // 1000)), nexts)
                    for n in range(venues)
                ),
            )


def test_planning_a_day_for_two_thousand_venues_beside_executemany_of_the_same_rows(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "keys" / "master.key"
    office = make_office()
    managed(office, VENUES)
    recorded = Office.open(copied(office, tmp_path / "recorded"), key)
    with recording(monkeypatch) as kept:
        made = make_ahead(recorded)
    recorded.close()
    assert made == VENUES * (len(DAILY) + len(PERIODIC))
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
    assert median_of("planning a day for 2,000 venues x 12 / executemany of the same rows", ratios) >= 0.3
