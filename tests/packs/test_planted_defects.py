"""Defects planted in copies of the shipped pack, one small edit each: each is found, at a line to be changed."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from engine.packs.pack import examine

ORGANISATION, LADDERS, FIELDS = "rules/organisation.yaml", "rules/ladders.yaml", "rules/fields.yaml"
PACK, TERMS, PARAMETERS, CLAUSES = "rules/pack.yaml", "rules/terms.yaml", "rules/parameters.yaml", "rules/clauses.yaml"
PERSONS, VENUES, DUTIES = "rules/persons.yaml", "rules/venues.yaml", "rules/duties.yaml"
INFOS = "rules/information.yaml"
CONTACT, ARRIVAL, POSITIVE = "workflows/close_contact.yaml", "workflows/arrival.yaml", "workflows/positive.yaml"
VENUE, ISSUE, OPINION = "workflows/venue.yaml", "workflows/rectification.yaml", "workflows/opinion.yaml"
EMERGENCY, SEIZURE, LIAISON = "workflows/emergency.yaml", "workflows/seizure.yaml", "workflows/liaison.yaml"
REPORTING, SUPERIOR = "workflows/reporting.yaml", "workflows/superior_issue.yaml"

P14 = "        when: {floating: true}\n"
P16 = """      - id: P16
        clause: 二（一）1
        priority: 150
        when: {floating: true}
        then: {category: %s, lead: 属地社区, supporting: [社会事务部, 平安建设部], workflow: registration}
"""
TWIN, CONTRARY = P16 % "流动人员", P16 % "外来人员"
P13 = "        priority: 130\n        when: {origin_level: none}\n"
SUCCESSOR = """        priority: 130
        from: 2022-06-05
        when: {origin_level: none}
        then: {category: 登记备案, lead: 属地社区, supporting: [社会事务部], workflow: registration}
      - id: P13前
        clause: 二（一）1
        priority: 130
        until: 2022-06-01
        when: {origin_level: none}
