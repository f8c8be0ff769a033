"""The demonstration: real risk areas, a made-up list, several actors and twenty-one rehearsal days."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from engine import areas, audit, custody, tasks
from engine.cli.cases import print_alerts
from engine.cli.common import console, table
from engine.cli.onecase import print_case
from engine.core import lifecycle
from engine.core.errors import Refused
from engine.core.judging import typed
from engine.core.values import parse_time
from engine.intake.take import take
from engine.packs.pack import read_folder, shipped
from engine.queries import alert_list, case_list, case_show, task_list
from engine.service import Office
from engine.sweep import move_clock

START = "2022-05-26T08:00+08:00"
DAYS = 21
MORNING = 8
FEVER = 5
"""The day on which one temperature is too high."""
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
        self.contact = self.missed = ""
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
        self.contact, self.missed = self._contacts()
        for day in range(1, DAYS + 1):
            self._day(day)
            if day == 1:
                self._title("二、第一天过后：没人管的案件会自己响")
                print_alerts(alert_list(self.office, self.chief, most=8), 8)
            if day == FEVER + 1:
                self._title("发热一次：送区疾控复核，阴性后回到原处，计时不停；漏做的检测催到领导")
                print_alerts([row for row in alert_list(self.office, self.chief, most=10_000) if self._told(row)], 99)
            if day == 13:  # noqa: PLR2004 - the day before a contact's clock is done
                self._refusal(self.contact)
        self._title(f"三、第 {DAYS} 天")
        self._boards()
        self._title("四、一件密接案件从发现到解除")
        print_case(case_show(self.office, self.contact, self.chief))
        report = audit.verify(self.office)
        self.out.print(
            f"审计：{report.events} 条事件、{report.cases} 件案件，问题 {len(report.problems)} 个；"
            f"预警共 {self.raised} 条"
        )

    def _told(self, row: dict[str, Any]) -> bool:
        return row["case"] == self.missed and str(row["deadline"]).startswith("tests@")

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

    def _contacts(self) -> tuple[str, str]:
        """The contact that is followed to the end, and one whose first test is forgotten."""
        rows = [row for row in self._open() if row["category"] == "密接"]
        return str(rows[1]["case"]), str(rows[2]["case"])

    def _day(self, day: int) -> None:
        """Work at eight and two o'clock, rounds at eight and eight; the clock sweeps what falls due between."""
        self._work(day)
        self._rounds(day)
        self.raised += move_clock(self.office, timedelta(hours=6))
        self._work(day)
        self.raised += move_clock(self.office, timedelta(hours=6))
        self._rounds(day)
        self.raised += move_clock(self.office, timedelta(hours=12))

    def _rounds(self, day: int) -> None:
        """Temperatures and visits that are due, unit by unit; one evening somebody has a fever."""
        fever = day == FEVER and self.office.now().astimezone(self.office.book().zone).hour != MORNING
        listed = task_list(self.office, self.chief, everything=True, most=100_000)
        due = [row for row in listed if row["state"] == "待做" and row["task"] in _ROUNDS]
        for (task, owner), rows in groupby(sorted(due, key=_by_unit), key=_by_unit):
            results = [(row["case"], _ROUNDS[task]) for row in rows]
            if task == "temperature" and fever:
                results = [(case, "发热" if case == self.contact else result) for case, result in results]
            user = "geli" if owner == "集中隔离点" else self.community.get(owner, "shewu")
            tasks.done(self.office, task, results, self.office.actor(user))

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
        swabs = [done.at.astimezone(book.zone).date() for done in case.results if done.task == "pcr_test"]
        last = max(swabs, default=date.min)
        if case.id == self.missed and today == days[0]:
            return []
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


_ROUNDS = {"temperature": "正常", "visit": "在家"}
"""What a round finds, but for the one fever."""


def _by_unit(row: dict[str, Any]) -> tuple[str, str]:
    return row["task"], row["owner"]


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
    "close_contact.rechecking": lambda *_: [("shewu", "recheck_negative", {"recheck_result": "阴性"})],
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
