"""A process whose writes are recorded: `python -m tests.faults.writer DB KEY ACKS full|normal`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.service import Office
from engine.store import store


def main() -> None:
    """Open and advance cases; each answer is one line in the file of answers, written when it is given."""
    database, key, answers, synchronous = sys.argv[1:5]
    if synchronous != "full":
        store.PRAGMAS = (*store.PRAGMAS, "synchronous=NORMAL")
    office = Office.open(Path(database), Path(key))
    out = os.open(answers, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in range(24):
        facts = {"name": "甲", "phone": f"139{number:08d}", "community": "华业社区", "contact": "密切接触者"}
        case = office.open_case("person", facts, office.actor("huaye"))["case"]
        os.write(out, f"{case} 1\n".encode())
        office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
        os.write(out, f"{case} 2\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main()
