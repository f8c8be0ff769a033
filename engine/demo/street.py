"""A day of the whole street: venues, findings, cold chain, rumours, emergencies, inspections and closures."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from pathlib import Path

from engine.commands.standing import open_standing
from engine.core.errors import BadInput, Refused
from engine.demo.days import Days
from engine.demo.stage import Stage
from engine.timing.sweep import sweep

DAY = "2022-06-15"
GRID = "网格级责任人=示例网格员"
MARKET = ("中心菜市场", "菜市场", "华业社区", "和平路1号", "市场管理方=中心菜市场管理方")
BAR = ("示例网吧", "网吧", "和平社区", "和平路2号")


class Street:
    """What else the street office does on a day: each line a command, by whoever it falls to."""

    def __init__(self, stage: Stage, days: Days) -> None:
        self.stage = stage
        self.days = days

    def play(self) -> None:
        """From eight in the morning to the evening."""
        self.days.until(DAY, "08:00")
        self.the_standing_work()
        market = self.the_venues()
        self.a_finding(market)
        self.a_seizure(market)
        self.an_emergency()
        self.a_rumour()
        self.a_superior_inspection()
        self.a_shortage()
        self.a_closure()
        self.the_report()

    def the_standing_work(self) -> None:
        """What recurs and belongs to no person begins; every unit signs for the plan."""
        office = self.stage.office
        open_standing(office)
        signing = [row["case"] for row in self.stage.open_cases() if row["workflow"] == "signing"]
        for case, user in product(signing, office.book().organisation.staff):
            with suppress(Refused, BadInput):  # whoever is of another unit
                office.advance(case, "sign", office.actor(user), {"signed_at": self.days.now})

    def the_venues(self) -> str:
        """A venue is registered: what has to be done there every day follows from its type."""
        stage = self.stage
        stage.scene(
            "场所建档：措施自己排成任务 (venues)",
            "一处场所可以落在几条里：措施相加，责任单位唯一。每日的、定期的都排成任务，漏做会响。",
        )
        market = self._opened("venue", *_venue(*MARKET), by="huaye")
        stage.bihuan("case", "advance", market, "file", f"档案核对日期={DAY}", GRID, by="shijian")
        sweep(stage.office)
        stage.bihuan("task", "list", "--limit", "5", by="huaye")
        return market

    def a_finding(self, market: str) -> None:
        """What a patrol finds becomes a case of its own, closed by somebody outside the inspected department."""
        stage = self.stage
        stage.scene(
            "巡查发现一个问题：整改到销号 (a finding, rectified)",
            "巡查登记“发现问题”，当即另立整改案件；谁整改、谁督办、谁复查各是各的人，自己不能复查自己。",
        )
        stage.bihuan(
            "case", "advance", market, "check_patrol", "检查结果=发现问题", f"检查时间={stage.present}",
            "发现的问题=两个摊位没有戴口罩", by="huaye",
        )  # fmt: skip
        issue = self._child(market)
        now = f"处置时间={stage.present}"
        stage.bihuan("case", "advance", issue, "handle", "处置情况=当场劝导，摊位停业半天", now, by="caishi", last=2)
        self._step(issue, "urge", "jigong", f"督办时间={stage.present}", "督办单（整改通知书）编号=督〔2022〕1号")
        fixed = ("整改情况=全员佩戴", f"整改完成时间={stage.present}", "佐证编号=照1")
        stage.paper("整改通知书", issue, by="jigong")
        self._step(issue, "report_fixed", "caishi", *fixed)
        stage.say("整改的人来复查，拒绝；纪工委同一人办过督办，也换效能办的来：")
        seen = ("复查结论=合格", f"复查时间={stage.present}", "佐证编号=照2")
        stage.bihuan("case", "advance", issue, "verify", *seen, by="caishi")
        stage.bihuan("case", "advance", issue, "verify", *seen, by="xiaoneng", last=1)

    def a_seizure(self, market: str) -> None:
        """Spoiled meat is sealed first."""
        stage = self.stage
        stage.scene(
            "冷链检查查出变质肉品：先封存 (a cold-chain seizure)",
            "六项逐项登记；查出问题肉品，封存、处置、整改都有时限。",
        )
        checked = (
            "冷库贮存条件=不符合", "冷冻肉制品索证索票=齐全", "冷库食品进出库台账=已建立",
            "腐败变质或感官性状异常的肉品=有", "冷库从业人员卫生防疫措施=落实", "食品安全管理制度和质量安全状况=未落实",
        )  # fmt: skip
        stage.bihuan(
            "case", "advance", market, "inspect_cold_chain", *checked, "冷链检查结论=发现问题肉品",
            f"冷链检查时间={stage.present}", "发现的问题=冻猪肉感官异常", by="shijian",
        )  # fmt: skip
        meat = self._child(market)
        goods = ("问题肉品品名=冻猪肉", "数量（千克）=12.5", "封存地点=市监所冷库")
        stage.bihuan("case", "advance", meat, "seize", f"封存时间={stage.present}", *goods, by="shijian", last=2)

    def an_emergency(self) -> None:
        """One command by anybody, and the leader hears of it at once."""
        stage = self.stage
        self.days.until(DAY, "10:00")
        stage.scene(
            "突发情况：一条命令，当即报到领导 (an emergency)", "谁发现谁报；时限最短，第一级就告领导，处置到核销。"
        )
        told = ("性质=突发情况", "情况=小区一人倒地发热", "地点=铁路新村3栋", f"发现时间={stage.present}", "来源=电话")
        case = self._opened("info", *told, "所属社区=铁路新村社区", "报告单位=铁路新村社区", by="tielu")
        sweep(stage.office)
        stage.bihuan("alert", "list", "--limit", "1", by="yingji2")
        for verb, facts in (
            ("respond", [f"响应时间={stage.present}"]),
            ("report_up", [f"上报时间={stage.present}"]),
            ("follow_up", ["处置进展=已控制", f"续报时间={stage.present}"]),
            ("settle", [f"处置完毕时间={stage.present}", "处置措施=已送医，现场消毒"]),
        ):
            self._step(case, verb, "yingji2", *facts)
        stage.bihuan("case", "advance", case, "close", "证明材料编号=E1", by="yingji", last=1)

    def a_rumour(self) -> None:
        """A rumour goes to whoever looks into it before it is refuted."""
        stage = self.stage
        stage.scene(
            "一条谣言：先查处，再辟谣 (a rumour)", "研判后移平安建设部查处，有查处结果才公开辟谣，核销的是另一个人。"
        )
        told = ("性质=谣言", "情况=群里传街道要封控", f"发现时间={stage.present}", "来源=网络")
        case = self._opened("info", *told, "所属社区=东七社区", "报告单位=东七社区", by="dongqi")
        self._step(case, "assess", "dangqun", "研判等级=一般", f"研判时间={stage.present}")
        stage.bihuan("case", "advance", case, "hand_to_safety", by="dangqun", last=2)
        stage.bihuan("handover", "accept", case, by="pingan", last=2)
        self._step(case, "investigated", "pingan", "证明材料编号=R1")
        answer = (f"回应时间={stage.present}", "发布渠道=社区群", "回应口径=没有封控，照常出行")
        stage.bihuan("case", "advance", case, "refute", *answer, by="dangqun", last=2)
        self._step(case, "close", "dangqun2", f"核查时间={stage.present}")

    def a_superior_inspection(self) -> None:
        """What a superior inspection finds is answered to whoever sent it."""
        stage = self.stage
        title = "上级督查指出的问题：整改并反馈 (a superior's inspection)"
        stage.scene(title, "反馈要有对方签收凭证，才算办结。")
        told = ("问题来源=上级督查", "被督查单位=和平社区", "发现的问题=核酸点没有分区", "所属社区=和平社区")
        case = self._opened("issue", *told, by="jigong")
        now = stage.present
        self._step(case, "look", "jigong", "是否属实=是", f"核查时间={now}", "交办单位=上级督查组")
        self._step(case, "urge", "jigong", f"督办时间={now}", "督办单（整改通知书）编号=督〔2022〕2号")
        self._step(case, "report_fixed", "heping", "整改情况=重新分区", f"整改完成时间={now}", "佐证编号=照3")
        self._step(case, "verify", "xiaoneng", "复查结论=合格", f"复查时间={now}", "佐证编号=照4")
        stage.bihuan("case", "advance", case, "feed_back", f"反馈时间={now}", by="jigong")
        stage.bihuan("case", "advance", case, "feed_back", f"反馈时间={now}", "对方签收凭证号=回1", by="jigong", last=1)
        duty = next(row["case"] for row in stage.open_cases() if row["workflow"] == "bulletin")
        issued = ("通报=已印发", f"报送时间={now}", "bulletin_no=通〔2022〕1号", f"told_until={now}")
        stage.say("督查情况成通报，印发各单位：")
        stage.bihuan("report", "bulletin", "--out", str((stage.papers or Path()) / "督查通报.xlsx"), by="shuju")
        self._step(duty, "issue", "jigong", *issued)

    def a_closure(self) -> None:
        """A venue is closed by the head of the department, for so long, and opened again."""
        stage = self.stage
        title = "关闭一处网吧，再开放 (a closure and reopening)"
        stage.scene(title, "由部门负责人决定，写明理由和到期；到期不续会响。")
        bar = self._opened("venue", *_venue(*BAR), by="heping", shown=False)
        self._step(bar, "file", "shewu", f"档案核对日期={DAY}", GRID)
        order = (
            "疫情形势=本区有疫情", "作出决定的人=示例负责人", "封闭（关闭）理由=本区有疫情",
            f"封闭（关闭）开始={stage.present}", "封闭（关闭）到期=2022-06-22 08:00",
        )  # fmt: skip
        stage.bihuan("case", "advance", bar, "shut", *order, by="heping")
        stage.bihuan("case", "advance", bar, "shut", *order, by="shewuzhang", last=2)
        self.days.until(DAY, "16:00")
        reopened = (f"解封（开放）时间={stage.present}", "作出决定的人=示例负责人")
        stage.bihuan("case", "advance", bar, "reopen", *reopened, by="shewuzhang", last=2)

    def a_shortage(self) -> None:
        """Stock that falls below its minimum is ordered by itself."""
        stage = self.stage
        stage.scene(
            "库存低于储备：当即补货 (a shortage)",
            "收发只填数量，库存由系统加减；低于最低储备，另立一件补货，到货一并入库。",
        )
        held = ("品名=N95口罩", "存放地点=一号库", "批号=1")
        use = ("用途=防护用品", "计量单位=只", "库存=800", "最低储备=500")
        store = self._opened("supply", *held, *use, "有效期至=2023-06-01", by="wuzi")
        moved = ("数量=400", f"收发时间={stage.present}", "领用单位=转运专班")
        stage.bihuan("case", "advance", store, "issue", *moved, by="wuzi")
        order = self._child(store)
        self._step(order, "order", "wuzi", "数量=1000", f"下单时间={stage.present}")
        arrived = ("数量=1000", f"到货时间={stage.present}", "证明材料编号=入1")
        stage.bihuan("case", "advance", order, "arrive", *arrived, by="wuzi", last=2)

    def the_report(self) -> None:
        """The figures of the day go up, and what comes back is on record."""
        stage = self.stage
        self.days.until(DAY, "17:00")
        stage.scene(
            "报送当日数据 (the daily report)", "数字只由记录推出：以后再问这一刻，还是这些数。报送和回执各是一项任务。"
        )
        asked = ("report", "daily", "--as-of", stage.present)
        stage.bihuan(*asked, "--out", str((stage.papers or Path()) / "数据日报.xlsx"), by="shuju")
        duty = next(row["case"] for row in stage.open_cases() if row["workflow"] == "reporting")
        stage.bihuan("task", "done", "报送日报", f"{duty}=已报送", by="shewu")
        self.days.until(DAY, "18:00")
        receipt = ("回执=已收到", f"回执时间={stage.present}", "对方签收凭证号=数1")
        stage.bihuan("case", "advance", duty, "receive", *receipt, by="shewu", last=2)

    def _opened(self, kind: str, *facts: str, by: str, shown: bool = True) -> str:
        """Open a case by a command; its number."""
        before = {row["case"] for row in self.stage.open_cases()}
        self.stage.bihuan("case", "open", "--kind", kind, *facts, by=by, last=0 if shown else 1)
        return str(next(row["case"] for row in self.stage.open_cases() if row["case"] not in before))

    def _child(self, parent: str) -> str:
        """The case that was opened last under another."""
        case, _ = self.stage.office.case(parent, self.stage.chief)
        return str(list(case.children)[-1])

    def _step(self, case: str, verb: str, user: str, *facts: str) -> None:
        """A step that is only told of by where it leads."""
        self.stage.bihuan("case", "advance", case, verb, *facts, by=user, last=2)


def _venue(name: str, kind: str, community: str, address: str, *more: str) -> list[str]:
    return [f"场所名称={name}", f"场所类型={kind}", f"所属社区={community}", f"地址={address}", *more]
