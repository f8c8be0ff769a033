"""The alerts of many cases at one look: a case is one line, however much of it is overdue."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from engine.core.org import Actor
from engine.core.workflows import LEVELS
from engine.reading.names import named
from engine.reading.queries import MOST_ROWS, OPEN_ALERTS, alert_list, alert_row, reach
from engine.service import Office
from engine.store.changes import RAISED

_BY_CASE = (
    f"WITH raised AS (SELECT *, (SELECT key FROM json_each(?) WHERE value = level) AS high FROM ({OPEN_ALERTS})),"  # noqa: S608
    " tops AS (SELECT case_id, max(high) AS highest, max(raised_at) AS last FROM raised GROUP BY case_id"
    " ORDER BY highest DESC, last DESC, case_id LIMIT ?)"
    " SELECT raised.* FROM raised JOIN tops ON tops.case_id = raised.case_id"
    " ORDER BY tops.highest DESC, tops.last DESC, raised.case_id, raised.high DESC, raised.raised_at DESC, raised.name"
)


def alerts_by_case(office: Office, actor: Actor, most: int = MOST_ROWS) -> list[dict[str, Any]]:
    """Each case with open alerts as its highest one, and what else is overdue; the highest first, then the newest.

    `titles`: what the alerts of the case are about, each once; `alerts`: how many there are.
    """
    asked = (json.dumps(LEVELS), json.dumps(sorted(RAISED)), False, *reach(office, actor), most)
    zone = office.book().zone
    with office.store.reading() as driver:
        rows = [alert_row(office, zone, *row[:-1]) for row in driver.execute(_BY_CASE, asked).fetchall()]
    grouped = []
    for _, of in groupby(rows, key=lambda row: row["case"]):
        alerts = list(of)
        titles = list(dict.fromkeys(alert["title"] for alert in alerts))
        grouped.append(alerts[0] | {"titles": titles, "alerts": len(alerts)})
    grouped += [row | {"titles": [row["title"]], "alerts": 1} for row in alert_list(office, actor, raised=False)]
    grouped = named(office, grouped)
    return sorted(grouped, key=lambda row: -LEVELS.index(row["level"]))[:most]
