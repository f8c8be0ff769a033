"""What tests share: the shipped pack, and offices on rehearsal databases of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.rulebook import Rulebook
from engine.core.values import parse_time
from engine.packs.pack import compile_pack, read_folder, shipped
from engine.service import Office
from engine.timing.sweep import move_clock

START = "2022-05-26T08:00+08:00"
AREAS = "risk_areas_2022-04-15_2022-08-15.csv.gz"


@pytest.fixture(scope="session")
def data() -> Path:
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def pack_files() -> dict[str, bytes]:
    return read_folder(shipped())


@pytest.fixture(scope="session")
def book(pack_files: dict[str, bytes]) -> Rulebook:
    return compile_pack(pack_files)


Make = Callable[..., Office]


@pytest.fixture
def make_office(tmp_path: Path, pack_files: dict[str, bytes]) -> Iterator[Make]:
    made: list[Office] = []

    def make(start: str = START, files: dict[str, bytes] | None = None) -> Office:
        """An office on a rehearsal database; no start: on one with the clock on the wall."""
        number = len(made)
        path = tmp_path / f"db{number}" / "office.db"
        office = Office.create(
            path, tmp_path / "keys" / "master.key", files or pack_files, parse_time(start) if start else None
        )
        made.append(office)
        return office

    yield make
    for office in made:
        office.close()


@pytest.fixture
def office(make_office: Make) -> Office:
    return make_office()


@pytest.fixture
def later(office: Office) -> Callable[..., int]:
    def move(**step: int) -> int:
        return move_clock(office, timedelta(**step))

    return move
