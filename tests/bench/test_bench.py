"""Side by side in one run, medians of five pairs, printed as ratios: `make bench`."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import resource
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import areas
from engine.core.case import micros
from engine.core.conditions import Fact, Field, OneOf
from engine.core.tables import Row, Table
from engine.core.values import parse_time
from engine.intake.take import take
from engine.service import Office
from engine.store import store
from engine.store.references import derived
from engine.timing.sweep import sweep
from tests.conftest import START, Make
from tests.samples import opened

pytestmark = pytest.mark.bench
PAIRS = 5
TURN = 50
"""So many at a time where a pair takes seconds: the machine is then as fast for the one as for the other."""
DAY = date(2022, 5, 26)
Recorded = list[list[tuple[str, list[Any]]]]
"""Transactions, each a list of statements with their rows."""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def tell(words: str) -> None:
    """Print, past the capture: figures are what a benchmark is for."""
    print(words)  # noqa: T201


def median_of(name: str, ratios: list[float]) -> float:
    median = statistics.median(ratios)
    tell(f"\n{name}: {median:.3f} ({', '.join(f'{item:.3f}' for item in ratios)})")
    return median


def ratio(name: str, base: Callable[[], object], ours: Callable[[], object], pairs: int = PAIRS) -> float:
    """How fast ours is beside the base (1: as fast), the median of pairs taken in turn."""
    found = []
    for _ in range(pairs):
        one = seconds(base)
        found.append(one / seconds(ours))
    median = statistics.median(found)
    tell(f"\n{name}: {median:.3f} of the base (pairs {', '.join(f'{item:.3f}' for item in found)})")
    return median


def table(rows: int) -> tuple[Table, list[dict[str, Fact]]]:
    """A table of five inputs, and facts that hit its rows."""
    chance = random.Random(rows)
    values = tuple(f"v{n}" for n in range(20))
    fields = [Field(f"f{n}", f"输入{n}", "enum", values) for n in range(5)]
    keys: set[tuple[str, ...]] = set()
    while len(keys) < rows:
        keys.add(tuple(chance.choice(values) for _ in fields))
    made = [
        Row(
            f"R{n}",
            ({f.name: OneOf(frozenset({v})) for f, v in zip(fields, key, strict=True)},),
            {"lead": n},
            priority=n,
        )
        for n, key in enumerate(sorted(keys))
    ]
    facts: list[dict[str, Fact]] = [dict(zip([f.name for f in fields], key, strict=True)) for key in sorted(keys)]
    asked = [chance.choice(facts) for _ in range(50_000)]
    return Table("t", "表", "priority", fields, made), asked


def test_a_decision_beside_a_bare_look_up() -> None:
    small, facts = table(30)
    large, many = table(3000)
    bare = {tuple(item.values()): item for item in facts}

    def look_up() -> None:
        for item in facts:
            bare[(item["f0"], item["f1"], item["f2"], item["f3"], item["f4"])]

    def decide(asked: Table, told: list[dict[str, Fact]]) -> Callable[[], None]:
        def run() -> None:
            for item in told:
                asked.decide(item, DAY)

        return run

    decide(small, facts)()
    decide(large, many)()
    assert ratio("decide / dict look-up of the same keys", look_up, decide(small, facts)) >= 0.08
    assert ratio("decide of 30 rows / of 3,000", decide(small, facts), decide(large, many)) >= 1 / 1.5


@contextlib.contextmanager
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """Every statement that is written, with its rows, transaction by transaction."""
    kept: Recorded = []
    real = store.Store.writing

    class Cursor:
        """A cursor that remembers what it was given."""

        def __init__(self, cursor: sqlite3.Cursor) -> None:
            self.cursor = cursor

        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            if not sql.startswith("SELECT"):
                kept[-1].append((sql, [parameters]))
            return self.cursor.execute(sql, parameters)

        def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
            listed = list(rows)
            kept[-1].append((sql, listed))
            return self.cursor.executemany(sql, listed)

        @property
        def rowcount(self) -> int:
            return self.cursor.rowcount

    @contextlib.contextmanager
    def writing(self: store.Store, now: int) -> Iterator[store.Writer]:
        with real(self, now) as writer:
            kept.append([])
            writer.cursor = Cursor(writer.cursor)  # type: ignore[assignment]
            yield writer

    with monkeypatch.context() as patch:
        patch.setattr(store.Store, "writing", writing)
        yield kept


def copied(office: Office, folder: Path) -> Path:
    """The database as it is now, in a folder of its own."""
    office.store.close()
    folder.mkdir()
    target = folder / "office.db"
    with (
        contextlib.closing(sqlite3.connect(office.store.path)) as source,
        contextlib.closing(sqlite3.connect(target)) as to,
    ):
        source.backup(to)
    return target


def replay(path: Path, kept: Recorded) -> Callable[[], None]:
    """The same rows by bare sqlite3, at the same settings."""
    return partial(bare(path), kept)


def bare(path: Path) -> Callable[[Recorded], None]:
    """A writer of rows by bare sqlite3, at the same settings."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in store.PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")

    def run(kept: Recorded) -> None:
        for statements in kept:
            connection.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                connection.executemany(sql, rows)
            connection.execute("COMMIT")

    return run


