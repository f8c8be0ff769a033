"""Is the record what the engine wrote? Every chain is checked and every case derived again from its events."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from engine.core.case import Case, Event, micros, moment
from engine.core.custody import Taken, place_of
from engine.core.errors import BadInput, Damaged, Problem
from engine.core.migrations import MIGRATED
from engine.core.reckoning import MICRO
from engine.core.record import from_json, to_json
from engine.core.why import misreckoned
from engine.proof import kept as beside
from engine.proof.retold import Retold
from engine.service import Office
from engine.store.changes import Change, Due
from engine.store.store import SYSTEM, Driver, link

_COLUMNS = ("n", "case_id", "seq", "type", "actor", "account", "occurred_at", "recorded_at", "data", "hash")
_PREFIX = "bihuan-anchor-1"


@dataclass(slots=True)
class Report:
    """What was checked and what is wrong; each problem says where."""

    events: int = 0
    cases: int = 0
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, what: str, where: str) -> None:
        """Note a break and the place of it."""
        self.problems.append(Problem("AUDIT-001", what, where))


def verify(office: Office, anchor: str = "") -> Report:
    """Check everything stored; with an anchor line, also that nothing was cut off or rewritten since it was made."""
    with office.store.reading() as driver:
        return examine(office, driver, anchor)


def examine(office: Office, driver: Any, anchor: str = "") -> Report:
    """The same, inside a transaction that is open already."""
    report = Report()
    _numbers(driver, report)
    rows = driver.execute(f"SELECT {','.join(_COLUMNS)} FROM event ORDER BY case_id, seq")  # noqa: S608 - our columns
    told = (dict(zip(_COLUMNS, row, strict=True)) for row in rows)
    for case_id, events in groupby(told, lambda row: row["case_id"]):
        _chain(office, driver, report, case_id, events)
    _trips(driver, report)
    _strays(driver, report)
    for what, where in beside.examine(office, driver):
        report.wrong(what, where)
    if anchor:
        _against(office, driver, report, anchor)
    return report


def _numbers(driver: Any, report: Report) -> None:
    """All events are counted without a gap: even a case missing whole leaves a hole."""
    report.events, last = driver.execute("SELECT count(*), coalesce(max(n), 0) FROM event").fetchone()
    if report.events != last:
        holes = driver.execute(
            "SELECT n + 1 FROM event AS e WHERE n < ? AND NOT EXISTS (SELECT 1 FROM event WHERE n = e.n + 1) LIMIT 20",
            (last,),
        ).fetchall()
        first = driver.execute("SELECT min(n) FROM event").fetchone()[0]
        missing = [number for (number,) in holes] + ([1] if first != 1 else [])
        report.wrong(
            f"少了 {last - report.events} 条事件", f"缺口从第 {'、'.join(str(n) for n in sorted(missing))} 条起"
        )


def _chain(office: Office, driver: Any, report: Report, case_id: str, events: Iterator[Mapping[str, Any]]) -> None:
    head, case, seq = b"", None, 0
    derived = _Derived(office, driver, case_id)
    for row in events:
        seq += 1
        where = f"案件 {case_id} 第 {row['seq']} 条（总第 {row['n']} 条）"
        if row["seq"] != seq:
            report.wrong("事件序号不连续", f"{where}，应为第 {seq} 条")
            return
        head = link(office.store.chain, head, {**row, "data": str(row["data"]).encode()})
        if not hmac.compare_digest(head, row["hash"]):
            report.wrong("事件与链不符：内容、次序或时间被改动", where)
            return
        if case_id == SYSTEM:
            derived.system(row["type"], json.loads(row["data"]))
            continue
        happened = Event(row["type"], row["actor"], moment(row["occurred_at"]), json.loads(row["data"]), row["account"])
        case = derived.follow(case, happened)
    if case_id == SYSTEM:
        kept = {
            row[:3]: row[3:]
            for row in driver.execute("SELECT kind, case_id, name, tries, since, again_at, error FROM incident")
        }
        for kind, of, name in sorted(
            item for item in kept.keys() | derived.incidents.keys() if kept.get(item) != derived.incidents.get(item)
        ):
            report.wrong("搁置待重试的记录与事件推出的不符", f"案件 {of} {kind} {name}")
    if case is not None:
        report.cases += 1
        derived.tasks.finish()
        _stored(driver, report, case, head, derived)
        _carried(driver, report, case, place_of(office.book(case.release), case), derived)


class _Derived:
    """The deadline rows, alerts, custody and tasks that a case's events lead to."""

    def __init__(self, office: Office, driver: Driver, case_id: str) -> None:
        self.office = office
        self.case_id = case_id
        self.due: dict[str, Due] = {}
        self.alerts: dict[tuple[int, str, int], tuple[str | None, int | None]] = {}
        """Each alert with who acknowledged it, and when."""
        self.custody: list[tuple[int, str, int, int | None]] = []
        self.aboard: dict[str, tuple[int, int | None, str]] = {}
        self.tasks = Retold(driver, case_id, self.due, micros(office.now()))
        self.incidents: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        self.raised: set[tuple[int, str, int, str, str, int]] = set()
        """What events of the case itself raise, as it was told."""

    def system(self, kind: str, data: Mapping[str, Any]) -> None:
        """What the chain of no case says of things set aside."""
        if kind in ("set_aside", "recovered"):
            found = (data["kind"], data["case"], data["name"])
            self.incidents.pop(found, None)
            if kind == "set_aside":
                self.incidents[found] = (data["tries"], data["since"], data["again"], data["error"])

    def follow(self, before: Case | None, happened: Event) -> Case:
        """The case after one more event, its rows taken into account."""
        other = before is None or happened.type == MIGRATED
        release = happened.data["release"] if other or before is None else before.release
        book = self.office.book(release)
        was = self.office.book(before.release) if before is not None else None
        change = Change.of(book, before, b"", (happened,), self.case_id, was)
        self.tasks.follow(book, change.planned)
        for name in change.ended:
            self.due.pop(name, None)
        for item in change.due:
            self.due[item.name] = item
        self.alerts |= {(alert.armed_by, alert.name, alert.rung): (None, None) for alert in change.raised}
        self.raised |= {alert[:6] for alert in change.raised}
        for event, unit, since in change.held:
            if self.custody and self.custody[-1][3] is None:
                self.custody[-1] = (*self.custody[-1][:3], since)
            if unit:
                self.custody.append((event, unit, since, None))
        self.aboard |= {item.trip: item[1:] for item in change.aboard}
        if happened.type == "passed_over":
            self.tasks.passed_over(happened.data)
        if happened.type == "alerted":
            self._alerted(change.case, happened)
        if happened.type == "acknowledged":
            self._acknowledged(happened)
        self._silenced(change)
        return change.case

    def _alerted(self, case: Case, happened: Event) -> None:
        name, rung = happened.data["deadline"], happened.data["rung"]
        self.tasks.made(name)
        self.alerts[happened.data["armed"], name, rung] = (None, None)
        if name in self.due:
            at = self.due[name].next_at
            gap = self.office.book(case.release).ladders[self.due[name].ladder].gap(rung)
            later = None if gap is None or at is None else at + gap // MICRO
            self.due[name] = self.due[name]._replace(rung=rung + 1, next_at=later)

    def _acknowledged(self, happened: Event) -> None:
        asked, by = happened.data["name"], (happened.actor, micros(happened.occurred_at))
        for alert, (_, at) in self.alerts.items():
            if at is None and asked in ("", alert[1]):
                self.alerts[alert] = by

    def _silenced(self, change: Change) -> None:
        for name, until in change.quiet:
            due = self.due.get(name)
            if due and not any(
                alert[:2] == (due.armed_by, name) and at is None for alert, (_, at) in self.alerts.items()
            ):
                self.due[name] = due._replace(next_at=max(due.next_at or 0, until))
        for name, until in change.shelved:
            due = self.due[name]
            later = None if due.next_at is None else max(due.next_at, until)
            self.due[name] = due._replace(next_at=later, shelved_until=until)


