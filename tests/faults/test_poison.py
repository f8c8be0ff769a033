"""One poisoned case or message among a thousand stops nobody else, is tried again, and is seen after three tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.values import parse_time
from engine.proof import audit
from engine.reading.queries import alert_list
from engine.service import Office
from engine.store.store import Writer
from engine.timing import sweep as module
from engine.timing.delivery import deliver
from engine.timing.sweep import move_clock, sweep
from tests.conftest import START
from tests.samples import opened

CASES = 1000


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory, pack_files: dict[str, bytes]) -> Iterator[Office]:
    base = tmp_path_factory.mktemp("poison")
    office = Office.create(base / "db" / "x.db", base / "k" / "key", pack_files, parse_time(START))
    for number in range(CASES):
        opened(office, id_number="", name=f"甲{number}", phone=f"139{number:08d}")
    move_clock(office, timedelta(minutes=89))
    yield office
    office.close()


@pytest.fixture
def office(thousand: Office, tmp_path: Path) -> Iterator[Office]:
    path = tmp_path / "office.db"
    path.touch(mode=0o600)
    thousand.store.forget()
    path.write_bytes(thousand.store.path.read_bytes())
    key = thousand.store.path.parents[1] / "k" / "key"
    found = Office.open(path, key)
    yield found
    found.close()


def gone_ladder(cursor: Any, case: str) -> Callable[[Any], None]:
    cursor.execute("UPDATE deadline SET ladder = 'gone' WHERE case_id = ?", (case,))
    return lambda cursor: cursor.execute("UPDATE deadline SET ladder = 'standard' WHERE case_id = ?", (case,))


def gone_release(cursor: Any, case: str) -> Callable[[Any], None]:
    cursor.execute('UPDATE "case" SET release = 7 WHERE id = ?', (case,))
    return lambda cursor: cursor.execute('UPDATE "case" SET release = 1 WHERE id = ?', (case,))


def fork(cursor: Any, case: str) -> Callable[[Any], None]:
    """The case row says fewer events than there are: the next one clashes when it is written."""
    cursor.execute('UPDATE "case" SET seq = 0 WHERE id = ?', (case,))
    return lambda cursor: cursor.execute('UPDATE "case" SET seq = 1 WHERE id = ?', (case,))


def alerts(office: Office) -> int:
    with office.store.reading() as driver:
        found: int = driver.execute("SELECT count(*) FROM alert WHERE name = 'verify'").fetchone()[0]
    return found


def told_of(office: Office) -> list[str]:
    with office.store.reading() as driver:
        rows = driver.execute("SELECT told, text FROM outbox WHERE text LIKE '案件%已试%'").fetchall()
    return [f"{told}：{text}" for told, text in rows]


def incidents(office: Office, user: str = "shewu") -> list[str]:
    listed = alert_list(office, office.actor(user), most=2000)
    return [
        f"{row['case']} {row['title']} 告 {row['told']}" for row in listed if row["case"] and "已试" in row["title"]
    ]


def some_case(office: Office) -> str:
    with office.store.reading() as driver:
        return str(driver.execute('SELECT id FROM "case" ORDER BY id LIMIT 1 OFFSET 500').fetchone()[0])


@pytest.mark.parametrize("poison", [gone_ladder, gone_release, fork], ids=lambda poison: poison.__name__)
def test_a_poisoned_case_stops_nobody_else_and_becomes_an_incident(
    office: Office, poison: Callable[[Any, str], Callable[[Any], None]]
) -> None:
    case = some_case(office)
    with office.store.writing(0) as writer:
        cure = poison(writer.cursor, case)
    move_clock(office, timedelta(minutes=1))
    assert alerts(office) == CASES - 1
    assert sweep(office) == 0  # not at once again
    move_clock(office, timedelta(minutes=4))
    assert incidents(office) == []
    move_clock(office, timedelta(minutes=2))
    assert incidents(office) == [f"{case} 催办不下去（verify），已试 3 次 告 社会事务部主要负责人"]
    assert incidents(office, "huaye") == incidents(office)
    assert incidents(office, "tielu") == []
    move_clock(office, timedelta(minutes=20))
    assert told_of(office) == [f"社会事务部主要负责人：案件 {case}：催办不下去（verify），已试 3 次"]
    with office.store.writing(0) as writer:
        cure(writer.cursor)
    move_clock(office, timedelta(days=1))
    assert alerts(office) == CASES * 4
    assert incidents(office) == []
    assert audit.verify(office).problems == []


def test_a_sweep_that_does_not_part_the_sick_from_the_sound_is_found(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: whatever fails, the whole batch is put off."""

    def together(writer: Writer, items: Any, work: Any, aside: Any) -> None:
        try:
            with writer.part():
                work(items)
        except KeyError as error:
            for item in items:
                aside(item, str(error))

    monkeypatch.setattr(module, "each", together)
    with office.store.writing(0) as writer:
        gone_ladder(writer.cursor, some_case(office))
    move_clock(office, timedelta(minutes=1))
    assert alerts(office) == 0


