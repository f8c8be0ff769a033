"""What the subject of a listed case is called: the place, the article, the duty; never anything personal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from engine.core.errors import Damaged
from engine.service import Office

_FACTS = (
    "SELECT id, release, workflow, json_extract(iif(json_valid(snapshot), snapshot, '{}'), '$.facts') FROM \"case\""
    " WHERE id IN (SELECT value FROM json_each(?))"
)


def named(office: Office, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """These rows, each with the name by which the subject of its case is told from others; a person has none."""
    listed = list(rows)
    ids = json.dumps(sorted({row["case"] for row in listed}))
    with office.store.reading() as driver:
        names = {row[0]: _name(office, *row[1:]) for row in driver.execute(_FACTS, (ids,))}
    return [row | {"name": names.get(row["case"], "")} for row in listed]


def _name(office: Office, release: int, workflow: str, facts: str | None) -> str:
    try:
        kind = office.book(release).kind_of(workflow)
    except Damaged:
        return ""
    known = json.loads(facts or "{}")  # a damaged record: `audit verify` tells of it
    asked = dict.fromkeys(name for names in kind.identity for name in names if not kind.fields[name].pii)
    return " ".join(str(known[name]) for name in asked if known.get(name) is not None)