def _same(snapshot: str, case: Case) -> bool:
    """Whether a snapshot is that of the case and nothing besides; the order of sets is no matter."""
    try:
        return from_json(snapshot, case.id, case.seq) == case and len(snapshot) == len(to_json(case).decode())
    except Damaged:
        return False


def _stored(driver: Any, report: Report, case: Case, head: bytes, derived: _Derived) -> None:
    """Compare the rows that were kept with what the events lead to."""
    row = driver.execute(
        "SELECT seq, head, state, owner, final, workflow, subject, category, release, opened_at, snapshot"
        ' FROM "case" WHERE id = ?',
        (case.id,),
    ).fetchone()
    if row is None:
        report.wrong("案件的记录不见了", f"案件 {case.id}，事件还在")
        return
    if row[0] != case.seq or not hmac.compare_digest(row[1], head):
        report.wrong("链尾的事件不见了，或案件记录被改动", f"案件 {case.id} 应有 {row[0]} 条事件，实有 {case.seq} 条")
        return
    columns = (case.state, case.owner, case.final, case.workflow, case.subject, case.category, case.release)
    if row[2:9] != columns or row[9] != micros(case.opened_at) or not _same(row[10], case):
        report.wrong("案件记录与事件推出的不符", f"案件 {case.id}")
    kept = {
        row[0]: Due(*row)
        for row in driver.execute(
            "SELECT name, armed_by, due, ladder, rung, next_at, shelved_until FROM deadline WHERE case_id = ?",
            (case.id,),
        )
    }
    if kept != derived.due:
        names = sorted({name for name in kept.keys() | derived.due.keys() if kept.get(name) != derived.due.get(name)})
        report.wrong("时限记录与事件推出的不符", f"案件 {case.id} 时限 {'、'.join(names)}")
    for what in derived.tasks.wrong(case):
        report.wrong("计划或任务记录与事件推出的不符", f"案件 {case.id} {what}")
    if wrong := misreckoned(case):
        report.wrong("时限与它自己的算法不符", f"案件 {case.id} 时限 {'、'.join(wrong)}")
    line = driver.execute("SELECT event, unit, since, until FROM custody WHERE case_id = ? ORDER BY event", (case.id,))
    if line.fetchall() != derived.custody:
        report.wrong("交接链的记录与事件推出的不符", f"案件 {case.id}")
    alerts = {
        tuple(key): (by, at)
        for *key, by, at in driver.execute(
            "SELECT armed_by, name, rung, acknowledged_by, acknowledged_at FROM alert WHERE case_id = ?", (case.id,)
        )
    }
    if alerts != derived.alerts:
        report.wrong("预警记录与事件推出的不符", f"案件 {case.id}")
    elif _told_otherwise(driver, case, derived):
        report.wrong("预警的级别、时间或告知对象与事件不符", f"案件 {case.id}")


