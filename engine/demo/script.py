"""The story: who is met on which day, scene by scene."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.commands.trips import trip_list
from engine.core.case import Case
from engine.demo.days import SITE, Days
from engine.demo.stage import Stage
from engine.demo.street import Street
from engine.reading.queries import alert_list, case_show

LIST = "list.csv"
AREAS, LATER = "areas_2022-05-26.csv.gz", "areas_2022-06-01.csv.gz"
REFUSED = ("33", "64", "93", "123", "153")
ABOARD = (71, 140, 12, 82)
"""The rows of the list whose people ride in the first vehicle; the last one gets off before the gate."""
FEVERISH, INDEX, MISDATED, MISSING = ABOARD
FORGOTTEN, NEIGHBOUR = 25, 81
CONTACTS = (
    ("陈示例", "340102198703154210", "13900000101", "华业社区"),
    ("李示例", "34010219910822336X", "13900000102", "铁路新村社区"),
)


class Story:
    """Twenty-one days with a list of two hundred and forty."""

    def __init__(self, stage: Stage, days: Days) -> None:
        self.stage = stage
        self.days = days
        self.cases: dict[int, str] = {}
        """Row of the list → the case it opened."""

    def play(self) -> None:
        """Scene after scene."""
        self.stage.say(
            "和平路街道收到一份来返人员名单，以下是此后二十一天：名单与人员是虚构的，风险地区是真实的。\n"
            "每行 $ 都是一条真的命令，下面是它真的输出；没有演到的人，由各单位照常办理。\n"
            "(A made-up list, real risk areas, 21 days. Every $ line is a real command with its real output.)"
        )
        self.the_list()
        self.the_trip()
        self.the_forgotten_test()
        self.the_correction()
        self.the_fever()
        self.the_later_list()
        self.the_positive()
        self.the_contacts()
        self.too_early()
        Street(self.stage, self.days).play()
        self.the_end()

    def the_list(self) -> None:
        """Every name gets a case, or a reason and somebody who settles it."""
        stage = self.stage
        stage.scene(
            "名单进来：每个名字都要有着落 (every name has an outcome)",
            "能立案的由规则判定归谁、几时办完；写错的退回，另立一件事项跟到逐行了结。",
        )
        stage.bihuan("areas", "load", AREAS, by="shuju")
        stage.bihuan("intake", LIST, "--source", "区数据组", by="shuju")
        with stage.office.store.reading() as driver:
            rows = driver.execute("SELECT file, row, case_id FROM intake_row").fetchall()
        self.cases = {row: case for _, row, case in rows}
        stage.bihuan("intake", "settle", rows[0][0], *REFUSED, "--settled-as", "来源撤回", by="shuju")
        stage.count("category")

    def the_trip(self) -> None:
        """Four get on, three arrive: the giver stays responsible for the fourth."""
        stage, days, aboard = self.stage, self.days, [self.cases[row] for row in ABOARD]
        days.until("2022-05-26", "12:00")
        days.held = set(aboard)
        stage.scene(
            "车次：四人上车，三人到门口 (a trip, one missing)",
            "一车一次交接，隔离点逐人勾选；没到的人不算交出，责任一分钟也不空。",
        )
        stage.bihuan("trip", "open", "皖A·演001", *aboard, "--driver", "示例·王师傅", "--to", SITE, by="zhuanyun")
        days.until("2022-05-26", "14:00")
        trip = trip_list(stage.office, stage.chief, 1)[0]["trip"]
        stage.paper("转运交接单", trip, by="zhuanyun")
        arrived = [word for case in aboard[:-1] for word in (case, f"房间={days.room(case)}")]
        stage.say("14:00 车到隔离点，逐人勾选：")
        stage.bihuan("trip", "receive", trip, f"入住时间={stage.present}", *arrived, by="geli")
        days.held = {aboard[-1]}
        days.until("2022-05-26", "14:10")
        stage.say("14:05 谁在负责？到了的和没到的：")
        for case in aboard[-2:]:
            stage.bihuan("case", "custody", case, "--at", "2022-05-26 14:05", by="zhuanyun")
        stage.say("15:20 人找到了，坐下一车到；核对事项了结：")
        days.until("2022-05-26", "15:20")
        days.ride(aboard[-1:])
        matter = next(row["case"] for row in stage.open_cases() if row["workflow"] == "trip_check")
        stage.bihuan("case", "advance", matter, "clear", "查明结果=已找到并送达", by="zhuanyun")
        days.held.clear()

    def the_forgotten_test(self) -> None:
        """A test nobody does is heard of, step by step, up to the leader."""
        stage, case = self.stage, self.cases[FORGOTTEN]
        self.days.untested = {case}
        self.days.until("2022-05-28", "08:00")
        self.days.untested.clear()
        stage.scene(
            "漏做一次检测：一级一级催到包联领导 (a missed test)",
            "没有人去查，它自己会响：到时前提醒，到时蓝，两小时后黄，六小时后红。",
        )
        stage.bihuan("alert", "list", by="geli")
        stage.paper("督办单", case, by="shuju")
        stage.bihuan("task", "done", "核酸检测", f"{case}=阴性", by="geli")
        stage.bihuan("alert", "ack", case, by="geli")

    def the_correction(self) -> None:
        """A wrong date is put right: what follows from it is shown first, then done."""
        stage, case = self.stage, self.cases[MISDATED]
        self.days.until("2022-05-29", "09:00")
        stage.scene(
            "更正一个日期：解除日跟着移 (a correction)",
            "离开时间填错了三天，十四天就从错的一天算起。先看会改变什么，再更正；理由加密留存。",
        )
        right = ("离开时间=2022-05-25", "--reason", "车票日期为 5 月 25 日")
        stage.bihuan("case", "correct", case, *right, "--dry-run", by="shuju")
        stage.bihuan("case", "correct", case, *right, by="shuju", last=1)

    def the_fever(self) -> None:
        """A fever goes to re-check; negative, it comes back with its clock running."""
        stage, case = self.stage, self.cases[FEVERISH]
        self.days.until("2022-05-30", "20:00")
        held, _ = stage.office.case(case, stage.chief)
        due = held.deadlines["release"].due.astimezone(stage.office.book().zone)
        stage.scene(
            "一次发热：送复核，阴性回到原处 (a negative re-check)",
            "结果自己推动案件：发热即送区疾控复核；复核阴性回隔离点，十四天照算，解除时限不变。",
        )
        stage.bihuan("task", "done", "测温", f"{case}=发热", by="geli")
        self.days.until("2022-05-31", "07:00")
        stage.say(f"第二天早上 7 点，复核结果来了（发热前的解除时限是 {due:%Y-%m-%d %H:%M}）：")
        stage.bihuan("case", "advance", case, "recheck_negative", "复核结果=阴性", by="shewu")

    def the_later_list(self) -> None:
        """Areas listed later look back on everybody who came from there."""
        stage = self.stage
        self.days.until("2022-06-01", "08:00")
        stage.scene(
            "新的风险地区：回头比对 (a list looks back)",
            "地区是后来列入的，人早就来了，有的已办结。导入即回看：等级变高的改判、重新立案并预警。",
        )
        stage.paper("集中隔离告知书", by="geli")
        stage.bihuan("areas", "load", LATER, "--dry-run", by="shuju")
        stage.bihuan("areas", "load", LATER, by="shuju")
        stage.bihuan("alert", "list", "--limit", "4", by="shuju")

    def the_positive(self) -> None:
        """A positive test in quarantine: re-checked, a case of its own, to hospital."""
        stage, case = self.stage, self.cases[INDEX]
        self.days.until("2022-06-02", "08:00")
        self.days.held = {case}
        stage.scene(
            "隔离中查出阳性 (a positive)", "第 7 天检测阳性，先复核；复核阳性即转阳性流程，另立一案，接着原来的责任链。"
        )
        stage.bihuan("task", "done", "核酸检测", f"{case}=阳性", by="geli")
        self.days.until("2022-06-02", "14:00")
        stage.say("14:00 区疾控的复核结果来了：")
        stage.bihuan("case", "advance", case, "recheck_positive", "复核结果=阳性", by="shewu")
        stage.bihuan("case", "custody", self._latest(case).id, by="shewu")
        self.days.held.clear()

    def the_contacts(self) -> None:
        """The positive names three contacts: each a case of her own, one of them known already."""
        stage = self.stage
        positive = self._latest(self.cases[INDEX])
        stage.scene(
            "她说出三名密接，其中一人已在名单上 (her contacts)",
            "每人一案、各自计时，与阳性案件互相挂上；已在管的不重复立案，她自己的案件改按密接接着办。",
        )
        name, number, phone, community = self._listed(NEIGHBOUR)
        for who in (*CONTACTS, (name, number, phone, community)):
            facts = [
                f"{title}={text}" for title, text in zip(("姓名", "身份证号", "手机号", "所属社区"), who, strict=True)
            ]
            stage.bihuan("case", "open", *facts, "末次接触日期=2022-05-25", "--parent", positive.id, by="shewu")
        shown = case_show(stage.office, positive.id, stage.chief)["children"]
        named = [child["case"] for child in shown if child["final"] != "reclassified"]
        back = [tie["case"] for case in named for tie in case_show(stage.office, case, stage.chief)["parents"]]
        stage.say(f"阳性案件 {positive.id} 名下：{'、'.join(named)}")
        stage.say(f"三件各自挂在：{'、'.join(back)}")
        stage.say("已在名单上的那一位，责任链没有断：")
        stage.bihuan("case", "custody", self._latest(self.cases[NEIGHBOUR]).id, by="shewu")

    def too_early(self) -> None:
        """What a release before its time is told."""
        stage, case = self.stage, self.cases[FEVERISH]
        self.days.until("2022-06-08", "08:00")
        stage.scene("提前一天解除会怎样 (too early)", "拒绝一次说清全部原因：差几天、缺哪次检测、该换谁来办。")
        stage.bihuan("case", "advance", case, "release", by="geli")

    def the_end(self) -> None:
        """What is left, whether the record holds, and whether the loop is closed."""
        stage = self.stage
        self.days.until("2022-06-16", "08:00")
        stage.scene(
            "二十一天以后：闭环合上了吗 (is the loop closed)",
            "还在办的都说得出在谁手里；记录没有被改；责任、工作、流程、措施没有缺口。",
        )
        stage.count("category", "state_title")
        stage.bihuan("board", by="shuju")
        stage.bihuan("audit", "verify")
        stage.bihuan("loop")
        stage.paper("解除隔离告知书", by="shenpi")
        alerts = alert_list(stage.office, stage.chief, everything=True, most=10_000)
        stage.say(f"二十一天里发出预警 {len(alerts)} 条")

    def _latest(self, case_id: str) -> Case:
        """A case, or the one that goes on in its stead."""
        case, _ = self.stage.office.case(case_id, self.stage.chief)
        with self.stage.office.store.reading() as driver:
            found = driver.execute(
                "SELECT id FROM \"case\" WHERE subject = ? AND final = ''", (case.subject,)
            ).fetchone()
        return self.stage.office.case(found[0], self.stage.chief)[0] if found else case

    def _listed(self, row: int) -> tuple[str, str, str, str]:
        """Name, ID number, telephone and community of a row of the list."""
        lines = Path(LIST).read_text("gb18030").splitlines()
        told = dict(zip(next(csv.reader([lines[1]])), next(csv.reader([lines[row - 1]])), strict=True))
        return told["姓名"], told["证件号码"], told["联系电话"], told["所属社区"]