def test_a_forged_incident_is_found(office: Office) -> None:
    with office.store.writing(0) as writer:
        gone_ladder(writer.cursor, some_case(office))
    move_clock(office, timedelta(minutes=1))
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE incident SET again_at = again_at * 2")
    assert "搁置待重试的记录与事件推出的不符" in str(audit.verify(office).problems)


def test_a_duty_that_fails_silences_no_alert_and_becomes_an_incident(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Office) -> int:
        raise KeyError("poison")

    monkeypatch.setattr(module, "look_back", fails)
    move_clock(office, timedelta(minutes=1))
    assert alerts(office) == CASES
    for minutes in (1, 4):
        move_clock(office, timedelta(minutes=minutes))
        sweep(office)
    shown = [row["title"] for row in alert_list(office, office.actor("shewu"), most=2000)]
    assert "例行检查做不完（look_back），已试 3 次" in shown
    monkeypatch.undo()
    move_clock(office, timedelta(hours=1))
    sweep(office)
    assert audit.verify(office).problems == []
    with office.store.reading() as driver:
        assert driver.execute("SELECT count(*) FROM incident").fetchone() == (0,)


class Channel:
    """A receiver of messages who takes none of those that say this."""

    def __init__(self, never: str) -> None:
        self.never, self.taken, self.tried = never, 0, 0

    def __call__(self, _: str, text: str) -> None:
        if self.never in text:
            self.tried += 1
            raise ConnectionError("no: " + text)
        self.taken += 1


def test_a_poisoned_message_stops_no_other_and_becomes_an_incident(office: Office) -> None:
    case = some_case(office)
    move_clock(office, timedelta(minutes=1))
    channel = Channel(f"提醒：案件 {case}")
    assert deliver(office, channel) == CASES - 1
    assert deliver(office, channel) == 0
    assert channel.tried == 1
    for minutes in (1, 4):
        move_clock(office, timedelta(minutes=minutes))
        deliver(office, channel)
    assert channel.tried == 3
    (incident,) = incidents(office)
    assert f"{case} 消息送不出去" in incident
    assert len(told_of(office)) == 1
    assert deliver(office, channel) == 1  # the message about it
    with office.store.reading() as driver:
        assert "no: " not in str(driver.execute("SELECT * FROM incident").fetchall())
    move_clock(office, timedelta(minutes=16))
    assert deliver(office, Channel("never")) == 1
    assert incidents(office) == []
    assert audit.verify(office).problems == []


def test_a_silent_channel_does_not_multiply_its_own_messages(office: Office) -> None:
    move_clock(office, timedelta(minutes=1))
    for _ in range(8):
        deliver(office, Channel(""), 3000)
        move_clock(office, timedelta(hours=20))
    with office.store.reading() as driver:
        rows = driver.execute("SELECT id, text FROM outbox WHERE text LIKE '%已试%'").fetchall()
    assert rows
    assert [text for _, text in rows if any(f"（{number}）" in text for number, _ in rows)] == []
