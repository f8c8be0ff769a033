"""What is kept beside cases and their rows, held against the events that tell of it, or opened with its key."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import orjson

from engine.commands.drafts import digest_of_impact
from engine.core.errors import Damaged
from engine.service import Office
from engine.store import subjects
from engine.vault import SubjectKey

Found = Iterator[tuple[str, str]]
"""What is wrong, and where."""
MOST = 20
LINE = ("row", "outcome", "reasons", "case_id", "answers", "sent")
"""What is said of a row of a list when it is taken in, and never changes."""

_ALERTS = (
    "SELECT e.case_id, e.seq FROM event AS e LEFT JOIN alert AS a ON a.case_id = e.case_id"
    " AND a.armed_by = json_extract(e.data, '$.armed') AND a.name = json_extract(e.data, '$.deadline')"
    " AND a.rung = json_extract(e.data, '$.rung') WHERE e.type = 'alerted' AND (a.level IS NOT"
    " json_extract(e.data, '$.level') OR a.told IS NOT json_extract(e.data, '$.told')"
    " OR a.due IS NOT json_extract(e.data, '$.due') OR a.raised_at IS NOT e.recorded_at)"
    " UNION ALL SELECT a.case_id, a.armed_by FROM alert AS a JOIN event AS e"
    " ON e.case_id = a.case_id AND e.seq = a.armed_by WHERE NOT EXISTS (SELECT 1 FROM event AS t"
    " WHERE t.case_id = a.case_id AND t.type = 'alerted' AND json_extract(t.data, '$.armed') = a.armed_by"
    " AND json_extract(t.data, '$.deadline') = a.name AND json_extract(t.data, '$.rung') = a.rung)"
    " AND a.raised_at <> e.recorded_at LIMIT 20"
)
_OF_RULES = (
    "SELECT type, actor, account, recorded_at, data FROM event WHERE case_id = 'system' AND type IN"
    " ('published', 'begun', 'drafted', 'weighed', 'withdrawn', 'bounded') ORDER BY seq"
)
_KEPT = {
    "release": ("digest", "draft", "effective_from", "published_by", "published_at", "withdrawn_at", "begun_at"),
    "draft": (
        *("base", "digest", "effective_from", "drafted_by", "drafted_at", "account", "subject"),
        *("withdrawn_by", "withdrawn_at", "impact"),
    ),
    "bounds": ("digest", "set_by", "set_at"),
}
"""What is kept of rules beside their text, and follows from the events that tell of them."""
_MIGRATED = (
    "SELECT json_extract(data, '$.plan'), case_id, json_extract(data, '$.entry'), seq FROM event"
    " WHERE type IN ('migrated', 'asked', 'answered', 'reclassified') AND json_extract(data, '$.plan') > 0"
    " AND json_extract(data, '$.back') IS NULL"
)
_TOUCHED = "SELECT plan, case_id, entry, event FROM migrated"
_PLANS = (
    "SELECT json_extract(data, '$.plan'), json_extract(data, '$.release'), json_extract(data, '$.day'),"
    " json_extract(data, '$.entries'), json_extract(data, '$.due') FROM event"
    " WHERE case_id = 'system' AND type = 'plan_scheduled'"
)
_SCHEDULED = "SELECT number, release, day, entries, due FROM migration"
_NAMES = {"release": "第 {} 版", "draft": "草案 {}", "bounds": "界限 {}"}
_LOST_LINES = (
    "SELECT r.file, r.row FROM intake_row AS r JOIN subject AS f ON f.id = r.file AND f.wrapped IS NOT NULL"
    " WHERE NOT EXISTS (SELECT 1 FROM vault AS v WHERE v.subject = r.file AND v.field = 'row:' || r.row)"
    " AND NOT EXISTS (SELECT 1 FROM subject AS s WHERE s.id = r.subject AND s.wrapped IS NULL) LIMIT 20"
)
_MISPLACED = (
    'SELECT r.file, r.row FROM intake_row AS r JOIN "case" AS c ON c.id = r.case_id WHERE r.subject <> c.subject'
    " AND r.outcome IN ('opened', 'linked', 'duplicate', 'skipped') LIMIT 20"
)
_STRAY_VALUES = (
    "SELECT subject FROM vault WHERE subject NOT IN (SELECT id FROM subject WHERE wrapped IS NOT NULL)"
    " UNION SELECT subject FROM blind WHERE subject NOT IN (SELECT id FROM subject WHERE wrapped IS NOT NULL) LIMIT 20"
)
SNAPSHOT = "iif(json_valid(c.snapshot), c.snapshot, '{}')"
"""What can be asked of a case even where its snapshot is damaged: one such case hides no other."""
_LOST_PERSONS = (
    f"SELECT c.id, j.value FROM \"case\" AS c, json_each({SNAPSHOT}, '$.personal') AS j"  # noqa: S608 - our own words
    " JOIN subject AS s ON s.id = c.subject AND s.wrapped IS NOT NULL"
    " WHERE NOT EXISTS (SELECT 1 FROM vault AS v WHERE v.subject = c.subject AND v.field = j.value) LIMIT 20"
)
_ERASED = (
    "SELECT s.id FROM subject AS s WHERE s.wrapped IS NULL AND NOT EXISTS (SELECT 1 FROM event AS e"
    " WHERE e.case_id = 'system' AND e.type = 'erased' AND json_extract(e.data, '$.subject') = s.id)"
    ' UNION SELECT c.subject FROM "case" AS c WHERE c.subject NOT IN (SELECT id FROM subject) LIMIT 20'
)


_PROFILE = (
    "SELECT json_extract(data, '$.profile') FROM event WHERE case_id = 'system' AND type = 'profile_switched'"
    " ORDER BY seq DESC LIMIT 1"
)


def examine(office: Office, driver: Any) -> Found:
    """Everything wrong with alerts, releases, lists, personal values and the rehearsal clock."""
    if driver.execute("SELECT 1 FROM event WHERE NOT json_valid(data) LIMIT 1").fetchone():
        return  # told already, with its place: nothing can be held against it
    for case, event in driver.execute(_ALERTS).fetchall():
        yield "预警的级别、时间或告知对象与事件不符", f"案件 {case}，第 {event} 条事件"
    yield from _rules(driver)
    yield from _plans(driver)
    yield from _lists(driver)
    yield from _values(office, driver)
    told = driver.execute(_PROFILE).fetchone()
    kept = driver.execute("SELECT value FROM meta WHERE name = 'profile'").fetchone()
    if (told or ("",))[0] != (kept or ("",))[0]:
        yield "现在的状态（平、急）与事件不符", "meta profile"
    last = driver.execute("SELECT coalesce(max(recorded_at), 0) FROM event").fetchone()[0]
    if office.rehearsal and office.store.rehearsal_clock() < last:
        yield "演练时钟早于最后一条事件", "meta rehearsal"


def digest(header: Iterable[Any], lines: Iterable[tuple[Any, ...]]) -> str:
    """The hash of a list as it was taken in: what is told of it, then its lines in order."""
    found = hashlib.sha256(orjson.dumps(list(header), default=bytes.hex))
    for line in lines:
        found.update(orjson.dumps(line))
    return found.hexdigest()


def _plans(driver: Any) -> Found:
    """Plans for open cases, and the cases they touched, against the events that tell of them."""
    for told, kept in ((_PLANS, _SCHEDULED), (_SCHEDULED, _PLANS)):
        for number, *_ in driver.execute(f"{told} EXCEPT {kept} LIMIT {MOST}").fetchall():
            yield "规则变动计划的记录与事件不符", f"计划 {number}"
    for told, kept in ((_MIGRATED, _TOUCHED), (_TOUCHED, _MIGRATED)):
        for number, case_id, *_ in driver.execute(f"{told} EXCEPT {kept} LIMIT {MOST}").fetchall():
            yield "规则变动的记录与案件的事件不符", f"计划 {number} 案件 {case_id}"


def _rules(driver: Any) -> Found:
    """Releases, drafts and bounds, against the events that made them and what became of them."""
    told = _told_of_rules(driver)
    for table, columns in _KEPT.items():
        rows = driver.execute(f"SELECT number, text, {','.join(columns)} FROM {table}")  # noqa: S608 - our columns
        for number, text, *values in rows:
            kept = dict(zip(columns, values, strict=True))
            if "impact" in kept:
                kept["impact"] = digest_of_impact(kept["impact"])
            if told[table].pop(number, None) != kept:
                yield "规则的记录与事件不符", _NAMES[table].format(number)
            if hashlib.sha256(text.encode()).hexdigest() != kept["digest"]:
                yield "规则的内容与存入时不同", _NAMES[table].format(number)
        for number in told[table]:
            yield "规则的记录不见了", _NAMES[table].format(number)


def _told_of_rules(driver: Any) -> dict[str, dict[int, dict[str, Any]]]:
    """What each release, draft and set of bounds must look like."""
    told: dict[str, dict[int, dict[str, Any]]] = {table: {} for table in _KEPT}
    for kind, actor, account, at, text in driver.execute(_OF_RULES):
        with contextlib.suppress(KeyError, TypeError, AttributeError):  # it was changed: its chain tells where
            _tell_of_rules(told, kind, actor, account, at, orjson.loads(text))
    return told


def _tell_of_rules(
    told: dict[str, dict[int, dict[str, Any]]], kind: str, actor: str, account: str, at: int, data: dict[str, Any]
) -> None:
    """Take one event about rules into account."""
    if kind == "published":
        number, row = data.pop("release"), {"published_by": actor, "published_at": at}
        told["release"][number] = data | row | {"withdrawn_at": None, "begun_at": None if data["draft"] else at}
    elif kind == "begun":
        told["release"][data["release"]]["begun_at"] = at
    elif kind == "drafted":
        number, row = data.pop("draft"), {"drafted_by": actor, "drafted_at": at, "account": account}
        told["draft"][number] = data | row | {"withdrawn_by": None, "withdrawn_at": None, "impact": ""}
    elif kind == "weighed":
        told["draft"][data["draft"]]["impact"] = data["impact"]
    elif kind == "withdrawn":
        told["draft"][data["draft"]].update(withdrawn_by=actor, withdrawn_at=at)
        if data["release"]:
            told["release"][data["release"]]["withdrawn_at"] = at
    else:
        number = data.pop("bounds")
        told["bounds"][number] = data | {"set_by": actor, "set_at": at}


def _lists(driver: Any) -> Found:
    told = dict(
        driver.execute(
            "SELECT json_extract(data, '$.file'), json_extract(data, '$.digest') FROM event"
            " WHERE case_id = 'system' AND type = 'taken_in'"
        ).fetchall()
    )
    for file, index, source, actor, taken_at, total, matter in driver.execute("SELECT * FROM intake_file").fetchall():
        lines = driver.execute(f"SELECT {','.join(LINE)} FROM intake_row WHERE file = ? ORDER BY row", (file,))  # noqa: S608 - our columns
        if digest((file, index, source, actor, taken_at, total, matter), lines) != told.pop(file, ""):
            yield "名单的记录与导入时不同", f"名单 {file}"
        yield from _settled(driver, file, matter)
    for file in told:
        yield "名单的记录不见了", f"名单 {file}"
    for file, row in driver.execute(_MISPLACED).fetchall():
        yield "名单的行指着另一个人", f"名单 {file} 第 {row} 行"
    for file, row in driver.execute(_LOST_LINES).fetchall():
        yield "名单的原文不见了", f"名单 {file} 第 {row} 行"


def _settled(driver: Any, file: str, matter: str) -> Found:
    """Rows marked as settled, against the events of the matter that settled them."""
    kept = set(
        driver.execute("SELECT row, settled_at FROM intake_row WHERE file = ? AND settled_at IS NOT NULL", (file,))
    )
    own = "SELECT 1 FROM intake_row WHERE file = ? AND answers = '' AND outcome IN ('refused', 'ask') LIMIT 1"
    if not kept and driver.execute(own, (file,)).fetchone() is None:
        return
    said = set(
        driver.execute(
            "SELECT json_extract(data, '$.facts.settled_row'), recorded_at FROM event WHERE case_id = ?"
            " AND type = 'advanced' AND json_extract(data, '$.facts.settled_row') IS NOT NULL",
            (matter,),
        )
    )
    for row, _ in sorted(kept ^ said):
        yield "了结的记录与事件不符", f"名单 {file} 第 {row} 行"


def _values(office: Office, driver: Any) -> Found:
    """Every sealed value opens as the field of the subject it stands at, and whoever is known can be found."""
    for sql, what in (
        (_STRAY_VALUES, "个人信息不属于任何对象"),
        (_ERASED, "对象的密钥不见了，没有清除的事件"),
    ):
        for (subject,) in driver.execute(sql).fetchall():
            yield what, f"对象 {subject}"
    for case, field in driver.execute(_LOST_PERSONS).fetchall():
        yield f"个人信息 {field} 不见了", f"案件 {case}"
    rows = driver.execute(
        "SELECT s.id, s.kind, s.wrapped, v.field, v.sealed FROM subject AS s LEFT JOIN vault AS v ON v.subject = s.id"
        " WHERE s.wrapped IS NOT NULL ORDER BY s.id"
    )
    for subject, group in groupby(rows, lambda row: row[0]):
        yield from _subject(office, driver, subject, list(group))


def _subject(office: Office, driver: Any, subject: str, rows: list[tuple[Any, ...]]) -> Found:
    known: dict[str, str] = {}
    try:
        key: SubjectKey = office.master.unwrap(subject, rows[0][2])
        for _, _, _, field, sealed in rows:
            if field is not None:
                known[field] = key.open(field, sealed)
    except Damaged as damaged:
        yield str(damaged.problems[0].what), f"对象 {subject}"
        return
    kind = office.book().subjects.get(rows[0][1])
    wanted = subjects.identities(office.master, kind, known.get) if kind else []
    if wanted:
        kept = set(driver.execute("SELECT kind, digest FROM blind WHERE subject = ?", (subject,)))
        if missing := [name for name, index in wanted if (name, index) not in kept]:
            yield f"按 {'、'.join(missing)} 找不到此人", f"对象 {subject}"
