"""Two hundred tamperings of each kind: all found, each with its place."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from engine.commands import trips
from engine.commands.privacy import record_reveal
from engine.intake.settling import settle
from engine.intake.take import take
from engine.proof import audit
from engine.reading.queries import case_list
from engine.service import Office
from engine.store import store
from engine.timing.sweep import move_clock
from tests.conftest import Make
from tests.samples import opened, quarantined

TRIALS = 200


class _Undo(Exception):
    """Everything back as it was."""


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, pack_files: dict[str, bytes]) -> Iterator[Office]:
    from engine.core.values import parse_time  # noqa: PLC0415 - only here

    base = tmp_path_factory.mktemp("tamper")
    office = Office.create(base / "db" / "x.db", base / "k" / "key", pack_files, parse_time("2022-05-26T08:00+08:00"))
    for number in range(5):
        case = opened(office, id_number="", name=f"甲{number}", phone=f"1390000000{number}")
        move_clock(office, timedelta(minutes=100))
        office.advance(case, "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
    quarantined(office, id_number="", name="乙", phone="13900000009")
    move_clock(office, timedelta(hours=30))
    lists = base / "list.csv"
    lists.write_text("姓名,身份证号\n甲,340103198103054108\n乙,1\n丙,2\n", "utf-8")
    taken = take(office, lists, "区数据组", office.actor("shuju"))
    settle(office, taken.file, [3], "来源撤回", office.actor("shuju"))
    ready = [row["case"] for row in case_list(office, office.actor("shuju"), state="awaiting_transfer")]
    drivers = office.actor("zhuanyun")
    told = [trips.open_trip(office, "皖A", "甲", "集中隔离点", some, drivers) for some in (ready[:2], ready[2:4])]
    now = office.now().isoformat()
    here = {ready[0]: {"quarantine_started": now, "room": "1"}}
    trips.receive(office, told[0]["trip"], here, office.actor("geli"))
    assert audit.verify(office).problems == []
    yield office
    office.close()


Cursor = Any


def events(cursor: Cursor) -> list[tuple[int, str, int]]:
    found: list[tuple[int, str, int]] = cursor.execute("SELECT n, case_id, seq FROM event ORDER BY n").fetchall()
    return found


def flip(cursor: Cursor, chance: random.Random) -> str:
    n, case, seq = chance.choice(events(cursor))
    column = chance.choice(["data", "actor", "account", "type", "occurred_at", "recorded_at", "hash"])
    (value,) = cursor.execute(f"SELECT {column} FROM event WHERE n = ?", (n,)).fetchone()
    if isinstance(value, int):
        changed: Any = value + chance.choice([-1, 1])
    else:
        raw = bytearray(value if isinstance(value, bytes) else value.encode())
        raw[chance.randrange(len(raw))] ^= 1
        changed = bytes(raw) if isinstance(value, bytes) else raw.decode("utf-8", "replace")
    cursor.execute(f"UPDATE event SET {column} = ? WHERE n = ?", (changed, n))
    return f"案件 {case} 第 {seq} 条（总第 {n} 条）"


def delete(cursor: Cursor, chance: random.Random) -> str:
    n, _, _ = chance.choice(events(cursor)[:-1])
    cursor.execute("DELETE FROM event WHERE n = ?", (n,))
    return f"缺口从第 {n} 条起"


def insert(cursor: Cursor, chance: random.Random) -> str:
    n, case, _seq = chance.choice(events(cursor))
    last, top = cursor.execute(
        "SELECT max(n), (SELECT max(seq) FROM event WHERE case_id = ?) FROM event", (case,)
    ).fetchone()
    row = cursor.execute(
        "SELECT type, actor, account, occurred_at, recorded_at, data, hash FROM event WHERE n = ?", (n,)
    ).fetchone()
    cursor.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (last + 1, case, top + 1, *row))
    return f"案件 {case} 第 {top + 1} 条"


def swap(cursor: Cursor, chance: random.Random) -> str:
    cases = [case for (case,) in cursor.execute("SELECT case_id FROM event GROUP BY case_id HAVING count(*) > 2")]
    case = chance.choice(cases)
    seq = chance.randrange(1, cursor.execute("SELECT max(seq) FROM event WHERE case_id = ?", (case,)).fetchone()[0])
    cursor.execute("UPDATE event SET seq = -1 WHERE case_id = ? AND seq = ?", (case, seq))
    cursor.execute("UPDATE event SET seq = ? WHERE case_id = ? AND seq = ?", (seq, case, seq + 1))
    cursor.execute("UPDATE event SET seq = ? WHERE case_id = ? AND seq = -1", (seq + 1, case))
    return f"案件 {case} 第 {seq} 条"


def cut(cursor: Cursor, chance: random.Random) -> str:
    last = events(cursor)[-1][0]
    keep = last - chance.randrange(1, 6)
    cursor.execute("DELETE FROM event WHERE n > ?", (keep,))
    return f"锚定时有 {last} 条事件，现在只有 {keep} 条"


def rewrite(cursor: Cursor, chance: random.Random) -> str:
    """A whole chain made anew by somebody without the key, the case row put right with it."""
    case = chance.choice([case for _, case, seq in events(cursor) if seq == 1 and case != "system"])
    head = b""
    names = ("n", "case_id", "seq", "type", "actor", "account", "occurred_at", "recorded_at", "data")
    first = chance.randrange(0, 2)
    rows = cursor.execute(f"SELECT {','.join(names)} FROM event WHERE case_id = ? ORDER BY seq", (case,)).fetchall()
    for number, values in enumerate(rows):
        row = dict(zip(names, values, strict=True))
        row["actor"] = "nobody" if number >= first else row["actor"]
        told = orjson.dumps([row[name] for name in names[:-1]]) + row["data"].encode()
        head = hmac.digest(hashlib.sha256(b"guess").digest(), head + told, "sha256")
        cursor.execute("UPDATE event SET actor = ?, hash = ? WHERE n = ?", (row["actor"], head, row["n"]))
    cursor.execute('UPDATE "case" SET head = ? WHERE id = ?', (head, case))
    return f"案件 {case} 第 1 条"


def remove_case(cursor: Cursor, chance: random.Random) -> str:
    case = chance.choice([case for _, case, seq in events(cursor) if seq == 1 and case != "system"])
    first = cursor.execute("SELECT min(n) FROM event WHERE case_id = ?", (case,)).fetchone()[0]
    for table in ("event", "deadline", "alert", "involved", "custody", "trip_case", "place"):
        cursor.execute(f"DELETE FROM {table} WHERE case_id = ?", (case,))
    cursor.execute('DELETE FROM "case" WHERE id = ?', (case,))
    return f"{first}"


def change_case(cursor: Cursor, chance: random.Random) -> str:
    case, snapshot = chance.choice(
        cursor.execute("SELECT id, snapshot FROM \"case\" WHERE snapshot LIKE '%华业社区%'").fetchall()
    )
    column = chance.choice(["owner", "state", "final", "category", "snapshot", "subject"])
    others = [snapshot.replace("华业社区", "和平社区"), '{"state":"closed",' + snapshot[1:], snapshot[:-2], "[]"]
    value = chance.choice(others) if column == "snapshot" else "别的"
    cursor.execute(f'UPDATE "case" SET {column} = ? WHERE id = ?', (value, case))
    return f"案件 {case}"


def change_deadline(cursor: Cursor, chance: random.Random) -> str:
    case, name = chance.choice(cursor.execute("SELECT case_id, name FROM deadline WHERE next_at > 0").fetchall())
    change = chance.choice(
        ["due = due + 1", "rung = rung + 1", "next_at = NULL", "shelved_until = 1", "armed_by = armed_by + 1", None]
    )
    if change is None:
        cursor.execute("DELETE FROM deadline WHERE case_id = ? AND name = ?", (case, name))
    else:
        cursor.execute(f"UPDATE deadline SET {change} WHERE case_id = ? AND name = ?", (case, name))
    return f"案件 {case} 时限 {name}"


def hide(cursor: Cursor, chance: random.Random) -> str:
    unit, case = chance.choice(cursor.execute("SELECT unit, case_id FROM involved").fetchall())
    if chance.random() < 0.5:
        cursor.execute("DELETE FROM involved WHERE unit = ? AND case_id = ?", (unit, case))
    else:
        cursor.execute("UPDATE involved SET unit = '别的' WHERE unit = ? AND case_id = ?", (unit, case))
    return f"案件 {case}"


def change_task(cursor: Cursor, chance: random.Random) -> str:
    case, schedule, due = chance.choice(cursor.execute("SELECT case_id, schedule, due FROM task").fetchall())
    here = (case, schedule, due)
    change = chance.choice(["state = 'done'", "who = 'geli'", "ends = ends + 1", "event = event + 1", None])
    if change is None:
        cursor.execute("DELETE FROM task WHERE case_id = ? AND schedule = ? AND due = ?", here)
    else:
        cursor.execute(f"UPDATE task SET {change} WHERE case_id = ? AND schedule = ? AND due = ?", here)
    return f"案件 {case} 任务 {schedule}@{due}"


def change_schedule(cursor: Cursor, chance: random.Random) -> str:
    case, name = chance.choice(cursor.execute("SELECT case_id, name FROM schedule").fetchall())
    change = chance.choice(
        ["next_at = next_at + 1", "next_at = NULL", "ended = 99", "plan = replace(plan, 'standard', 'x')", None]
    )
    if change is None:
        cursor.execute("DELETE FROM schedule WHERE case_id = ? AND name = ?", (case, name))
    else:
        cursor.execute(f"UPDATE schedule SET {change} WHERE case_id = ? AND name = ?", (case, name))
    return f"案件 {case}"


def skip_ahead(cursor: Cursor, chance: random.Random) -> str:
    """A schedule moved past its next due time, so that it is never asked for."""
    case, name, at = chance.choice(
        cursor.execute("SELECT case_id, name, next_at FROM schedule WHERE name <> 'tests'").fetchall()
    )
    day = 86_400_000_000 * chance.randrange(1, 9)
    cursor.execute("UPDATE schedule SET next_at = ? WHERE case_id = ? AND name = ?", (at + day, case, name))
    return f"案件 {case} 任务 {name}@{at}"


def drop_alert(cursor: Cursor, chance: random.Random) -> str:
    case, name, rung = chance.choice(cursor.execute("SELECT case_id, name, rung FROM alert").fetchall())
    forge = chance.choice(["DELETE FROM alert", "UPDATE alert SET acknowledged_by = 'shuju', acknowledged_at = 1"])
    cursor.execute(f"{forge} WHERE case_id = ? AND name = ? AND rung = ?", (case, name, rung))
    return f"案件 {case}"


def change_alert(cursor: Cursor, chance: random.Random) -> str:
    case, name, rung = chance.choice(cursor.execute("SELECT case_id, name, rung FROM alert").fetchall())
    change = chance.choice(["told = '别人'", "level = '提'", "raised_at = raised_at + 1", "due = due - 1"])
    cursor.execute(f"UPDATE alert SET {change} WHERE case_id = ? AND name = ? AND rung = ?", (case, name, rung))
    return f"案件 {case}"


def change_value(cursor: Cursor, chance: random.Random) -> str:
    rows = cursor.execute(
        'SELECT v.subject, v.field FROM vault AS v JOIN "case" AS c ON c.subject = v.subject'
    ).fetchall()
    subject, field = chance.choice(rows)
    other = chance.choice([row for row in rows if row[0] != subject])
    where = f"WHERE subject = '{subject}' AND field = '{field}'"
    stolen = f"SELECT sealed FROM vault WHERE subject = '{other[0]}' AND field = '{other[1]}'"
    cursor.execute(
        chance.choice(
            [
                f"DELETE FROM vault {where}",
                f"UPDATE vault SET sealed = zeroblob(length(sealed)) {where}",
                f"UPDATE vault SET sealed = ({stolen}) {where}",
                f"UPDATE subject SET wrapped = NULL WHERE id = '{subject}'",
                f"UPDATE subject SET wrapped = zeroblob(60) WHERE id = '{subject}'",
                f"DELETE FROM blind WHERE subject = '{subject}'",
                f"UPDATE blind SET digest = zeroblob(16) WHERE subject = '{subject}'",
            ]
        )
    )
    case = cursor.execute('SELECT id FROM "case" WHERE subject = ?', (subject,)).fetchone()
    return f"对象 {subject}|案件 {case[0]}" if case else f"对象 {subject}"


def change_list(cursor: Cursor, chance: random.Random) -> str:
    file, row = chance.choice(cursor.execute("SELECT file, row FROM intake_row").fetchall())
    where = f"WHERE file = '{file}' AND row = {row}"
    cursor.execute(
        chance.choice(
            [
                f"DELETE FROM intake_row {where}",
                f"UPDATE intake_row SET outcome = 'skipped' {where}",
                f"UPDATE intake_row SET settled_at = 7 {where}",
                f"UPDATE intake_row SET case_id = 'X' {where}",
                f"UPDATE intake_row SET reasons = '[]', answers = 'X-1' {where}",
                f"DELETE FROM vault WHERE subject = '{file}' AND field = 'row:{row}'",
                f"UPDATE intake_file SET source = '别的' WHERE id = '{file}'",
                f"UPDATE intake_file SET matter = '' WHERE id = '{file}'",
                f"DELETE FROM intake_file WHERE id = '{file}'",
            ]
        )
    )
    return f"名单 {file}"


def change_release(cursor: Cursor, chance: random.Random) -> str:
    change = chance.choice(["published_by = 'x'", "published_at = 1", "text = text || ' '"])
    cursor.execute(f"UPDATE release SET {change}")
    return "第 1 版"


def set_the_clock_back(cursor: Cursor, chance: random.Random) -> str:
    cursor.execute("UPDATE meta SET value = value - ? WHERE name = 'rehearsal'", (chance.randrange(1, 10**12),))
    return "meta rehearsal"


def change_custody(cursor: Cursor, chance: random.Random) -> str:
    case, event = chance.choice(cursor.execute("SELECT case_id, event FROM custody").fetchall())
    change = chance.choice(["since = since + 1", "unit = '别的'", "until = 5", "event = 50", "case_id = 'X'", None])
    if change is None:
        cursor.execute("DELETE FROM custody WHERE case_id = ? AND event = ?", (case, event))
    else:
        cursor.execute(f"UPDATE custody SET {change} WHERE case_id = ? AND event = ?", (case, event))
    return f"案件 {case}"


def change_trip(cursor: Cursor, chance: random.Random) -> str:
    trip = chance.choice(cursor.execute("SELECT id FROM trip").fetchall())[0]
    columns = ["vehicle", "giver", "receiver", "opened_by", "opened_at", "received_by", "received_at"]
    change = chance.choice([*columns, None])
    if change is None:
        cursor.execute("DELETE FROM trip WHERE id = ?", (trip,))
    else:
        cursor.execute(f"UPDATE trip SET {change} = 7 WHERE id = ?", (trip,))
    return f"车次 {trip}"


def change_ride(cursor: Cursor, chance: random.Random) -> str:
    trip, case = chance.choice(cursor.execute("SELECT trip, case_id FROM trip_case").fetchall())
    change = chance.choice(["outcome = 'moved'", "offered = 1", "answered = 1", "trip = 'X'", "case_id = 'X'", None])
    if change is None:
        cursor.execute("DELETE FROM trip_case WHERE trip = ? AND case_id = ?", (trip, case))
    else:
        cursor.execute(f"UPDATE trip_case SET {change} WHERE trip = ? AND case_id = ?", (trip, case))
    return f"案件 {case}"


def change_place(cursor: Cursor, chance: random.Random) -> str:
    case = chance.choice(cursor.execute("SELECT case_id FROM place").fetchall())[0]
    change = chance.choice(["site = '第二隔离点'", "room = '9'", "shared_with = 'X'", "case_id = 'X'", None])
    if change is None:
        cursor.execute("DELETE FROM place WHERE case_id = ?", (case,))
    else:
        cursor.execute(f"UPDATE place SET {change} WHERE case_id = ?", (case,))
    return f"案件 {case}"


KINDS: list[Callable[[Cursor, random.Random], str]] = [
    flip, delete, insert, swap, cut, rewrite, remove_case, change_case, change_deadline, drop_alert, hide,
    change_task, change_schedule, skip_ahead,
    change_alert, change_value, change_list, change_release, set_the_clock_back,
    change_custody, change_trip, change_ride, change_place,
]  # fmt: skip


def unfound(office: Office, tamper: Callable[[Cursor, random.Random], str], trials: int) -> list[str]:
    """Tamperings that verify did not find, or did not locate."""
    anchor = audit.anchor_line(office)
    missed = []
    for seed in range(trials):
        try:
            with office.store.writing(0) as writer:
                where = tamper(writer.cursor, random.Random(seed))
                report = audit.examine(office, writer.cursor.connection, anchor)
                if not any(place in str(problem) for problem in report.problems for place in where.split("|")):
                    missed.append(f"{seed}: {where}: {[str(problem) for problem in report.problems]}")
                raise _Undo
        except _Undo:
            continue
    return missed


@pytest.mark.parametrize("tamper", KINDS, ids=lambda tamper: tamper.__name__)
def test_every_tampering_is_found_and_located(sealed: Office, tamper: Callable[[Cursor, random.Random], str]) -> None:
    assert unfound(sealed, tamper, TRIALS) == []
    assert audit.verify(sealed).problems == []


def test_a_chain_without_its_key_is_found_not_to_protect(make_office: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: events are hashed without the key, so whoever rewrites a chain is believed."""
    guess = hmac.new(hashlib.sha256(b"guess").digest(), digestmod=hashlib.sha256)

    def unkeyed(_: hmac.HMAC, previous: bytes, row: Any) -> bytes:
        return sound(guess, previous, row)

    sound = store.link
    monkeypatch.setattr(store, "link", unkeyed)
    monkeypatch.setattr(audit, "link", unkeyed)
    office = make_office()
    opened(office)
    assert unfound(office, rewrite, 3)


def test_without_an_anchor_a_cut_tail_of_the_system_chain_would_pass(make_office: Make) -> None:
    """Why the anchor line is kept elsewhere: the chain itself cannot know what came last."""
    office = make_office()
    line = audit.anchor_line(office)
    record_reveal(office, office.actor("shuju"), "看一看", {})
    later = audit.anchor_line(office)
    try:
        with office.store.writing(0) as writer:
            writer.cursor.execute("DELETE FROM event WHERE type = 'revealed'")
            assert audit.examine(office, writer.cursor.connection).problems == []
            assert audit.examine(office, writer.cursor.connection, line).problems == []
            assert "锚定时有 2 条事件" in str(audit.examine(office, writer.cursor.connection, later).problems[0])
            raise _Undo
    except _Undo:
        pass