def _told_otherwise(driver: Any, case: Case, derived: _Derived) -> bool:
    told = driver.execute("SELECT armed_by, name, rung, level, told, due FROM alert WHERE case_id = ?", (case.id,))
    return bool(derived.raised - set(told)) if derived.raised else False


def _carried(driver: Any, report: Report, case: Case, place: Taken | None, derived: _Derived) -> None:
    """Compare the trips a case was on, and the place it takes up, with what its events lead to."""
    rows = driver.execute("SELECT trip, offered, answered, outcome FROM trip_case WHERE case_id = ?", (case.id,))
    if {trip: tuple(rest) for trip, *rest in rows} != derived.aboard:
        report.wrong("车次里的记录与事件推出的不符", f"案件 {case.id}")
    row = driver.execute("SELECT site, room, shared_with FROM place WHERE case_id = ?", (case.id,)).fetchone()
    if row != place:
        report.wrong("床位的记录与事件推出的不符", f"案件 {case.id}")


def _trips(driver: Any, report: Report) -> None:
    """Compare the trips with the events that opened and received them."""
    told: dict[str, tuple[Any, ...]] = {}
    for kind, actor, at, text in driver.execute(
        "SELECT type, actor, occurred_at, data FROM event WHERE case_id = ?"
        " AND type IN ('trip_opened', 'trip_received') ORDER BY seq",
        (SYSTEM,),
    ):
        try:
            data = json.loads(text)
            if kind == "trip_opened":
                told[data["trip"]] = (data["vehicle"], data["giver"], data["receiver"], actor, at, None, None)
            elif data["trip"] in told:
                told[data["trip"]] = (*told[data["trip"]][:5], actor, at)
        except (ValueError, KeyError, TypeError):
            continue  # an event that was changed: its chain tells where
    rows = driver.execute(
        "SELECT id, vehicle, giver, receiver, opened_by, opened_at, received_by, received_at FROM trip"
    )
    kept = {trip: tuple(rest) for trip, *rest in rows}
    for trip in sorted(kept.keys() | told.keys()):
        if kept.get(trip) != told.get(trip):
            report.wrong("车次的记录与事件推出的不符", f"车次 {trip}")


