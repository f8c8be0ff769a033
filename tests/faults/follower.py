"""Another process at work on the same database: `python -m tests.faults.follower DB KEY sound|planted`.

For each line it is given it opens a case, and answers with the release in force and the release of the case.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from engine.service import Office
from tests.samples import opened


def main() -> None:
    """Answer as long as somebody asks."""
    database, key, kind = sys.argv[1:4]
    office = Office.open(Path(database), Path(key))
    if kind == "planted":  # the bug: which release is in force is remembered
        office.releases.in_force = cache(office.releases.in_force)  # type: ignore[method-assign]
        office.now = cache(office.now)  # type: ignore[method-assign]
    for number, _ in enumerate(sys.stdin):
        case = opened(office, id_number="", name="甲", phone=f"139{number:08d}", last_exposure="")
        found = office.store.load(case)
        print(json.dumps([office.book().release, found and found[0].release]), flush=True)  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
