"""Nothing that was answered is lost, however often a process is killed; sweepers may die at any moment."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import audit
from engine.service import Office
from tests.conftest import Make
from tests.samples import opened

ROOT = Path(__file__).resolve().parents[2]


def nursery(task: str, office: Office, key: Path, count: int, kind: str) -> Any:
    command = [
        sys.executable,
        "-m",
        "tests.faults.nursery",
        task,
        str(office.store.path),
        str(key),
        str(count),
        "7",
        kind,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=500)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def lost(office: Office, answered: list[str]) -> list[str]:
    """Answers whose effect is not in the database."""
    with office.store.reading() as driver:
        kept = dict(driver.execute('SELECT id, seq FROM "case"').fetchall())
    return [line for line in answered if kept.get(line.split()[0], 0) < int(line.split()[1])]


def check_kills(office: Office, key: Path, rounds: int) -> None:
    answered = nursery("kills", office, key, rounds, "sound")
    assert len(answered) > rounds
    assert lost(office, answered) == []
    report = audit.verify(office)
    assert report.problems == []
    assert report.events >= len(answered)


def test_sixty_kills_under_load_lose_nothing_that_was_answered(office: Office, tmp_path: Path) -> None:
    check_kills(office, tmp_path / "keys" / "master.key", 60)


@pytest.mark.long
def test_a_thousand_kills_under_load_lose_nothing_that_was_answered(office: Office, tmp_path: Path) -> None:
    check_kills(office, tmp_path / "keys" / "master.key", 1000)


def test_answers_before_the_commit_are_found_lost(office: Office, tmp_path: Path) -> None:
    answered = nursery("kills", office, tmp_path / "keys" / "master.key", 10, "planted")
    assert lost(office, answered)


def due(make_office: Make, cases: int) -> Office:
    office = make_office()
    for number in range(cases):
        opened(office, id_number="", name=f"甲{number}", phone=f"139{number:08d}")
    later = office.now() + timedelta(days=2)
    office.set_clock(int(later.timestamp() * 1_000_000))  # nobody swept meanwhile
    return office


def told(office: Office) -> dict[tuple[str, str], int]:
    """How many messages there are for each alert."""
    with office.store.reading() as driver:
        return {
            (case, text): number
            for case, text, number in driver.execute(
                "SELECT case_id, text, count(*) FROM outbox GROUP BY case_id, text"
            )
        }


@pytest.mark.parametrize("cases", [150, pytest.param(3000, marks=pytest.mark.long)])
def test_four_sweepers_killed_at_random_raise_each_alert_once(make_office: Make, tmp_path: Path, cases: int) -> None:
    office = due(make_office, cases)
    assert nursery("sweepers", office, tmp_path / "keys" / "master.key", 25, "sound") == 25
    messages = told(office)
    assert len(messages) == cases * 4
    assert set(messages.values()) == {1}
    assert audit.verify(office).problems == []


def test_sweepers_without_key_and_lock_are_found_telling_twice(make_office: Make, tmp_path: Path) -> None:
    office = due(make_office, 60)
    nursery("sweepers", office, tmp_path / "keys" / "master.key", 8, "planted")
    assert max(told(office).values()) > 1
