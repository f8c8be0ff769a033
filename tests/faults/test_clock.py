"""Ten thousand random sequences of clock jumps: no alert is lost, doubled or early, and time alone releases nobody."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.case import micros
from engine.core.errors import Refused
from engine.core.values import parse_time
from engine.proof import audit
from engine.service import Office
from engine.store.store import Store, Writer
from engine.timing import sweep as module
from engine.timing.sweep import sweep
from tests.samples import opened, published, quarantined

SEQUENCES, MANY = 1_500, 10_000
STARTS = ("2022-05-26T08:00+08:00", "2024-02-20T08:00+08:00", "2024-02-28T21:30+08:00")
ZONES = ("Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "UTC")
LEAP = parse_time("2024-02-29T12:00+08:00")
Alerts = dict[tuple[str, str, int], int]


class Undone(Store):
    """A store of which everything happens in one transaction, so that it can be taken back at once."""

    @contextmanager
    def writing(self, now: int) -> Iterator[Writer]:
        driver = self.connection()
        driver.execute("SAVEPOINT writing")
        try:
            yield Writer(driver, self.chain, now)
        except BaseException:
            driver.execute("ROLLBACK TO writing")
            raise
        finally:
            driver.execute("RELEASE writing")


class Clocked(Office):
    """An office that looks at a clock of ours."""

    at = datetime(2022, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class WithoutZone(Clocked):
    """The planted bug: the clock on the wall is read without its zone."""

    def now(self) -> datetime:
        return self.at + timedelta(seconds=time.localtime(self.at.timestamp()).tm_gmtoff)


def made(base: Path, files: dict[str, bytes], start: str) -> tuple[Path, Path]:
    """Persons just found, under one release each of two time zones; before the leap day one in quarantine, too."""
    path, key = base / "db" / "office.db", base / "keys" / "master.key"
    Clocked.at = parse_time(start)
    office = Clocked.create(path, key, files)
    day = office.now().date().isoformat()
    opened(office, last_exposure=day)
    other = files["rules/pack.yaml"].replace(b"Asia/Shanghai", b"America/New_York")
    published(office, files | {"rules/pack.yaml": other})
    opened(office, id_number="", name="甲乙", phone="13900000002", last_exposure=day)
    if start == STARTS[-1]:
        quarantined(office, id_number="", name="甲丙", phone="13900000003", last_exposure=day)
    office.close()
    return path, key


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory, pack_files: dict[str, bytes]) -> list[tuple[Path, Path]]:
    return [made(tmp_path_factory.mktemp("clock"), pack_files, start) for start in STARTS]


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    yield
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


def rungs_of(office: Office) -> Alerts:
    """When each rung is to be heard, by the ladder of the pack alone."""
    ladder = office.book(1).ladders["standard"]
    with office.store.reading() as driver:
        due = driver.execute("SELECT case_id, name, due FROM deadline").fetchall()
    return {
        (case, name, rung): at + step.at // timedelta(microseconds=1)
        for case, name, at in due
        for rung, step in enumerate(ladder.rungs)
    }


def jump(office: Clocked, chance: random.Random) -> None:
    """The clock moves, or the zone of the machine does."""
    kind = chance.choice(["+1h", "+1h", "+10d", "-1h", "leap", "zone", "-10d", "minutes"])
    if kind == "leap":
        office.at = LEAP if office.at < LEAP else office.at + timedelta(days=1)
    elif kind == "zone":
        os.environ["TZ"] = chance.choice(ZONES)
        time.tzset()
    elif kind == "minutes":
        office.at += timedelta(minutes=chance.randrange(1, 60))
    else:
        number, unit = int(kind[:-1]), {"h": "hours", "d": "days"}[kind[-1]]
        office.at += timedelta(**{unit: number})


def told(office: Office) -> tuple[Alerts, list[int], set[tuple[Any, ...]]]:
    """What was raised and when, how late each alert was, and where the cases stand."""
    ladder = office.book(1).ladders["standard"]
    with office.store.reading() as driver:
        rows = driver.execute("SELECT case_id, name, rung, raised_at, due, level FROM alert").fetchall()
        messages = driver.execute("SELECT count(*) FROM outbox WHERE case_id <> ''").fetchone()[0]
        cases = driver.execute('SELECT id, state, owner, final, release FROM "case"').fetchall()
    levels = {rung.level: rung.at // timedelta(microseconds=1) for rung in ladder.rungs}
    late = [at - due - levels[level] for *_, at, due, level in rows]
    late += [-1] * abs(len(rows) - messages)  # a message too many or too few
    return {(case, name, rung): at for case, name, rung, at, *_ in rows}, late, set(cases)


def wrong(office: Clocked, rungs: Alerts, cases: set[tuple[Any, ...]], seed: int) -> str:
    """What one sequence lost, doubled, advanced or moved; empty: nothing."""
    chance = random.Random(seed)
    heard: Alerts = {}
    for number in range(chance.randrange(5, 9)):
        jump(office, chance)
        if number and chance.random() < 0.2:
            continue  # nobody swept
        sweep(office)
        now = micros(office.at)
        heard |= {rung: now for rung, at in rungs.items() if at <= now and rung not in heard}
    raised, late, stand = told(office)
    known = {(case, name) for case, name, _ in rungs}  # tasks that were made meanwhile have alerts of their own
    if {key: at for key, at in raised.items() if key[:2] in known} != heard:
        return f"seed {seed}: {raised} instead of {heard}"
    if min(late, default=0) < 0 or stand != cases:
        return f"seed {seed}: an alert came early, a message is missing or doubled, or a case moved: {stand}"
    return unreleased(office, cases) if seed % 50 == 0 else ""


def unreleased(office: Clocked, cases: set[tuple[Any, ...]]) -> str:
    """However late it is, nobody is released without a test; and the record is whole."""
    for case in [case for case, state, *_ in cases if state == "quarantined"]:
        with contextlib.suppress(Refused):
            office.advance(case, "release", office.actor("shenpi"))
            return f"{case} was released at {office.at}"
    with office.store.reading() as driver:
        return "".join(str(problem) for problem in audit.examine(office, driver).problems)


def run(kind: type[Clocked], templates: list[tuple[Path, Path]], seeds: range) -> list[str]:
    """Every sequence on a database as it was made; what went wrong."""
    found = []
    for part, ((path, key), start) in enumerate(zip(templates, STARTS, strict=True)):
        office = kind.open(path, key)
        office.rehearsal = False  # its clock is ours, and goes back
        assert isinstance(office, Clocked)
        office.store = Undone(path, office.store.chain)
        rungs, (_, _, cases) = rungs_of(office), told(office)
        driver = office.store.connect()
        office.store._own.driver = driver  # noqa: SLF001 - its one transaction is ours
        for seed in seeds[part :: len(STARTS)]:
            office.at = parse_time(start)
            driver.execute("BEGIN")
            if said := wrong(office, rungs, cases, seed):
                found.append(said)
            driver.execute("ROLLBACK")
        office.close()
    return found


@pytest.mark.parametrize("number", [SEQUENCES, pytest.param(MANY, marks=pytest.mark.long)])
def test_however_the_clock_jumps_no_alert_is_lost_doubled_or_early(
    number: int, templates: list[tuple[Path, Path]]
) -> None:
    assert run(Clocked, templates, range(number)) == []


PLANTED = {
    "late alerts are dropped": ("next_at <= ?1", "next_at BETWEEN ?1 - 7200000000 AND ?1"),
    "alerts come an hour early": ("next_at <= ?1", "next_at <= ?1 + 3600000000"),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_sweep_that_trusts_the_clock_is_found(
    bug: str, templates: list[tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    right, other = PLANTED[bug]
    assert right in module._DUE  # noqa: SLF001 - the query is what is broken
    monkeypatch.setattr(module, "_DUE", module._DUE.replace(right, other, 1))  # noqa: SLF001
    assert run(Clocked, templates, range(60))


def test_a_clock_read_without_its_zone_is_found(templates: list[tuple[Path, Path]]) -> None:
    assert run(WithoutZone, templates, range(60))