def _strays(driver: Any, report: Report) -> None:
    for (case_id,) in driver.execute(
        'SELECT id FROM "case" WHERE NOT EXISTS (SELECT 1 FROM event WHERE case_id = "case".id) LIMIT 20'
    ):
        report.wrong("案件没有任何事件", f"案件 {case_id}")
    for (case_id,) in driver.execute(
        "SELECT case_id FROM (SELECT case_id FROM custody UNION ALL SELECT case_id FROM trip_case"
        ' UNION ALL SELECT case_id FROM place) WHERE case_id NOT IN (SELECT id FROM "case") LIMIT 20'
    ):
        report.wrong("交接、车次或床位的记录没有案件", f"案件 {case_id}")
    said = f"SELECT j.value, c.id FROM \"case\" AS c, json_each({beside.SNAPSHOT}, '$.involved') AS j"  # noqa: S608 - our own words
    held = "SELECT unit, case_id FROM involved"
    for sql in (f"{said} EXCEPT {held} LIMIT 20", f"{held} EXCEPT {said} LIMIT 20"):
        for unit, case_id in driver.execute(sql):
            report.wrong("谁能看到案件的记录与事件推出的不符", f"案件 {case_id} {unit}")


def anchor_line(office: Office) -> str:
    """One line to keep elsewhere: how many events and cases there are, and one hash over the heads of all chains."""
    with office.store.reading() as driver:
        last = driver.execute("SELECT coalesce(max(n), 0) FROM event").fetchone()[0]
        told = f"{_PREFIX} time={office.now().isoformat()} {_measure(driver, last)}"
    return f"{told} mac={_mac(office, told)}"


def _mac(office: Office, told: str) -> str:
    found = office.store.chain.copy()
    found.update(told.encode())
    return found.hexdigest()


def _measure(driver: Any, last: int) -> str:
    heads = driver.execute(
        "SELECT e.case_id, e.seq, e.hash FROM event AS e JOIN (SELECT case_id, max(seq) AS seq FROM event WHERE n <= ?"
        " GROUP BY case_id) AS l ON l.case_id = e.case_id AND l.seq = e.seq ORDER BY e.case_id",
        (last,),
    )
    leaves = {case_id: hashlib.sha256(f"{case_id} {seq} ".encode() + head).digest() for case_id, seq, head in heads}
    cases = len(leaves.keys() - {SYSTEM})
    return f"events={last} cases={cases} root={_root(list(leaves.values())).hex()}"


def _root(leaves: list[bytes]) -> bytes:
    """The Merkle root; one leaf without a partner goes up as it is."""
    while len(leaves) > 1:
        pairs = [hashlib.sha256(b"".join(leaves[index : index + 2])).digest() for index in range(0, len(leaves) - 1, 2)]
        leaves = pairs + leaves[len(pairs) * 2 :]
    return leaves[0] if leaves else b""


def _against(office: Office, driver: Any, report: Report, anchor: str) -> None:
    told, _, mac = anchor.strip().rpartition(" mac=")
    if not told.startswith(_PREFIX) or not hmac.compare_digest(_mac(office, told), mac.split(" ")[0]):
        raise BadInput(Problem("AUDIT-002", "这不是本库的锚行，或被改动过", "原样保存 bihuan audit anchor 打印的一行"))
    parts = dict(part.split("=", 1) for part in told.split()[1:])
    last = int(parts["events"])
    if report.events < last:
        top = driver.execute("SELECT coalesce(max(n), 0) FROM event").fetchone()[0]
        what = f"锚定时有 {last} 条事件，现在只有 {report.events} 条"
        report.wrong(what, f"第 {top + 1} 条起被截去，或换上了旧的数据库" if top < last else "缺口见上")
    measured = _measure(driver, last)
    if measured != "events=" + told.partition(" events=")[2]:
        now = dict(part.split("=", 1) for part in measured.split())
        what = f"案件 {parts['cases']} 件 → {now['cases']} 件" if now["cases"] != parts["cases"] else "链头不同"
        report.wrong("锚定以前的记录被改写", what)