def test_a_durable_advance_beside_raw_sqlite_writing_the_same_rows(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = make_office("")  # an office at work: a rehearsal asks its database for the time as well
    key = tmp_path / "keys" / "master.key"
    today = {"id_number": "", "last_exposure": office.now().date().isoformat()}
    cases = [opened(office, **today, name=f"甲{n}", phone=f"139{n:08d}") for n in range(1000)]
    evidence = {"checked_at": office.now().isoformat()}
    actor = office.actor("huaye")
    ratios = []
    for number in range(PAIRS):
        base, ours = copied(office, tmp_path / f"base{number}"), copied(office, tmp_path / f"ours{number}")
        recorded = Office.open(copied(office, tmp_path / f"recorded{number}"), key)
        with recording(monkeypatch) as kept:
            for case in cases:
                recorded.advance(case, "verify", actor, evidence)
        recorded.close()
        other = Office.open(ours, key)
        other.book()
        write = bare(base)

        def advance(some: list[str], other: Office = other) -> None:
            for case in some:
                other.advance(case, "verify", actor, evidence)

        raw = ours_took = 0.0
        for at in range(0, len(cases), TURN):
            raw += seconds(partial(write, kept[at : at + TURN]))
            ours_took += seconds(partial(advance, cases[at : at + TURN]))
        ratios.append(raw / ours_took)
        other.close()
    assert median_of("advance / raw sqlite3 writing the same rows", ratios) >= 0.5


def big_list(path: Path, rows: int) -> Path:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            "姓名",
            "身份证号",
            "手机号",
            "来源地省",
            "来源地市",
            "来源地县区",
            "来源地详址",
            "离开时间",
            "抵达时间",
            "现住址",
            "所属社区",
            "核酸结果",
        ]
    )
    for n in range(rows):
        body = f"34{n // 1000:04d}19650216{n % 1000:03d}"
        number = body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
        place = ["北京市", "房山区", "长阳镇", f"碧波园小区{n % 300}"]
        writer.writerow(
            [
                f"张{chr(0x4E00 + n % 5000)}",
                number,
                f"139{n:08d}",
                *place,
                "2022/5/24",
                "5月25日",
                f"和平路{n}号",
                "华业社区",
                "阴性",
            ]
        )
    path.write_text(out.getvalue(), "utf-8")
    return path


