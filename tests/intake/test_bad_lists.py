from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.values import parse_time
from engine.intake.take import take
from engine.service import Office

BAD = sorted((Path(__file__).parent / "bad").iterdir())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, pack_files: dict[str, bytes]) -> Iterator[Office]:
    base = tmp_path_factory.mktemp("bad")
    made = Office.create(base / "db" / "x.db", base / "k" / "key", pack_files, parse_time("2022-05-26T08:00+08:00"))
    yield made
    made.close()


def told(office: Office, path: Path) -> str:
    """All that is said of a list."""
    try:
        taken = take(office, path, "区数据组", office.actor("shuju"), dry_run=True)
    except BadInput as error:
        return str(error)
    return "\n".join(why for line in taken.lines for _, _, why in line.row.errors)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_bad_list_is_refused_with_the_words_of_its_first_line(desk: Office, path: Path) -> None:
    words = path.read_text("utf-8").splitlines()[0].split("# ", 1)[1].split()
    said = told(desk, path)
    assert [word for word in words if word not in said] == []
