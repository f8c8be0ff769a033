"""The demonstration: real risk areas, a made-up list, several actors and twenty-one rehearsal days."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from engine import areas, audit, custody
from engine.cli.cases import print_alerts, print_case
from engine.cli.common import console, table
from engine.core import lifecycle
from engine.core.errors import Refused
from engine.core.judging import typed
from engine.core.values import parse_time
from engine.intake.take import take
from engine.packs.pack import read_folder, shipped
from engine.queries import alert_list, case_list, case_show
from engine.service import Office
from engine.sweep import move_clock

START = "2022-05-26T08:00+08:00"
DAYS = 21
MORNING = 8
HERE = Path(__file__).resolve().parent
NEGLECTED = 29
"""Every so-manyeth case is left alone on the first days, so that its ladder is heard."""

Step = tuple[str, str, dict[str, Any]]
"""Who, which transition, with which evidence."""
ACCEPT = "accept"
"""Instead of a transition: the receiver takes over what was offered."""


def run(folder: Path | None = None) -> None:
    """Show a list of arrivals carried from discovery to release; ends by itself."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bihuan-demo-") as scratch:
        base = folder or Path(scratch) / "data"
        keys = Path(os.environ.get("BIHUAN_KEYS") or Path(scratch) / "keys" / "demo.key")
        office = Office.create(base / "demo.db", keys, read_folder(shipped()), parse_time(START))
        try:
            _Demo(office).play()
        finally:
            office.close()
    console().print(
        f"\n演示结束，用时 {time.monotonic() - started:.1f} 秒。下一步：docs/tutorial.md 用十分钟办第一件案件"
    )


class _Demo:
    """One run: a day's work is every open case's next step, by whoever is responsible for it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.out = console()
        self.chief = office.actor("shuju")
        self.order: dict[str, int] = {}
        self.raised = 0
        self.community = {
            unit: person.user
            for person in office.book().organisation.staff.values()
            for role, unit in person.roles
            if role == "community_worker"
        }

    def play(self) -> None:
        """Day after day until the last."""
        self._title("一、导入风险地区与名单")
        told = areas.load(self.office, HERE / "areas.csv.gz", self.chief)
        self.out.print(f"真实风险地区 {told['total']} 条（2022 年 5 月前后，国务院客户端历史快照）")
        taken = take(self.office, HERE / "list.csv", "区数据组", self.chief)
        self.out.print("看懂的：" + "；".join(taken.sheet.notes))
        self.out.print("结果：" + taken.counted())
        for line in taken.lines:
            for header, _, why in line.row.errors:
                self.out.print(f"  退回第 {line.row.line} 行 {header}：{why}")
        self._boards()
        self.order = {line.case: index for index, line in enumerate(taken.lines) if line.outcome == "opened"}
        contact = self._first_contact()
        for day in range(1, DAYS + 1):
            self._day(day)
            if day == 1:
                self._title("二、第一天过后：没人管的案件会自己响")
                print_alerts(alert_list(self.office, self.chief, most=8), 8)
            if day == 13:  # noqa: PLR2004 - the day before a contact's clock is done
                self._refusal(contact)
        self._title(f"三、第 {DAYS} 天")
        self._boards()
        self._title("四、一件密接案件从发现到解除")
        print_case(case_show(self.office, contact, self.chief))
        report = audit.verify(self.office)
        self.out.print(
            f"审计：{report.events} 条事件、{report.cases} 件案件，问题 {len(report.problems)} 个；"
            f"预警共 {self.raised} 条"
        )

    def _title(self, text: str) -> None:
        now = self.office.now().astimezone(self.office.book().zone)
        self.out.print(f"\n[black on yellow]【演练 rehearsal】[/] {now:%Y-%m-%d %H:%M}  [bold]{text}[/]")

    def _open(self) -> list[dict[str, Any]]:
        return case_list(self.office, self.chief, most=10_000)

    def _boards(self) -> None:
        rows = self._open()
        closed = case_list(self.office, self.chief, closed=True, most=10_000)
        count = Counter((row["category"] or "名单核对", row["state_title"], row["owner"]) for row in rows)
        shown = [(*key, str(number)) for key, number in sorted(count.items(), key=lambda item: -item[1])[:14]]
        self.out.print(table(f"在办 {len(rows)} 件，办结 {len(closed)} 件", ("类别", "环节", "责任单位", "件"), shown))

    def _first_contact(self) -> str:
        rows = [row for row in self._open() if row["category"] == "密接"]
        return str(rows[1]["case"])

    def _day(self, day: int) -> None:
        """Two rounds a day, nine and three o'clock apart; the clock sweeps what falls due between."""
        self._work(day)
        self.raised += move_clock(self.office, timedelta(hours=6))
        self._work(day)
        self.raised += move_clock(self.office, timedelta(hours=18))

    def _work(self, day: int) -> None:
        for row in self._open():
            neglected = self.order.get(row["case"], 1) % NEGLECTED == 0 and day <= 2  # noqa: PLR2004 - the first days
            step = _STEPS.get(row["workflow"] + "." + row["state"])
            if step is not None and not neglected:
                self._step(row, step)

    def _step(self, row: dict[str, Any], step: Callable[[_Demo, dict[str, Any]], list[Step]]) -> None:
        for user, transition, evidence in step(self, row):
            actor = self.office.actor(user)
            try:
                if transition == ACCEPT:
                    custody.accept(self.office, row["case"], actor, evidence)
                else:
                    self.office.advance(row["case"], transition, actor, evidence)
            except Refused:
                return  # not yet: a clock is running, or a test is still to come

    def _refusal(self, contact: str) -> None:
        """What a release before its time is told."""
        self._title("提前解除会怎样")
        try:
            self.office.advance(contact, "release", self.office.actor("geli"))
        except Refused as refused:
            self.out.print(f"geli 想提前解除案件 {contact}，被拒绝：\n{refused}")

    @property
    def now(self) -> str:
        """The rehearsal's present, as evidence states it."""
        return self.office.now().isoformat()

    def worker(self, row: dict[str, Any]) -> str:
        """The community worker of the owner, or the department's officer."""
        return self.community.get(row["owner"], "shewu")

    def tested(self, row: dict[str, Any], user: str, release: str) -> list[Step]:
        """Tests on the days the rules list; on the last one the attempt to release follows."""
        case, _ = self.office.case(row["case"], self.chief)
        book = self.office.book(case.release)
        clock = next(iter(book.workflows[case.workflow].clocks))
        zero = lifecycle.count_of(book, case, clock).day_zero
        days = book.days(str(case.outcome["tests"]), typed(book, case), case.opened_at) or (1,)
        now = self.office.now().astimezone(book.zone)
        today = (now.date() - zero).days if zero else 0
        if now.hour != MORNING:
            return []
        swab: dict[str, Any] = {"pcr_result": "阴性", "sampled_at": self.now}
        last = max((done.at.astimezone(book.zone).date() for done in case.results), default=date.min)
        late = zero is not None and today >= days[-1] > (last - zero).days
        tests: list[Step] = [(user, "test", swab)] if today in days or late else []
        return [*tests, ("shenpi", release, {})] if today >= days[-1] else tests