def test_taking_in_twenty_thousand_rows_beside_the_fastest_reader_and_executemany(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    path = big_list(tmp_path / "big.csv", 20_000)
    key = tmp_path / "keys" / "master.key"
    office = make_office("2022-05-26T18:00+08:00")
    areas.load(office, data / "risk_areas_2022-04-15_2022-08-15.csv.gz", office.actor("shuju"))
    recorded = Office.open(copied(office, tmp_path / "recorded"), key)
    with recording(monkeypatch) as kept:
        take(recorded, path, "区数据组", recorded.actor("shuju"))
    recorded.close()
    ratios = []
    for number in range(PAIRS):
        base = copied(office, tmp_path / f"base{number}")
        other = Office.open(copied(office, tmp_path / f"ours{number}"), key)
        other.book()

        def read_and_write(base: Path = base) -> None:
            with path.open(encoding="utf-8", newline="") as file:
                assert len(list(csv.reader(file))) == 20_001
            replay(base, kept)()

        raw = seconds(read_and_write)
        ratios.append(raw / seconds(partial(take, other, path, "区数据组", other.actor("shuju"))))
        other.close()
        for made in (f"base{number}", f"ours{number}"):
            shutil.rmtree(tmp_path / made)
    assert median_of("intake of 20,000 / csv + executemany of every row", ratios) >= 0.3


def test_three_hundred_thousand_areas_load_and_match(make_office: Make, tmp_path: Path) -> None:
    office = make_office("2022-06-15T18:00+08:00")
    path = tmp_path / "areas.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("province,city,county,area,level,listed_from,listed_until\n")
        for n in range(300_000):
            until = "" if n < 45_000 else "2022-05-20T00:00:00+08:00"
            level = ("high", "medium", "low")[n % 3]
            file.write(
                f"省{n % 30},市{n % 300},县{n % 3000},小区{n},{level},2022-05-0{n % 9 + 1}T00:00:00+08:00,{until}\n"
            )
    load = seconds(lambda: areas.load(office, path, office.actor("shuju")))
    stays: list[dict[str, Fact]] = [
        {
            "origin_province": f"省{n % 30}",
            "origin_city": f"市{n % 300}",
            "origin_county": f"县{n % 3000}",
            "origin_area": f"小区{n * 7 % 300_000}" if n % 2 else f"小区{n % 3000}",
            "left_on": date(2022, 6, 1) - timedelta(days=n % 10),
        }
        for n in range(20_000)
    ]
    told = [stay.get for stay in stays]
    with office.store.reading() as driver:
        matched = seconds(
            lambda: derived(driver, office.master, office.book(), told, parse_time("2022-06-15T18:00+08:00"))
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell(f"\nareas: 300,000 loaded in {load:.1f} s, 20,000 stays matched in {matched:.1f} s, peak {peak:.0f} MB")
    assert peak < 1500


def fill(office: Office, deadlines: int, due: int) -> None:
    """A million running deadlines on as many cases, some of them due; only what a sweep reads."""
    later = micros(office.now() + timedelta(days=30))
    soon = micros(office.now())
    with office.store.writing(soon) as writer:
        many = writer.cursor.executemany
        many(
            'INSERT INTO "case" (id, seq, head, workflow, release, subject, state, owner, category, final, opened_at,'
            " snapshot) VALUES (?, 1, x'00', 'arrival', 1, ?, 'found', '华业社区', '', '', 0, '{}')",
            ((f"C{n:09d}", f"S{n}") for n in range(deadlines)),
        )
        many(
            "INSERT INTO deadline (case_id, name, armed_by, due, ladder, rung, next_at)"
            " VALUES (?, 'verify', 1, ?, 'standard', 3, ?)",
            ((f"C{n:09d}", soon, soon - 1 if n % (deadlines // due) == 0 else later + n) for n in range(deadlines)),
        )


def test_finding_and_sweeping_what_is_due_among_a_million(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = make_office(START)
    key = tmp_path / "keys" / "master.key"
    sweep(office)  # the check of the night is done before: what is filled in below is no real case
    fill(office, 1_000_000, 5_000)
    now = micros(office.now())
    from engine.timing import sweep as module  # noqa: PLC0415 - its query is under test

    connection = sqlite3.connect(office.store.path)

    def bare() -> None:
        for _ in range(20):
            connection.execute(
                "SELECT case_id, name FROM deadline WHERE next_at <= ? ORDER BY next_at LIMIT 1000", (now,)
            ).fetchall()

    def ours() -> None:
        for _ in range(20):
            connection.execute(module._DUE, (now, 1000)).fetchall()  # noqa: SLF001

    assert ratio("finding what is due among 1,000,000 / the bare select", bare, ours) >= 1 / 3
    connection.close()
    ratios = []
    for number in range(PAIRS):
        base = copied(office, tmp_path / f"base{number}")
        recorded = Office.open(copied(office, tmp_path / f"recorded{number}"), key)
        with recording(monkeypatch) as kept:
            assert sweep(recorded) == 5_000
        recorded.close()
        other = Office.open(copied(office, tmp_path / f"ours{number}"), key)
        other.book()
        run = replay(base, kept)

        def select_and_write(base: Path = base, run: Callable[[], None] = run) -> None:
            with contextlib.closing(sqlite3.connect(base)) as reader:
                reader.execute(module._DUE, (now, 5_000)).fetchall()  # noqa: SLF001
            run()

        raw = seconds(select_and_write)
        ratios.append(raw / seconds(partial(sweep, other)))
        other.close()
        for made in ("base", "recorded", "ours"):
            shutil.rmtree(tmp_path / f"{made}{number}")
    assert median_of("sweeping 5,000 due among 1,000,000 / raw", ratios) >= 1 / 3