"""
LOOP = """from: [running, returned]
      to: returned
      by: [officer, data]
      task: receipt
      evidence: {report_receipt: required, receipt_at: required}"""
LOW = "      - {from: 2022-05-16, value: 7, source: 安徽阜阳 2022-05-16 通告}"


class Planted(NamedTuple):
    """An edit of one file, the certificate and code that must tell it, and words of the line where it must be told."""

    what: str
    certificate: str
    code: str
    file: str
    right: str
    wrong: str
    line: str
    where: str = ""
    """Another file to be changed than the one that was edited."""


PLANTED = [
    # 责任
    Planted(
        "a community without leader",
        "责任",
        "LADDER-001",
        ORGANISATION,
        "东七社区, 凤阳社区]}",
        "东七社区]}",
        "凤阳社区: {kind",
    ),
    Planted(
        "a community without head",
        "责任",
        "LADDER-001",
        ORGANISATION,
        "head: 华业社区主要负责人",
        'head: " "',
        "华业社区: {kind",
    ),
    Planted(
        "a department without leader",
        "责任",
        "LADDER-001",
        ORGANISATION,
        "城管中队, 物业办,",
        "城管中队,",
        "物业办: {kind",
    ),
    Planted(
        "a hospital without leader",
        "责任",
        "LADDER-001",
        ORGANISATION,
        "第二隔离点, 定点医院,",
        "第二隔离点,",
        "定点医院: {kind",
    ),
    Planted(
        "a lead whom no leader answers for",
        "责任",
        "LADDER-001",
        INFOS,
        "正面信息, lead: 党群工作部",
        "正面信息, lead: 区统战部",
        "区统战部: {kind",
        ORGANISATION,
    ),
    Planted(
        "a ladder that ends at the head",
        "责任",
        "LADDER-002",
        LADDERS,
        "{at: +12h, level: 红, tell: leader}",
        "{at: +12h, level: 红, tell: unit.head}",
        "联系催办",
    ),
    Planted(
        "a ladder in urgency that ends at the owner",
        "责任",
        "LADDER-002",
        LADDERS,
        "{at: +1h, level: 红, tell: leader}",
        "{at: +1h, level: 红, tell: owner}",
        "again: 1h",
    ),
    Planted(
        "an arbiter who sees nothing",
        "责任",
        "RULE-021",
        ORGANISATION,
        "{title: 裁定人, scope: all,",
        "{title: 裁定人, scope: owner,",
        "arbiter: 应急办",
        PACK,
    ),
    # 工作
    Planted(
        "no verifier any more",
        "工作",
        "WORK-003",
        OPINION,
        "      when: {actor: {not_since: 回应}}\n",
        "",
        "title: 核销",
    ),
    Planted(
        "a verifier who may be the handler",
        "工作",
        "WORK-003",
        ISSUE,
        "合格, actor: {not_since: 整改,",
        "合格, actor: {not_since: 复查,",
        "not_since: 复查",
    ),
    Planted(
        "one of two conditions without verifier",
        "工作",
        "WORK-003",
        ARRIVAL,
        "within: 48h}\n          actor: {not_since: 隔离}\n",
        "within: 48h}\n",
        "clock.isolation: done",
    ),
    Planted(
        "a way around the stage that counts",
        "工作",
        "WORK-003",
        EMERGENCY,
        "from: settled\n      to: closed",
        "from: [settled, responding]\n      to: closed",
        "not_since: 处置",
    ),
    Planted(
        "nobody else to verify",
        "工作",
        "WORK-002",
        ORGANISATION,
        "效能办督查乙, roles: [{role: inspector, unit: 效能办}]}",
        "效能办督查乙, roles: [{role: manager, unit: 党政办}]}",
        "by: inspector",
        ISSUE,
    ),
    Planted(
        "a role that nobody holds",
        "工作",
        "WORK-001",
        ORGANISATION,
        "role: transfer, unit: 转运专班",
        "role: site, unit: 转运专班",
        "by: transfer",
        CONTACT,
    ),
    Planted(
        "a role that reaches too little",
        "工作",
        "WORK-001",
        ORGANISATION,
        "部门经办, scope: involved",
        "部门经办, scope: owner",
        "by: officer",
        POSITIVE,
    ),
    Planted(
        "a step of those who may not",
        "工作",
        "WORK-001",
        VENUE,
        "from: [registered, active, shut]\n      to: removed\n      by: head",
        "from: [registered, active, shut]\n      to: removed\n      by: operator",
        "by: operator",
    ),
    Planted(
        "a unit without people for its own work",
        "工作",
        "WORK-001",
        ORGANISATION,
        "[{role: operator, unit: 新村菜市场管理方}]",
        "[{role: manager, unit: 党政办}]",
        "by: [officer, community_worker, head",
        ISSUE,
    ),
    Planted(
        "a task that no step registers",
        "工作",
        "WORK-001",
        CONTACT,
        "      task: visit\n",
        "",
        "visit: {title: 上门巡查",
    ),
    Planted(
        "a deadline since a stage that may be missed",
        "工作",
        "WORK-004",
        OPINION,
        "since: stage 查处",
        "since: stage 核销",
        "since: stage 核销",
    ),
    # 流程
    Planted(
        "a category that nobody lets go",
        "流程",
        "FLOW-003",
        PERSONS,
        "{category: 入境, lead: 社会事务部, supporting: [转运专班, 属地社区], workflow: arrival",
        "{category: 入境, lead: 社会事务部, supporting: [转运专班, 属地社区], workflow: close_contact",
        "title: 集中隔离医学观察",
        CONTACT,
    ),
    Planted("no way to close", "流程", "FLOW-003", SEIZURE, "to: closed", "to: disposed", "title: 待封存"),
    Planted("a state nobody reaches", "流程", "FLOW-004", LIAISON, "to: answered", "to: closed", "title: 已答复"),
    Planted(
        "a result with no way on",
        "流程",
        "FLOW-027",
        CONTACT,
        "{阳性: recheck, 可疑: recheck}",
        "{阳性: recheck}",
        "title: 核酸检测",
    ),
    Planted(
        "a result no longer only noted",
        "流程",
        "FLOW-027",
        FIELDS,
        "values: [正常, 发热], noted: 正常",
        "values: [正常, 发热]",
        "title: 测温",
        ARRIVAL,
    ),
    Planted(
        "a child that is never waited for",
        "流程",
        "FLOW-025",
        VENUE,
        "      when: {children: none_open}\n",
        "",
        "title: 注销",
    ),
    Planted(
        "a child whose case closes before it",
        "流程",
        "FLOW-025",
        POSITIVE,
        "    outlives: true",
        "    outlives: false",
        "title: 解除健康监测",
    ),
    Planted(
        "a second child that is not waited for", "流程", "FLOW-025", SEIZURE, "children: none_open, ", "", "title: 办结"
    ),
    Planted(
        "a step that sets itself off",
        "流程",
        "FLOW-024",
        REPORTING,
        "from: [running, ending]\n      to: returned\n      by: [officer, data]",
        LOOP,
        "title: 被退回",
    ),
    Planted(
        "a hand-over that nobody can accept",
        "流程",
        "FLOW-026",
        POSITIVE,
        "stage: 转运\n    owner: 转运专班",
        "stage: 转运\n    owner: 派出所",
        "to: 定点医院",
    ),
    Planted(
        "a hand-over that nobody can return",
        "流程",
        "RULE-029",
        PACK,
        "most_returns: 2",
        "most_returns: 0",
        "most_returns: 0",
    ),
    Planted(
        "released before the clock",
        "流程",
        "FLOW-014",
        POSITIVE,
        "        clock.recovery: done\n",
        "",
        "title: 解除健康监测",
    ),
    Planted(
        "planned where it cannot be done",
        "流程",
        "FLOW-021",
        CONTACT,
        "task: visit, while: [监测]",
        "task: visit, while: [监测, 隔离]",
        "visits: {title",
    ),
    Planted(
        "a result whose step asks for more",
        "流程",
        "FLOW-022",
        CONTACT,
        "to: rechecking\n      by: [site, community_worker, officer]\n",
        "to: rechecking\n      by: [site, community_worker, officer]\n      evidence: {proof: required}\n",
        "on_result",
    ),
    Planted(
        "a person led into the workflow of an information",
        "流程",
        "FLOW-028",
        PERSONS,
        "平安建设部], workflow: registration}\n      - id: P13",
        "平安建设部], workflow: clue}\n      - id: P13",
        "workflow: clue",
    ),
    # 措施
    Planted(
        "a clause that nothing carries out",
        "措施",
        "CLAUSE-006",
        CLAUSES,
        "        carried_by: [pack heping, role manager, role rules_approver]\n",
        "",
        "clause: 文头",
    ),
    Planted(
        "a measure that no plan asks for",
        "措施",
        "CLAUSE-007",
        VENUES,
        "外来人员登记报备]",
        "外来人员登记报备, 外来车辆登记]",
        "外来车辆登记]",
    ),
    Planted(
        "a measure misspelt",
        "措施",
        "CLAUSE-007",
        VENUES,
        "入场戴口罩, 清洁, 消毒]}",
        "入场戴口罩, 清洁, 消杀]}",
        "消杀]",
    ),
    Planted(
        "a plan for another measure",
        "措施",
        "CLAUSE-007",
        VENUE,
        "{decision.measures: 安康码扫码}",
        "{decision.measures: 二码联查}",
        "安康码扫码",
        VENUES,
    ),
    Planted(
        "checked by those who are checked",
        "措施",
        "CLAUSE-008",
        VENUE,
        "by: [community_worker, officer]\n      task: patrol",
        "by: [operator]\n      task: patrol",
        "patrol: {title: 每日巡查, task: patrol",
    ),
    Planted(
        "a vague word left open",
        "",
        "CLAUSE-004",
        TERMS,
        "owner: 社会事务部, binds: R034,",
        "owner: 社会事务部,",
        "及时送样",
        "rules/documents/heping-2022-12.txt",
    ),
    # 规则
    Planted("a gap", "规则", "RULE-024", VENUES, ", {issue_source: unknown}]", "]", "title: 问题整改责任"),
    Planted(
        "a gap from a day on",
        "规则",
        "RULE-024",
        INFOS,
        "      - id: I05\n",
        "      - id: I05\n        until: 2022-07-01\n",
        "until: 2022-07-01",
    ),
    Planted(
        "an overlap",
        "规则",
        "RULE-025",
        DUTIES,
        "when: {duty: 卫生周活动}",
        "when: {duty: [卫生周活动, 督查通报]}",
        "id: W03",
    ),
    Planted("an overlap of equal rank", "规则", "RULE-025", PERSONS, "priority: 140", "priority: 130", "id: P14"),
    Planted(
        "a shadowed rule",
        "规则",
        "RULE-041",
        PERSONS,
        P14,
        "        when: {floating: true, origin_level: none}\n",
        "id: P14",
    ),
    Planted(
        "a rule that never holds",
        "规则",
        "RULE-041",
        PERSONS,
        P13,
        P13.replace("none}", "{not: [high, medium, low, county, none]}}"),
        "id: P13",
    ),
    Planted(
        "a rule that is there twice",
        "规则",
        "RULE-042",
        PERSONS,
        "      - id: P14\n",
        TWIN + "      - id: P14\n",
        "id: P14",
    ),
    Planted(
        "a rule that contradicts another",
        "规则",
        "RULE-042",
        PERSONS,
        "      - id: P14\n",
        CONTRARY + "      - id: P14\n",
        "id: P14",
    ),
    Planted("days between a rule and its successor", "规则", "RULE-043", PERSONS, P13, SUCCESSOR, "until: 2022-06-01"),
    Planted(
        "a value that begins too late",
        "规则",
        "RULE-043",
        PARAMETERS,
        LOW,
        LOW.replace("2022-05-16,", "2022-06-01,"),
        "from: 2022-06-01",
    ),
    Planted(
        "a value abolished while in use",
        "规则",
        "RULE-043",
        PARAMETERS,
        "{from: 2022-06-28, value: 3, source",
        "{from: 2022-06-28, value: null, source",
        "value: null",
    ),
    Planted(
        "a value that nothing uses",
        "规则",
        "RULE-044",
        PERSONS,
        "days: fever_days",
        "days: discharged_days",
        "发热人员健康管理天数",
        PARAMETERS,
    ),
    Planted(
        "a term that nothing uses", "规则", "RULE-044", SUPERIOR, "within: 及时.反馈", "within: 24h", "及时.反馈", TERMS
    ),
]


def test_forty_and_more_are_planted_in_all_certificates() -> None:
    assert len({planted.what for planted in PLANTED}) == len(PLANTED) >= 40
    assert {planted.certificate for planted in PLANTED} == {"责任", "工作", "流程", "措施", "规则", ""}
    assert len({planted.code for planted in PLANTED}) >= 20


def test_nothing_is_found_in_the_shipped_pack(pack_files: dict[str, bytes]) -> None:
    examined = examine(pack_files)
    assert examined.problems == ()
    assert [one.certificate.name for one in examined.proved] == ["责任", "工作", "流程", "措施", "规则"]
    assert all(min(one.certificate.proved.values()) > 0 for one in examined.proved)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.what)
def test_a_planted_defect_is_found_at_a_line_to_be_changed(planted: Planted, pack_files: dict[str, bytes]) -> None:
    text = pack_files[planted.file].decode()
    assert planted.right in text
    files = pack_files | {planted.file: text.replace(planted.right, planted.wrong).encode()}
    examined = examine(files)
    where = planted.where or planted.file
    lines = files[where].decode().splitlines()
    if planted.certificate:
        found = next(one.problems for one in examined.proved if one.certificate.name == planted.certificate)
    else:
        found = examined.problems
    told = [problem for problem in found if problem.code == planted.code and problem.place.file == where]
    assert any(planted.line in lines[problem.place.line - 1] for problem in told), [str(problem) for problem in found]
    assert {problem.place for problem in told} <= {problem.place for problem in examined.problems}
    assert examined.book is None


def told_by_the_rules(files: dict[str, bytes]) -> list[str]:
    """What the last certificate says of a pack."""
    return [str(problem) for problem in examine(files).proved[-1].problems]


def test_all_values_that_lie_in_one_gap_are_named(pack_files: dict[str, bytes]) -> None:
    text = pack_files[VENUES].decode()
    for right, wrong in (
        ("gaps: default_owner  ", "gaps: refuse  "),
        ("{venue_type: [菜市场, 商场, 超市, 大型超市, 餐厅, 宾馆, 药房]}", "{venue_type: [菜市场]}"),
        ("{venue_type: [卫生医疗机构, 诊所]}", "{venue_type: [诊所]}"),
    ):
        assert right in text
        text = text.replace(right, wrong, 1)
    (told,) = told_by_the_rules(pack_files | {VENUES: text.encode()})
    assert (
        "没有规则覆盖，例如 场所类型=商场；换成这些也没有：场所类型=超市、大型超市、餐厅、宾馆、药房、卫生医疗机构、"
        in told
    )
    assert "最接近的：V1 要求 场所类型为 菜市场，现为 商场；V8 要求 场所类型为 酒店，现为 商场；" in told


def test_a_shadowed_rule_names_what_takes_its_place(pack_files: dict[str, bytes]) -> None:
    text = pack_files[PERSONS].decode()
    right = "        priority: 70\n        when: {origin_level: medium}\n"
    assert right in text
    text = text.replace(right, "        priority: 55\n        when: {origin_level: [high, medium]}\n", 1)
    (told,) = told_by_the_rules(pack_files | {PERSONS: text.encode()})
    assert "规则 P06 永远轮不到：规则 P07 先命中 — 例如 来源地风险等级=高风险；" in told


def test_an_example_of_two_rules_tells_only_what_matters(pack_files: dict[str, bytes]) -> None:
    ranked = pack_files[PERSONS].replace(b"priority: 50\n", b"priority: 30\n", 1)
    (told,) = told_by_the_rules(pack_files | {PERSONS: ranked})
    assert "规则 P03 与 规则 P05 会同时命中 — 例如 与病例关系=密切接触者，入境=是；" in told


@pytest.mark.parametrize(
    ("flow", "asked"),
    [(CONTACT, "          actor: {not_since: 隔离}\n"), (ARRIVAL, "          actor: {not_since: 隔离}\n")],
)
def test_whoever_does_as_a_missing_verifier_is_told_is_let_through(
    flow: str, asked: str, pack_files: dict[str, bytes]
) -> None:
    text = pack_files[flow].decode()
    before, after = text.split(asked, 1)
    told = [one.problems for one in examine(pack_files | {flow: (before + after).encode()}).proved]
    (problem,) = told[1]
    assert problem.code == "WORK-003"
    hint = problem.expected.removeprefix("在 when 里写 ")
    mended = f"{before}          {hint}\n{after}"
    assert not any(one.problems for one in examine(pack_files | {flow: mended.encode()}).proved)


def test_where_no_stage_is_on_every_way_a_missing_verifier_is_told_so(pack_files: dict[str, bytes]) -> None:
    text = pack_files[CONTACT].decode()
    before, after = text.split("          actor: {not_since: 隔离}\n", 1)
    before = "from: [quarantined, monitored]\n      to: released".join(
        before.rsplit("from: quarantined\n      to: released", 1)
    )
    told = [one.problems for one in examine(pack_files | {CONTACT: (before + after).encode()}).proved][1]
    assert any("监测、隔离 都不是必经的阶段：按来的环节分成几个动作" in problem.expected for problem in told)
