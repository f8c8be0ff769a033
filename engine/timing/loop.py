"""Is the loop closed? The live data held against the four closures: 责任, 工作, 流程, 措施, and every name received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.core.case import Event, micros
from engine.core.errors import BadInput, BihuanError, Problem
from engine.core.org import SYSTEM
from engine.core.values import local_day, midnight
from engine.intake.exchange import tell_silent
from engine.service import Office
from engine.step import Step
from engine.store.changes import Change
from engine.store.store import Driver

NIGHTLY = timedelta(hours=2)
"""How long after local midnight the nightly check is due."""
_BEAT = "loop"


class Breach(NamedTuple):
    """Something that is nobody's, has no time, no way on, or no outcome."""

    closure: str
    what: str
    case: str
    """Empty: it belongs to no case."""


class Checked(NamedTuple):
    """What was looked at, and what is wrong."""

    counted: dict[str, int]
    breaches: list[Breach]


def check(office: Office) -> Checked:
    """Look at everything once; nothing is changed."""
    with office.store.reading() as driver:
        counted = {title: driver.execute(sql).fetchone()[0] for title, sql in _COUNTS.items()}
        breaches = [
            Breach(closure, what, case) for closure, what, sql in _CHECKS for (case,) in driver.execute(sql).fetchall()
        ]
        breaches += _nobodys(office, driver)
        breaches += [
            Breach("名单", f"名单 {file} 第 {row} 行没有唯一的着落", "") for file, row in driver.execute(_NAMES)
        ]
    return Checked(counted, breaches)


_COUNTS = {
    "在办案件": "SELECT count(*) FROM \"case\" WHERE final = ''",
    "运行中的时限": "SELECT count(*) FROM deadline",
    "待办的任务": "SELECT count(*) FROM task WHERE state IN ('open', 'claimed')",
    "待签收的交接": "SELECT count(*) FROM deadline WHERE name = 'hand_over'",
    "名单中的人": "SELECT count(*) FROM intake_row",
}
_CHECKS = (
    ("责任", "没有责任单位", "SELECT id FROM \"case\" WHERE final = '' AND owner = ''"),
    (
        "责任",
        "此刻无人负责",
        """SELECT c.id FROM "case" AS c LEFT JOIN custody AS k ON k.case_id = c.id AND k.until IS NULL
        WHERE c.final = '' AND k.unit IS NULL""",
    ),
    (
        "责任",
        "负责的单位与交接链不符",
        """SELECT c.id FROM "case" AS c JOIN custody AS k ON k.case_id = c.id AND k.until IS NULL
        WHERE c.final = '' AND k.unit <> c.owner""",
    ),
    (
        "责任",
        "交接链有空缺或重叠",
        """SELECT DISTINCT case_id FROM (
            SELECT case_id, until, lead(since) OVER (PARTITION BY case_id ORDER BY event) AS next FROM custody
        ) WHERE next IS NOT NULL AND (until IS NULL OR until <> next)""",
    ),
    (
        "责任",
        "已办结却仍有人负责",
        """SELECT c.id FROM custody AS k JOIN "case" AS c ON c.id = k.case_id
        WHERE k.until IS NULL AND c.final <> ''""",
    ),
    (
        "工作",
        "没有时限",
        """SELECT c.id FROM "case" AS c LEFT JOIN deadline AS d ON d.case_id = c.id AND instr(d.name, '@') = 0
        WHERE c.final = '' AND d.name IS NULL""",
    ),
    (
        "措施",
        "待办的任务没有时限",
        """SELECT DISTINCT t.case_id FROM task AS t
        LEFT JOIN deadline AS d ON d.case_id = t.case_id AND d.name = t.schedule || '@' || t.due
        WHERE t.state IN ('open', 'claimed') AND d.name IS NULL""",
    ),
    (
        "措施",
        "已办结却仍有计划或任务",
        """SELECT id FROM "case" AS c WHERE final <> '' AND (
            EXISTS (SELECT 1 FROM schedule WHERE case_id = c.id AND ended = 0)
            OR EXISTS (SELECT 1 FROM task WHERE case_id = c.id AND state IN ('open', 'claimed')))""",
    ),
    (
        "流程",
        "交接无人应答也没有时限",
        """SELECT c.id FROM "case" AS c LEFT JOIN deadline AS d ON d.case_id = c.id AND d.name = 'hand_over'
        WHERE c.final = '' AND d.name IS NULL AND json_extract(c.snapshot, '$.offer') IS NOT NULL""",
    ),
    (
        "流程",
        "名下案件与它自己的记录不符",
        """SELECT c.id FROM "case" AS c, json_each(c.snapshot, '$.children') AS j
        LEFT JOIN "case" AS k ON k.id = j.key WHERE k.id IS NULL OR k.final <> json_extract(j.value, '$[1]')""",
    ),
)
"""Which closure, what is wrong, and the cases of which it is."""
_NAMES = """
SELECT r.file, r.row FROM intake_row AS r LEFT JOIN "case" AS c ON c.id = r.case_id
LEFT JOIN intake_file AS f ON f.id = r.file LEFT JOIN "case" AS m ON m.id = f.matter
WHERE c.id IS NULL OR (r.outcome IN ('refused', 'ask') AND r.settled_at IS NULL AND r.answers = ''
AND (m.id IS NULL OR m.final <> ''))
"""
"""A row that waits does so with the matter of its list, whatever becomes of the person it may be about."""