def _verify(demo: _Demo, row: dict[str, Any]) -> list[Step]:
    user = demo.worker(row)
    return [
        (user, "verify", {"checked_at": demo.now}),
        ("zhuanyun", "depart", {"vehicle": "皖A·演001", "departed_at": demo.now}),
    ]


def _arrival(demo: _Demo, row: dict[str, Any]) -> list[Step]:
    user = demo.worker(row)
    home = row["category"] in ("低风险", "所在县区有风险")
    return [(user, "keep_at_home", {"checked_at": demo.now})] if home else _verify(demo, row)


def _depart(demo: _Demo, _: dict[str, Any]) -> list[Step]:
    return [("zhuanyun", "depart", {"vehicle": "皖A·演002", "departed_at": demo.now})]


def _admit(demo: _Demo, row: dict[str, Any]) -> list[Step]:
    room = str(101 + demo.order.get(row["case"], 0))
    return [
        ("zhuanyun2", "admit", {"site": "集中隔离点"}),
        ("geli", ACCEPT, {"quarantine_started": demo.now, "room": room}),
    ]


_STEPS: dict[str, Callable[[_Demo, dict[str, Any]], list[Step]]] = {
    "registration.recorded": lambda demo, row: [(demo.worker(row), "inform", {"informed_at": demo.now})],
    "arrival.found": _arrival,
    "arrival.awaiting_transfer": _depart,
    "arrival.in_transit": _admit,
    "arrival.quarantined": lambda demo, row: demo.tested(row, "geli", "release"),
    "arrival.monitored": lambda demo, row: demo.tested(row, demo.worker(row), "release_home"),
    "close_contact.found": _verify,
    "close_contact.awaiting_transfer": _depart,
    "close_contact.in_transit": _admit,
    "close_contact.quarantined": lambda demo, row: demo.tested(row, "geli", "release"),
    "key_group.found": lambda demo, row: [(demo.worker(row), "enrol", {"managed_from": demo.now[:10]})],
    "key_group.monitored": lambda demo, row: demo.tested(row, demo.worker(row), "release"),
    "positive.found": lambda demo, _: [("shewu", "send_sample", {"sent_at": demo.now})],
    "positive.rechecking": lambda _, row: (
        [("shewu", "confirm", {"recheck_result": "阳性"})]
        if row["category"] == "阳性"
        else [("shenpi", "exclude", {"recheck_result": "阴性"})]
    ),
    "positive.awaiting_hospital": lambda demo, _: [
        ("zhuanyun", "hospitalise", {}),
        ("zhuanyun", ACCEPT, {"hospital": "示例定点医院", "admitted_at": demo.now, "receipt": "收治单"}),
    ],
}
