"""A sweep takes as long among five million deadlines as among a hundred thousand: `make bench`."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import statistics
from pathlib import Path

import pytest

from engine.core.case import micros
from engine.service import Office
from engine.timing.sweep import sweep
from tests.bench.test_bench import PAIRS, seconds, tell
from tests.conftest import Make

pytestmark = pytest.mark.bench
SMALL, LARGE = 100_000, 5_000_000
DUE = 1000
"""How many are due at each of the instants, a minute apart."""
MINUTE, DAYS = 60_000_000, 30 * 86_400_000_000
EACH = 5
"""Deadlines of one case."""
_COUNT = "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < ?1) "
_CASES = (
    _COUNT + 'INSERT INTO "case" (id, seq, head, workflow, release, subject, state, owner, category, final, opened_at,'
    " snapshot) SELECT printf('C%09d', n), 1, x'00', 'arrival', 1, printf('S%d', n), 'found', '华业社区', '', '', 0,"
    " '{}' FROM c"
)
_DEADLINES = (
    _COUNT + "INSERT INTO deadline (case_id, name, armed_by, due, ladder, rung, next_at)"
    " SELECT printf('C%09d', n / ?2), 'd' || (n % ?2), 1, ?3, 'standard', 3,"
    " iif(n % ?4 = 0 AND n / ?4 < ?8, ?3 + (n / ?4) % ?5 * ?6 - n / ?4, ?3 + ?7 + n) FROM c"
)


def filled(office: Office, key: Path, deadlines: int) -> Office:
    """As many running deadlines, spread over their cases; at each instant so many more of them are due."""
    now = micros(office.now())
    office.close()
    with contextlib.closing(sqlite3.connect(office.store.path, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode=OFF")
        driver.execute("PRAGMA synchronous=OFF")
        driver.execute("BEGIN")
        driver.execute(_CASES, (deadlines // EACH,))
        step = deadlines // (DUE * (PAIRS + 1))
        driver.execute(_DEADLINES, (deadlines, EACH, now, step, PAIRS + 1, MINUTE, DAYS, DUE * (PAIRS + 1)))
        driver.execute("COMMIT")
    return Office.open(office.store.path, key)


def test_sweeping_a_thousand_due_is_flat_from_a_hundred_thousand_to_five_million_deadlines(
    make_office: Make, tmp_path: Path
) -> None:
    key = tmp_path / "keys" / "master.key"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # other benchmarks of this process had theirs
    offices: dict[int, Office] = {}
    for size in (SMALL, LARGE):
        office = make_office()
        sweep(office)  # the check of the night is done before: what is filled in below is no real case
        took = seconds(lambda office=office, size=size: offices.update({size: filled(office, key, size)}))  # type: ignore[misc]
        tell(f"\n{size:,} deadlines filled in {took:.0f} s, {office.store.path.stat().st_size / 1e6:.0f} MB")
    times: dict[int, list[float]] = {size: [] for size in offices}
    for turn in range(PAIRS + 1):
        for size, office in offices.items():
            raised: list[int] = []
            office.set_clock(micros(office.now()) + (MINUTE if turn else 0))
            times[size].append(seconds(lambda office=office, raised=raised: raised.append(sweep(office))))  # type: ignore[misc]
            assert raised == [DUE]
    medians = {size: statistics.median(found[1:]) for size, found in times.items()}  # the first opens the books
    ratio = medians[SMALL] / medians[LARGE]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shown = " and ".join(f"{median * 1000:.0f} ms among {size:,}" for size, median in medians.items())
    tell(f"\nsweeping {DUE} due: {shown} deadlines: {ratio:.2f}; peak {peak:.0f} MB")
    for office in offices.values():
        office.close()
    assert peak < max(500, before + 1)
    assert ratio >= 1 / 1.5
