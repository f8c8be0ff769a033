"""Places of sites: never more cases than places, and no room twice but for those who share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.core.errors import Problem, Refused
from engine.core.org import Unit
from engine.ids import read_id
from engine.store.changes import Ready
from engine.store.store import Driver


def refuse_overfull(driver: Driver, changes: Iterable[Ready], units: Mapping[str, Unit]) -> None:
    """Refuse cases that found no place or room, every one with its reason; called under the write lock, after it.

    A case that follows another one stays where that one was.
    """
    placed = [row for change in changes for row in change.rows.get("placed", ())]
    problems = [problem for row in placed if not row["follows"] for problem in _clash(driver, row)]
    for site in dict.fromkeys(row["site"] for row in placed):
        limit = units[site].places if site in units else None
        taken = driver.execute("SELECT count(*) FROM place WHERE site = ?", (site,)).fetchone()[0]
        if limit is not None and taken > limit:
            problems.append(
                Problem("CASE-031", f"{site} 只有 {limit} 个床位，会住进 {taken} 人", "见 bihuan site list，换一处")
            )
    if problems:
        raise Refused(problems)


def _clash(driver: Driver, row: Mapping[str, Any]) -> list[Problem]:
    """Why a room cannot be given: somebody has it, and neither shares with the other."""
    others: Sequence[tuple[str, str]] = driver.execute(
        "SELECT case_id, shared_with FROM place WHERE site = ? AND room = ? AND case_id <> ?",
        (row["site"], row["room"], row["case_id"]),
    ).fetchall()
    with_whom = read_id(row["shared_with"])
    if not others or any(case == with_whom or read_id(shared) == row["case_id"] for case, shared in others):
        return []
    what = f"案件 {row['case_id']}：{row['site']} {row['room']} 房已有人"
    return [Problem("CASE-031", what, "换一间；陪护或同行的填明与哪一件案件同住")]