def _nobodys(office: Office, driver: Driver) -> Iterator[Breach]:
    """Open cases whose owner the rules no longer know, or that stand where nothing leads on."""
    rows = driver.execute(
        "SELECT min(id), release, workflow, state, owner FROM \"case\" WHERE final = ''"
        " GROUP BY release, workflow, state, owner"
    ).fetchall()
    latest = office.book().organisation
    for case, release, workflow, state, owner in rows:
        try:
            flow = office.book(release).workflows[workflow]
        except (BihuanError, KeyError):
            yield Breach("流程", f"第 {release} 版规则或流程 {workflow} 打不开", case)
            continue
        if owner and latest.current_name(owner) is None:
            yield Breach("责任", f"责任单位 {owner} 已不存在", case)
        if not flow.leaving(state):
            title = flow.states[state].title if state in flow.states else state
            yield Breach("流程", f"环节“{title}”没有下一步", case)


def nightly(office: Office) -> int:
    """The check of the night, once whoever asks: a breach is an alert, a silent source a message; how many breaches."""
    now = office.now()
    zone = office.book().zone
    due = micros(midnight(local_day(now, zone), zone) + NIGHTLY)
    if micros(now) < due or not _first(office, due, micros(now)):
        return 0
    breaches = check(office).breaches
    for breach in breaches:
        _alert(office, breach)
    tell_silent(office)
    return len(breaches)


def _first(office: Office, due: int, now: int) -> bool:
    """Whether nobody has made this night's check yet; from now on somebody has."""
    with office.store.reading() as driver:
        beat = driver.execute("SELECT at FROM heartbeat WHERE name = ?", (_BEAT,)).fetchone()
    if beat is not None and beat[0] >= due:
        return False
    with office.store.writing(now) as writer:
        writer.cursor.execute(
            "INSERT INTO heartbeat (name, at) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE at < ?",
            (_BEAT, now, due),
        )
        return writer.cursor.rowcount > 0


def _alert(office: Office, breach: Breach) -> None:
    """An alert of the case; where the case itself is broken or there is none, a message to the default owner's head."""
    told = {"closure": breach.closure, "what": breach.what, "alerts": ["breach"]}

    def decide(now: datetime) -> Step:
        found = office.store.load(breach.case)
        if found is None:
            raise BadInput(Problem("CASE-404", f"没有案件 {breach.case}"))
        case, head = found
        happened = Event("breached", SYSTEM, now, told, office.account)
        return Step([Change.of(office.book(case.release), case, head, (happened,))], {})

    try:
        office.act(decide)
    except (BihuanError, KeyError, TypeError, ValueError):
        now = office.now()
        with office.store.writing(micros(now)) as writer:
            writer.system(Event("breached", SYSTEM, now, told | {"case": breach.case}, office.account))
            head_of = office.book().organisation.told("unit.head", office.book().default_owner)
            writer.message(breach.case, head_of, f"{breach.closure}闭环：{breach.what} {breach.case}".strip())
