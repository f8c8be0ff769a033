"""A list of 45,000 areas held against 300,000 stays, beside the bare join: `make bench`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine import areas
from engine.service import Office
from engine.store.references import hashed, keep
from engine.timing import lookback
from tests.bench.test_bench import ratio, seconds, tell
from tests.conftest import Make

pytestmark = pytest.mark.bench
STAYS, AREAS = 300_000, 45_000
DAY = date(2022, 5, 24).toordinal()


def fill(office: Office) -> None:
    """Stays all over the country, a third of them at places that the list names; only what looking back reads."""
    counties = [f"省{n % 30}\x1f市{n % 300}\x1f县{n}" for n in range(3000)]
    with office.store.writing(0) as writer:
        rows = []
        for n in range(STAYS):
            county = counties[n % 3000]
            k1, k2, k3 = hashed(office.master, "areas", [f"{county}\x1f小区{n % (AREAS * 3)}", county])
            rows.append((f"C{n:09d}", "areas", DAY - n % 20, k1, k2, k3, "high"))
        keep(writer, rows)


def a_list(path: Path) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("province,city,county,area,level,listed_from,listed_until\n")
        for n in range(AREAS):
            county = n % 3000
            place = f"省{county % 30},市{county % 300},县{county},小区{n}"
            file.write(f"{place},{('high', 'medium', 'low')[n % 3]},2022-05-0{n % 9 + 1}T00:00:00+08:00,\n")
    return path


def test_looking_back_over_three_hundred_thousand_stays(
    make_office: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = make_office("2022-05-26T18:00+08:00")
    fill(office)
    path = a_list(tmp_path / "areas.csv")
    with monkeypatch.context() as only_loading:
        only_loading.setattr(lookback, "look_back", lambda _: {})
        load = seconds(lambda: areas.load(office, path, office.actor("shuju")))
    join = lookback._STAYS  # noqa: SLF001 - its query is under test

    def bare() -> None:
        with office.store.reading() as driver:
            assert sum(1 for _ in driver.execute(join, ("areas", 1, "$.facts"))) > 0

    def ours() -> None:
        lookback.count(office, "areas", 1)

    look = seconds(ours)
    tell(f"\n45,000 areas loaded in {load:.1f} s, held against {STAYS:,} stays in {look:.1f} s")
    assert ratio("looking back over 300,000 stays / the bare join", bare, ours, 3) > 0
