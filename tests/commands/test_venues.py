"""Venues, rectification, closures and the cold chain, as the pack tells them, on a real office."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.commands import tasks
from engine.commands.corrections import correct
from engine.core.case import Case, micros
from engine.core.errors import BadInput, Refused
from engine.core.evolving import REMEMBERED
from engine.core.rulebook import Rulebook
from engine.intake.take import take
from engine.proof import audit
from engine.reading.boards import board, boards
from engine.reading.coverage import coverage
from engine.reading.queries import alert_list, case_list, case_show, task_list
from engine.service import Office
from engine.timing import loop
from engine.timing.sweep import sweep

Later = Callable[..., int]
COLUMNS = {
    "V1": ("菜市场", "商场", "超市", "大型超市", "餐厅", "宾馆", "药房"),
    "V2": ("校园", "幼儿园", "培训机构"),
    "V3": ("养老机构",),
    "V4": ("网吧", "台球室", "棋牌室"),
    "V5": ("宗教场所",),
    "V6": ("卫生医疗机构", "诊所"),
    "V7a": ("物管小区",),
    "V7b": ("三无小区",),
    "V7c": ("工地",),
}
ELSEWHERE = {"guests": "R021", "visits": "R024", "cold_chain": "R096", "site": "R085"}
"""Tasks by clauses that the table of classes and measures has no row for."""
FILED = {
    "reviewed_on": "2022-05-26",
    "accountable": "王示例",
    "network_street": "甲示例",
    "network_community": "乙示例",
    "network_grid": "丙示例",
    "first_responsible": "丁示例",
    "direct_responsible": "戊示例",
}
BY = {"市场监督管理所": "shijian", "社会事务部": "shewu", "党群工作部": "dangqun", "社区卫生服务中心": "weisheng"}
COLD = {
    "storage": "符合",
    "certificates": "齐全",
    "ledger": "已建立",
    "spoiled": "无",
    "hygiene": "落实",
    "safety": "落实",
    "proof": "检-1",
}
PATROL = {"entry_check": "落实", "staff_check": "落实", "site_check": "落实", "proof": "照-1"}


def registered(office: Office, kind: str, **facts: Any) -> Case:
    """A venue of this type on the register, active."""
    told = {
        "venue_name": f"示例{kind}",
        "venue_type": kind,
        "address": f"{kind}路一号",
        "community": "华业社区",
    } | facts
    case = office.open_case("venue", told, office.actor("huaye"))
    office.advance(case["case"], "file", office.actor(BY.get(case["owner"], "chengguan")), FILED)
    return case_of(office, case["case"])


def case_of(office: Office, case_id: str) -> Case:
    found = office.store.load(case_id)
    assert found is not None
    return found[0]


def patrol(office: Office, case: Case, result: str, **more: str) -> dict[str, Any]:
    facts = PATROL | {"check_result": result, "checked_at": office.now().isoformat(), **more}
    return office.advance(case.id, "check_patrol", office.actor("huaye"), facts)


def matrix(data: Path) -> dict[str, dict[str, str]]:
    """Table B of the plan: column → row → what stands in the cell."""
    lines = (data / "venue_measures.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]
    heads = [head.split(" ")[0] for head in rows[0]]
    return {
        column: {row[0]: row[place] for row in rows[1:]} for place, column in enumerate(heads) if column != "measure"
    }


def expected(cells: dict[str, str]) -> dict[str, set[str]]:
    """The tasks and outcomes that the cells of a column stand for; a blank stands for nothing."""
    tasks_of: set[str] = set()
    code = cells["entrants: code check"]
    if code:
        tasks_of.add("health_code" if code == "安康码" else "scan" if code == "扫码" else "codes")
        assert code in ("安康码", "扫码") or code.startswith("二码联查")
    for row, task in {
        "entrants: temperature": "entry_temperature",
        "entrants: mask": "entry_masks",
        "staff: daily temperature": "staff_temperature",
        "staff: mask on duty": "staff_masks",
        "daily patrol (每日巡查)": "patrol",
        "periodic nucleic-acid test": "tests",
        "upstream body": "upstream",
    }.items():
        tasks_of |= {task} if cells[row] else set()
    site = cells["daily cleaning / ventilation / disinfection"]
    if site == "Y/Y/Y":
        tasks_of |= {"cleaning", "ventilation", "disinfection"}
    elif site:
        assert "cleaning" in site
        assert "disinfection" in site
        tasks_of |= {"cleaning", "disinfection"}
    outsiders = cells["register outsiders"]
    tasks_of |= {"outsiders"} if outsiders and not outsiders.startswith("hotels") else set()
    duties = {"主体责任"} if cells["accountable subject 主体责任"] else set()
    duties |= {"属地责任"} if cells["属地 clause"] else set()
    groups = {"staff": {"从业人员"}, "老人 + staff": {"老人", "工作人员"}, "工人": {"建筑工人"}, "": set()}
    return {
        "tasks": tasks_of,
        "duties": duties,
        "tested": groups[cells["periodic nucleic-acid test"]],
        "upstream": {cells["upstream body"]} - {""},
        "closure": {cells["closure (适时)"].split(",")[0]} - {""},
    }


@pytest.mark.parametrize(("column", "kind"), [(column, kind) for column, kinds in COLUMNS.items() for kind in kinds])
def test_a_venue_gets_exactly_the_tasks_of_its_class_in_the_plan(
    office: Office, data: Path, column: str, kind: str
) -> None:
    wanted = expected(matrix(data)[column])
    case = registered(office, kind)
    assert {plan.task for plan in case.plans.values()} - ELSEWHERE.keys() == wanted["tasks"]
    for outcome in ("duties", "tested", "upstream", "closure"):
        assert set(case.outcome.get(outcome, ())) - {"三级网络两级责任"} == wanted[outcome]
    cell = matrix(data)[column]["departments"] if column[:2] != "V7" else matrix(data)["V7a"]["departments"]
    units = {unit.replace("市监所", "市场监督管理所") for unit in cell.split("、")}
    named = {case.lead, *case.supporting, case.owner}
    assert {"华业社区" if unit in ("各社区", "相关社区") else unit for unit in units} == named


def test_clauses_beside_the_classes_add_their_tasks_and_the_owner_stays_one(office: Office) -> None:
    extra = {
        kind: set(registered(office, kind).plans) & ELSEWHERE.keys()
        for kind in (
            "菜市场",
            "宾馆",
            "酒店",
            "大型超市",
            "超市",
            "网约房",
            "出租屋",
            "工地",
            "餐饮经营户",
            "食品加工企业",
        )
    }
    assert extra == {
        "菜市场": {"cold_chain"},
        "宾馆": {"guests"},
        "酒店": {"guests", "cold_chain"},
        "大型超市": {"cold_chain"},
        "超市": set(),
        "网约房": {"visits"},
        "出租屋": {"visits"},
        "工地": {"site"},
        "餐饮经营户": {"cold_chain"},
        "食品加工企业": {"cold_chain"},
    }


def test_a_venue_that_no_clause_names_is_the_default_owners_and_alerted(office: Office) -> None:
    told = {"venue_name": "某店", "venue_type": "其他", "address": "某路", "community": "华业社区"}
    answer = office.open_case("venue", told, office.actor("huaye"))
    assert (answer["owner"], answer["matched"], answer["workflow"]) == ("社会事务部", False, "venue")
    with pytest.raises(Refused, match="场所类型不为 其他"):
        office.advance(answer["case"], "file", office.actor("shewu"), FILED)
    assert loop.check(office).breaches == []
    office.set_clock(micros(office.now() + timedelta(hours=25)))
    sweep(office)
    rows = alert_list(office, office.actor("shewu"), of=answer["case"])
    assert ("建档", "社会事务部") in {(row["title"], row["told"]) for row in rows}, "until somebody says what it is"


def test_a_finding_opens_a_rectification_with_what_is_known_in_one_transaction(office: Office) -> None:
    venue = registered(office, "菜市场", operator="中心菜市场管理方")
    assert "opened" not in patrol(office, venue, "落实")
    with pytest.raises(BadInput, match="缺少 发现的问题"):
        patrol(office, venue, "发现问题")
    assert case_of(office, venue.id).children == {}
    answer = patrol(office, venue, "发现问题", found_what="王示例没有扫码")
    [child] = answer["opened"]
    issue = case_of(office, child)
    assert (issue.workflow, issue.owner, issue.lead) == ("rectification", "中心菜市场管理方", "纪工委")
    assert {**issue.facts} == {
        "inspected": "中心菜市场管理方",
        "place": "示例菜市场",
        "community": "华业社区",
        "issue_source": "patrol",
    }
    assert office.personal(issue.subject)["found_what"] == "王示例没有扫码"
    assert office.personal(issue.subject)["accountable"] == office.personal(venue.subject)["accountable"]
    assert child in [row["case"] for row in case_list(office, office.actor("caishi"))]
    assert issue.parents == {venue.id: "rectification"}
    shown = case_show(office, child, office.actor("jigong"))
    assert [one["title"] for one in shown["parents"]] == ["整改"], "as the venue calls it, not as another workflow does"
    assert case_of(office, venue.id).children[child].final == ""
    with pytest.raises(BadInput, match="缺少 发现的问题"):
        patrol(office, venue, "发现问题")  # what the first finding was told is not the second's
    assert "still_open" not in answer
    second = patrol(office, venue, "发现问题", found_what="门岗无人")
    [again] = second["opened"]
    assert second["still_open"] == {"整改": [child]}, "it may be the same finding sent twice"
    assert office.personal(case_of(office, again).subject)["found_what"] == "门岗无人"
    with office.store.reading() as driver:
        told = driver.execute("SELECT group_concat(data) FROM event").fetchone()[0]
    assert "没有扫码" not in told
    assert audit.verify(office).problems == []
    assert loop.check(office).breaches == []


def test_a_venue_is_checked_only_for_what_its_measures_ask(office: Office) -> None:
    shop, bar = registered(office, "超市"), registered(office, "网吧")
    facts = {"check_result": "落实", "checked_at": office.now().isoformat()}
    huaye = office.actor("huaye")
    for venue, asked, other in ((shop, "check_codes", "check_health_code"), (bar, "check_health_code", "check_codes")):
        office.advance(venue.id, asked, huaye, facts)
        with pytest.raises(Refused, match="只适用于判定 measures 为"):
            office.advance(venue.id, other, huaye, facts)


def test_a_patrol_goes_through_what_is_to_be_kept_and_brings_its_proof(office: Office) -> None:
    venue = registered(office, "菜市场")
    huaye = office.actor("huaye")
    facts = {name: value for name, value in PATROL.items() if name != "proof"}
    facts |= {"check_result": "落实", "checked_at": office.now().isoformat()}
    with pytest.raises(Refused, match="清洁通风消毒为 落实，现为 未落实") as found:
        office.advance(venue.id, "check_patrol", huaye, facts | {"site_check": "未落实"})
    assert "缺少佐证：佐证编号（proof）" in str(found.value)
    patrol(office, venue, "发现问题", site_check="未落实", found_what="没有消毒记录")
    assert len(case_of(office, venue.id).children) == 1


def test_every_periodic_check_of_a_venue_asks_for_proof_and_no_daily_one_does(book: Rulebook) -> None:
    flow = book.workflows["venue"]
    asks = {
        verb.task
        for verb in flow.transitions.values()
        if any(asked.field == "proof" and asked.required for asked in verb.evidence)
    } - {""}
    daily = {one.task for one in flow.schedules.values() if not one.every}
    every = {one.task for one in flow.schedules.values()}
    assert every - daily <= asks
    assert daily & asks == {"patrol", "closure"}


def test_a_finding_is_one_request_however_often_it_is_sent(office: Office) -> None:
    venue = registered(office, "菜市场")
    facts = PATROL | {"check_result": "发现问题", "checked_at": office.now().isoformat(), "found_what": "无人值守"}
    huaye = office.actor("huaye")
    first = office.advance(venue.id, "check_patrol", huaye, facts, request_key="k1")
    assert office.advance(venue.id, "check_patrol", huaye, facts, request_key="k1") == first
    assert len(case_of(office, venue.id).children) == 1


def test_a_finding_through_rectification_is_verified_by_somebody_else_from_outside(
    office: Office, later: Later
) -> None:
    venue = registered(office, "菜市场")
    [issue] = patrol(office, venue, "发现问题", found_what="无人值守")["opened"]

    def step(name: str, user: str, **facts: str) -> dict[str, Any]:
        later(hours=1)
        now = office.now().isoformat()
        return office.advance(issue, name, office.actor(user), {k: now if v == "now" else v for k, v in facts.items()})

    step("handle", "shijian", handling="已派人", handled_at="now")
    step("urge", "jigong", urged_at="now", document_no="督1")
    step("report_fixed", "shijian2", fixing="已改", fixed_at="now", proof="P1")
    checked = {"verdict": "合格", "verified_at": "now", "proof": "P2"}
    with pytest.raises(Refused, match="jigong 已经办过"):
        step("verify", "jigong", **checked)
    with pytest.raises(Refused, match="须由 督查人员"):
        step("verify", "shijianzhang", **checked)
    assert step("verify", "xiaoneng", **checked)["final"] == "closed"
    assert case_of(office, venue.id).children[issue].final == "closed"


def test_an_overdue_rectification_climbs_to_the_leader(office: Office, later: Later) -> None:
    venue = registered(office, "菜市场")
    [issue] = patrol(office, venue, "发现问题", found_what="无人值守")["opened"]
    later(hours=30)
    with office.store.reading() as driver:
        told = driver.execute(
            "SELECT level, told FROM alert WHERE case_id = ? AND name = 'handle' ORDER BY rung", (issue,)
        ).fetchall()
    assert told == [
        ("提醒", "市场监督管理所"),
        ("蓝", "市场监督管理所主要负责人"),
        ("黄", "纪工委"),
        ("红", "示例·分管领导乙、示例·分管领导甲"),
    ]


def test_the_cold_chain_is_checked_point_by_point_and_spoiled_meat_is_seized(office: Office) -> None:
    venue = registered(office, "冷冻肉制品经营单位")
    shijian = office.actor("shijian")

    def inspect(result: str, **more: str) -> dict[str, Any]:
        at = {"cold_result": result, "cold_checked_at": office.now().isoformat()}
        return office.advance(venue.id, "inspect_cold_chain", shijian, COLD | at | more)

    broken = {
        "storage": "不符合",
        "certificates": "不齐全",
        "ledger": "未建立",
        "hygiene": "未落实",
        "safety": "未落实",
    }
    for point, bad in broken.items():
        with pytest.raises(Refused, match="要求"):
            inspect("合格", **{point: bad})
        with pytest.raises(Refused, match="缺少佐证"):
            office.advance(venue.id, "inspect_cold_chain", shijian, {k: v for k, v in COLD.items() if k != point})
    assert "opened" not in inspect("合格")
    [issue] = inspect("发现问题", ledger="未建立", found_what="没有台账")["opened"]
    assert case_of(office, issue).workflow == "rectification"
    with pytest.raises(Refused, match="腐败变质"):
        inspect("发现问题", spoiled="有", found_what="发绿")
    [meat] = inspect("发现问题肉品", spoiled="有", found_what="发绿")["opened"]
    found = case_of(office, meat)
    assert (found.workflow, found.owner, found.category) == ("seizure", "市场监督管理所", "问题肉品")
    now = office.now().isoformat()
    with pytest.raises(BadInput, match="数量"):
        office.advance(meat, "seize", shijian, {"seized_at": now, "goods": "肉", "quantity": "0", "kept_at": "冷库"})
    office.advance(
        meat, "seize", shijian, {"seized_at": now, "goods": "冻猪肉", "quantity": "12.5", "kept_at": "市监所冷库"}
    )
    disposed = {"disposal": "无害化处理", "disposed_at": now, "witness": "钱示例", "proof": "照1"}
    [child] = office.advance(meat, "dispose", shijian, disposed)["opened"]
    assert office.personal(case_of(office, child).subject)["found_what"] == "发绿"
    assert case_of(office, child).facts["inspected"] == "市场监督管理所"
    assert audit.verify(office).problems == []


def test_a_market_operator_sees_and_does_only_what_is_its_own(office: Office) -> None:
    mine = registered(office, "菜市场", operator="中心菜市场管理方")
    other = registered(office, "菜市场", venue_name="新村菜市场", address="别处", operator="新村菜市场管理方")
    caishi = office.actor("caishi")
    assert [row["case"] for row in case_list(office, caishi)] == [mine.id]
    assert case_show(office, mine.id, caishi)["personal"]["主体责任人"] != "王示例"
    with pytest.raises(BadInput, match="没有案件"):
        case_show(office, other.id, caishi)
    done = {"check_result": "落实", "checked_at": office.now().isoformat()}
    office.advance(mine.id, "check_cleaning", caishi, done)
    for verb in ("check_patrol", "remove"):
        with pytest.raises(Refused, match="须由"):
            office.advance(mine.id, verb, caishi, done if verb == "check_patrol" else {})
    with pytest.raises(BadInput, match="没有案件"):
        office.advance(other.id, "check_cleaning", caishi, done)
    with pytest.raises(Refused, match="没有权限"):
        office.open_case("venue", {"venue_name": "x", "address": "y"}, caishi)


def test_whose_work_a_task_is_has_it_on_the_list_and_is_urged(office: Office, later: Later) -> None:
    market = registered(office, "菜市场", operator="中心菜市场管理方")
    other = registered(office, "菜市场", venue_name="新村菜市场", address="别处", operator="新村菜市场管理方")
    sweep(office)

    def listed(user: str) -> set[tuple[str, str]]:
        return {(row["case"], row["title"]) for row in task_list(office, office.actor(user))}

    assert {(one.id, "冷链检查") for one in (market, other)} == listed("shijian")
    assert {case for case, _ in listed("caishi")} == {market.id}
    assert (market.id, "清洁") in listed("caishi")
    assert (market.id, "每日巡查") not in listed("caishi")
    assert (market.id, "清洁") in listed("huaye")
    assert "冷链检查" not in {title for _, title in listed("huaye")}
    later(hours=30)
    told = {row["told"] for row in alert_list(office, office.actor("shijian")) if row["title"] == "冷链检查"}
    assert {"市场监督管理所", "市场监督管理所主要负责人"} <= told
    assert "冷链检查" in {row["what"] for row in board(office, office.actor("shijian"), "超期")}
    assert "冷链检查" not in {row["what"] for row in board(office, office.actor("huaye"), "超期")}
    left = coverage(office, office.actor("shuju"), "冷链检查")
    assert [(each["owner"], each["asked"]) for each in left["owners"]] == [("市场监督管理所", 2)]


def test_a_board_counts_what_somebody_has_to_do_in_the_cases_of_others(office: Office, later: Later) -> None:
    registered(office, "菜市场", operator="中心菜市场管理方")
    later(hours=2)
    due = [row for row in task_list(office, office.actor("caishi")) if row["state"] == "待做"]
    assert due
    about = {each.name: each.about for each in boards(office, office.actor("caishi"))}
    assert about["department"].endswith(f"现在该做的任务 {len(due)} 项")


def test_coverage_of_a_daily_duty_tells_how_often_it_was_done_of_the_times_it_was_planned(
    office: Office, later: Later
) -> None:
    case = registered(office, "网吧")
    later(hours=1)
    assert tasks.done(office, "通风", [(case.id, "落实")], office.actor("huaye"))[0].refused == ""
    later(days=3)
    told = coverage(office, office.actor("huaye"), "通风")
    assert (told["asked"], told["covered"], told["done"], told["planned"]) == (1, 1, 1, 4)
    since = coverage(office, office.actor("huaye"), "通风", since=office.now() - timedelta(days=2))
    assert (since["covered"], since["done"], since["planned"]) == (0, 0, 2)


def test_a_closure_does_not_end_before_it_begins(office: Office, later: Later) -> None:
    case = registered(office, "网吧")
    later(days=2)
    now = office.now()
    facts = {
        "situation": "本区有疫情",
        "decided_by": "办公会",
        "closure_reason": "形势",
        "closed_from": now.isoformat(),
    }
    with pytest.raises(Refused, match="封闭（关闭）到期"):
        office.advance(case.id, "shut", office.actor("shewuzhang"), facts | {"closed_until": "2022-05-27T08:00+08:00"})
    until = {"closed_until": (now + timedelta(hours=1)).isoformat()}
    office.advance(case.id, "shut", office.actor("shewuzhang"), facts | until)
    later(hours=6)
    titles = {row["title"] for row in alert_list(office, office.actor("shewu")) if row["deadline"] == "reopen"}
    assert titles == {"关闭到期后解除或延长"}, "as the state where it stands calls it"


def test_a_new_type_plans_anew_and_what_is_no_longer_asked_for_ends(office: Office, later: Later) -> None:
    case = registered(office, "超市")
    sweep(office)
    later(hours=3)
    correct(office, case.id, {"venue_type": "诊所"}, "类型登记有误", office.actor("shijian"))
    after = case_of(office, case.id)
    assert set(after.plans) == {"codes", "entry_temperature", "entry_masks", "cleaning", "disinfection"}
    sweep(office)
    with office.store.reading() as driver:
        open_ones = {
            name
            for (name,) in driver.execute(
                "SELECT DISTINCT schedule FROM task WHERE case_id = ? AND state = 'open'", (case.id,)
            )
        }
    assert open_ones == set(after.plans)
    assert audit.verify(office).problems == []


@pytest.mark.parametrize("months", [3, pytest.param(12, marks=pytest.mark.long)])
def test_a_venue_open_for_a_year_stays_small_and_whole(office: Office, months: int) -> None:
    case = registered(office, "超市")
    huaye = office.actor("huaye")
    for _ in range(5 * months):
        office.set_clock(micros(office.now() + timedelta(days=6)))
        sweep(office)
        for task, facts in (("patrol", PATROL), ("cleaning", {})):
            assert tasks.done(office, task, [tasks.Row(case.id, "落实", facts)], huaye)[0].refused == ""
    found = case_of(office, case.id)
    assert sorted(one.task for one in found.results) == ["cleaning", "patrol"]
    oldest = min(int(name.partition("@")[2]) for name in found.marks)
    assert micros(office.now()) - oldest <= REMEMBERED + 7 * 86_400_000_000
    assert audit.verify(office).problems == []
    assert loop.check(office).breaches == []


def test_every_department_of_the_plan_is_there_with_somebody_first_responsible(book: Rulebook) -> None:
    departments = (
        *(
            "社会事务部",
            "城市管理部",
            "平安建设部",
            "市场监督管理所",
            "发展服务部",
            "城管中队",
            "党群工作部",
            "社区卫生服务中心",
        ),
        *("物业办", "应急办", "转运专班", "纪工委", "效能办", "党政办", "华业社区"),
    )
    operators = ("中心菜市场管理方", "新村菜市场管理方")
    units = book.organisation.units
    assert all(units[name].head for name in (*departments, *operators))
    covered = {unit for leader in book.organisation.leaders for unit in (*leader.fields, *leader.communities)}
    assert {name for name, unit in units.items() if unit.kind in ("department", "community")} <= covered


def test_a_register_of_venues_is_taken_in_as_a_list(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "venues.csv"
    path.write_text(
        "名称,类型,社区,地址,负责人\n某酒店,酒店,和平社区,和平路一号,王示例\n某出租屋,出租屋,东七社区,东七路二号,丁示例\n"
        "某店,不知道的类型,东七社区,东七路三号,丁示例\n",
        "utf-8",
    )
    taken = take(office, path, "场所名录", office.actor("shuju"))
    outcomes = [row.outcome for row in taken.lines]
    assert outcomes == ["opened", "opened", "refused"]
    hotel = case_of(office, taken.lines[0].case)
    assert (hotel.workflow, hotel.lead, hotel.outcome["measures"]) == (
        "venue", "社会事务部", ["入住登记核查", "冷链检查"],
    )  # fmt: skip
    assert audit.verify(office).problems == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "UPDATE schedule SET plan = replace(plan, '\"standard\",7]', '\"standard\",70]') WHERE name = 'tests'",
            "计划",
        ),
        ("UPDATE task SET due = due + 86400000000 WHERE schedule = 'cold_chain'", "任务"),
        ("DELETE FROM schedule WHERE name = 'patrol'", "计划"),
    ],
)
def test_a_period_stretched_behind_the_back_of_the_log_is_found(office: Office, sql: str, told: str) -> None:
    registered(office, "菜市场")
    sweep(office)
    assert audit.verify(office).problems == []
    with office.store.writing(0) as writer:
        writer.cursor.execute(sql)
        assert writer.cursor.rowcount > 0
    assert any(told in str(problem) for problem in audit.verify(office).problems)


def test_of_several_ways_the_one_that_fits_what_was_just_stated_is_told(office: Office) -> None:
    case = registered(office, "菜市场")
    told = {"cold_result": "合格", "cold_checked_at": office.now().isoformat(), "proof": "检-1", "spoiled": "无"}
    with pytest.raises(Refused) as refused:
        office.advance(case.id, "inspect_cold_chain", office.actor("shijian"), told)
    asked = [problem.what for problem in refused.value.problems if "要求" in problem.what]
    assert asked
    assert not any("现为 合格" in what for what in asked)
