"""Nothing that was answered is lost, however often a process is killed; sweepers may die at any moment."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.commands import trips
from engine.core import lifecycle
from engine.core.case import micros
from engine.core.judging import Stated
from engine.ids import new_id
from engine.proof import audit
from engine.service import Office
from engine.step import Step
from engine.store import subjects
from engine.store.changes import Change
from engine.timing.migrating import carry_out
from tests.conftest import Make
from tests.samples import published, several

TRIES = 5
"""How often a planted bug is given its chance: on a busy machine workers may be killed before they began."""
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
    """Cases just found whose first rung is due, and nobody swept meanwhile."""
    office = make_office()
    book, actor = office.book(), office.actor("huaye")
    stated = Stated({"contact": "密切接触者", "community": "华业社区"})

    def open_all(now: datetime) -> Step:
        sealed = subjects.Sealed()
        changes = []
        for number in range(cases):
            sealed.add(office.master.new_subject(f"S{number}"), "person", {}, new=True)
            happened, _ = lifecycle.open_case(book, "person", f"S{number}", stated, actor, now)
            changes.append(Change.of(book, None, b"", (happened,), new_id()))
        return Step(changes, {}, sealed)

    office.act(open_all)
    office.set_clock(micros(office.now() + timedelta(minutes=95)))
    return office


def told(office: Office) -> list[int]:
    """How many messages there are for each alert."""
    with office.store.reading() as driver:
        return [number for (number,) in driver.execute("SELECT count(*) FROM outbox GROUP BY case_id, text")]


def test_three_thousand_deadlines_four_sweepers_and_twenty_five_kills_alert_each_once(
    make_office: Make, tmp_path: Path
) -> None:
    office = due(make_office, 3000)
    left = nursery("sweepers", office, tmp_path / "keys" / "master.key", 25, "sound")
    assert len(left) == 25
    assert min(left) > 0, "the last of them died with nothing left to do"
    messages = told(office)
    assert (len(messages), set(messages)) == (3000, {1})
    with office.store.reading() as driver:
        assert driver.execute("SELECT count(*) FROM alert").fetchone() == (3000,)
    assert audit.verify(office).problems == []


def test_sweepers_without_key_and_lock_are_found_telling_twice(make_office: Make, tmp_path: Path) -> None:
    office = due(make_office, 200)
    nursery("sweepers", office, tmp_path / "keys" / "master.key", 4, "planted")
    assert max(told(office)) > 1


def driven(office: Office, vehicles: int) -> None:
    """So many vehicles with three persons each, on their way to the quarantine site."""
    cases = several(office, vehicles * 3)
    for start in range(0, len(cases), 3):
        trips.open_trip(office, "皖A", "甲", "集中隔离点", cases[start : start + 3], office.actor("zhuanyun"))


def halves(office: Office) -> list[tuple[int, ...]]:
    """Trips not whole: how many persons, how many of them accepted, how many in a place, and whether it is received."""
    with office.store.reading() as driver:
        rows = driver.execute(
            "SELECT t.trip, count(*), sum(t.outcome = 'accepted'), count(p.case_id), r.received_at IS NOT NULL"
            " FROM trip_case AS t JOIN trip AS r ON r.id = t.trip LEFT JOIN place AS p ON p.case_id = t.case_id"
            " GROUP BY t.trip"
        ).fetchall()
    whole = [(3, 0, 0, 0), (3, 3, 3, 1)]
    return [tuple(counts) for _, *counts in rows if tuple(counts) not in whole]


def received(office: Office) -> set[str]:
    with office.store.reading() as driver:
        return {trip for (trip,) in driver.execute("SELECT id FROM trip WHERE received_at IS NOT NULL")}


def test_a_trip_received_under_kills_is_taken_over_whole_or_not_at_all(office: Office, tmp_path: Path) -> None:
    driven(office, 60)
    answered = nursery("receives", office, tmp_path / "keys" / "master.key", 12, "sound")
    assert answered
    assert set(answered) <= received(office)
    assert halves(office) == []
    assert audit.verify(office).problems == []


def test_a_trip_received_person_by_person_is_found_in_halves(office: Office, tmp_path: Path) -> None:
    driven(office, 60)
    for _ in range(TRIES):
        nursery("receives", office, tmp_path / "keys" / "master.key", 8, "planted")
        if found := any(0 < accepted < persons for persons, accepted, *_ in halves(office)):
            break
    assert found


def changed(make_office: Make, pack_files: dict[str, bytes], cases: int) -> Office:
    """Cases just found, and rules approved that give half the time to check each of them."""
    office = due(make_office, cases)
    terms = pack_files["rules/terms.yaml"].decode().replace("及时.核查: {within: 2h", "及时.核查: {within: 1h")
    entry = "{id: 一小时, from: 2022-05-26, reason: 试, workflow: close_contact, do: recompute}"
    migration = f"schema: 1\nmigration:\n  - {entry}\n"
    published(office, {**pack_files, "rules/terms.yaml": terms.encode(), "rules/migration.yaml": migration.encode()})
    return office


def moves(office: Office) -> dict[tuple[int, int, int], int]:
    """Release, how often it was moved there, whether its deadline is that of the release → how many cases."""
    with office.store.reading() as driver:
        rows = driver.execute(
            "SELECT c.release, (SELECT count(*) FROM event AS e WHERE e.case_id = c.id AND e.type = 'migrated'),"
            " d.due - c.opened_at = CASE c.release WHEN 1 THEN 7200000000 ELSE 3600000000 END, count(*)"
            " FROM \"case\" AS c JOIN deadline AS d ON d.case_id = c.id AND d.name = 'verify'"
            " WHERE c.workflow = 'close_contact' GROUP BY 1, 2, 3"
        ).fetchall()
    return {tuple(row[:3]): row[3] for row in rows}


def test_a_plan_killed_again_and_again_moves_each_case_once(
    make_office: Make, pack_files: dict[str, bytes], tmp_path: Path
) -> None:
    office, key = changed(make_office, pack_files, 400), tmp_path / "keys" / "master.key"
    nursery("migrates", office, key, 4, "sound")
    between = moves(office)
    assert (2, 1, 1) in between
    assert set(between) <= {(1, 0, 1), (2, 1, 1)}, "none is between two releases"
    assert audit.verify(office).problems == []
    carry_out(office)
    assert moves(office) == {(2, 1, 1): 400}
    assert audit.verify(office).problems == []


def test_a_plan_that_notes_afterwards_whom_it_moved_is_found(
    make_office: Make, pack_files: dict[str, bytes], tmp_path: Path
) -> None:
    office = changed(make_office, pack_files, 60)
    nursery("migrates", office, tmp_path / "keys" / "master.key", TRIES, "planted")
    assert max(times for _, times, _ in moves(office)) > 1
    assert audit.verify(office).problems
