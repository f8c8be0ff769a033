"""What the keys of a pack, and the names that stand under them, are called where people read of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.migrations import DECISION
from engine.core.migrations import WORDS as ACTIONS
from engine.core.org import FACT, LEAD, LEAD_HEAD, LEADER, OWNER, SYSTEM, UNIT_HEAD

KEYS = {
    "accept": "签收", "adds": "加到哪个数", "after": "接在…之后", "again": "知悉后多久再催", "aliases": "别的叫法",
    "amount": "数量", "anchor": "起算要素", "anyone_opens": "人人可立案", "apart": "不是一回事的词",
    "arbiter": "裁定单位", "as_of": "按哪一天", "at": "时间", "authority": "发布单位", "back": "最多早多久",
    "backdate": "更正期限", "binds": "定哪一处", "body": "正文", "by": "谁办", "by_others": "别的单位出",
    "by_sight": "看得到就能出", "carried_by": "由什么落实",
    "carries": "带过去的要素", "cases": "列哪些案件", "categories": "类别的叫法", "category": "类别", "check": "核对",
    "children": "名下案件", "choices": "可选", "clause": "条款", "clauses": "条款", "clock": "计时", "clocks": "计时",
    "column": "列", "columns": "各列", "communities": "包联社区", "completed_by": "补齐的规则表",
    "continues": "转来从哪接着办", "correct": "更正", "count": "计数", "danger": "不能收回",
    "dated_by": "按哪个日期取值", "day_zero": "第 0 天", "days": "天数", "deadlines": "时限", "decided": "已定",
    "decided_by": "判定的规则表", "decides": "办完重新判定", "default_owner": "默认责任单位",
    "default_workflow": "默认流程", "do": "怎么办", "document": "文件", "documents": "文件", "due": "应到时限",
    "duty_phone": "值班电话", "each": "逐项", "effective": "生效日", "ends_when": "提前结束", "every": "隔多久",
    "evidence": "佐证", "examples": "例子", "expect": "应当", "extend": "延期", "facts": "要素", "fields": "要素",
    "final": "办结", "findings": "要人定的事", "first": "先取哪一件", "first_within": "多久内首次列入",
    "following": "照旧时也跟着换的流程",
    "formerly": "原名", "from": "从", "future": "可在以后", "gaps": "没有覆盖时", "gives": "结果写进",
    "hand_over": "交接", "head": "第一责任人", "headings": "标题行", "hit_policy": "命中方式", "how": "叫什么",
    "id": "编号", "identity": "凭什么认出", "in_profile": "别的状态下", "initial": "起始环节", "inputs": "输入",
    "issued": "发文日", "issuer": "发文单位", "jurisdiction": "属地要素", "kind": "种类",
    "known_person": "已有案件的人", "ladder": "阶梯", "ladders": "催办阶梯", "lead": "牵头", "leaders": "领导",
    "level": "级别", "list": "清单的列", "listed": "列出", "match": "匹配步骤", "matter": "事项流程", "max": "最大",
    "may": "权限", "meanings": "词的意思", "migration": "规则变动", "min": "最小", "minus": "减去已满", "most": "上限",
    "most_returns": "最多退回", "moves": "转到", "name": "名字", "natural_key": "认出同一行的列", "note": "说明",
    "noted": "只作记录", "number": "文号", "of": "哪些单位", "on_decision": "判定引出", "on_result": "结果引出",
    "open": "立案", "open_cases": "已开的案件", "opens": "自动开案", "order": "先后", "otherwise": "都没匹配上",
    "outlives": "可晚于本案办结", "own": "可出本单位那份的角色", "owner": "责任单位",
    "owners": "责任单位的标志词", "pack": "规则包", "paper": "文书",
    "parameter": "参数", "parameters": "参数", "parent": "上级单位", "period": "周期", "pii": "个人信息",
    "place": "占用地点", "places": "床位", "plan_ahead": "提前多久生成", "planned": "还有哪几次", "priority": "次序",
    "profiles": "平时与急时", "quote": "原文", "rank": "高低", "reason": "理由", "reference": "参照表",
    "refused": "应被拒绝", "rejects": "退回行的流程", "reports": "报表", "required": "必填", "restarts_on": "从头数起",
    "result": "结果要素", "role": "角色", "roles": "角色", "room": "房间", "rows": "行", "rules": "规则",
    "rungs": "级", "same": "要相同的列", "schedules": "计划", "schema": "写法版本", "scope": "能办哪些案件",
    "seal": "章", "sees": "能看哪些案件", "several": "可同时开几件",
    "sent_by": "由谁报", "sets": "填上", "shared_with": "同住的人", "sheets": "工作表", "shelve": "挂账",
    "show": "显示",
    "sign": "签字", "silent_after": "多久没有就提醒", "since": "起算", "site": "地点", "skip_by": "谁可免做",
    "source": "来源", "sources": "来源", "split": "拆分", "staff": "人员", "stage": "阶段", "standing": "常设工作",
    "state": "环节", "states": "环节", "stay": "旅居要素", "steps": "步骤", "stories": "故事", "stream": "报表归类",
    "subject": "对象", "subjects": "对象", "superseded": "代替日", "supporting": "配合", "table": "规则表",
    "tables": "规则表", "takes": "减去哪个数", "task": "任务", "tasks": "任务", "tell": "告知", "tells": "结果告诉",
    "terms": "用语", "then": "结果", "timezone": "时区", "title": "名称", "to": "到", "told": "被告知",
    "total": "合计", "transitions": "动作", "type": "类型", "unit": "单位", "units": "单位", "until": "至",
    "up_to": "至多", "vague": "模糊词", "valid": "起止列", "value": "值", "values": "取值",
    "verified_since": "须核实过", "waived": "不做的理由", "what": "内容", "when": "条件", "where": "只看哪些行",
    "while": "所在阶段", "with": "填写", "within": "多久", "workflow": "流程",
}  # fmt: skip
"""Every key that a pack may have."""
_OPTIONS = {
    "do": ACTIONS,
    "evidence": {"required": "必填", "optional": "选填"},
    "open_cases": {"keep": "照旧", "follow": "跟着换"},
    "hit_policy": {"unique": "只许一条命中", "priority": "按先后", "collect": "全部相加"},
    "gaps": {"refuse": "不许", "default_owner": "归默认责任单位"},
    "since": {"opened": "立案", "state": "进入本环节"},
}
_UNITS = {
    OWNER: "责任单位",
    LEAD: "牵头单位",
    UNIT_HEAD: "责任单位第一责任人",
    LEAD_HEAD: "牵头单位第一责任人",
    LEADER: "分管领导",
}
_STATES = frozenset({"states", "from", "to", "initial", "moves"})
_PARAMETERS = frozenset({"within", "days", "parameter", "tests"})
_ROLES = frozenset({"by", "skip_by", "role"})
_HELD_BY = frozenset({"of", "owner", "tell", "to"})


class Names:
    """The titles of what some packs name: workflows, their states, parameters, facts, roles."""

    def __init__(self, files: Iterable[Mapping[str, Any]]) -> None:
        self.flows: dict[str, str] = {}
        self.states: dict[tuple[str, str], str] = {}
        self.parameters: dict[str, str] = {}
        self.facts: dict[str, str] = {}
        self.roles: dict[str, str] = {SYSTEM: "系统"}
        for file in files:
            flow = str(file.get("workflow", ""))
            if flow:
                self.flows[flow] = str(file.get("title", flow))
            self.states |= {(flow, name): title for name, title in _titles(file.get("states"))}
            self.parameters |= dict(_titles(file.get("parameters")))
            self.roles |= dict(_titles(file.get("roles")))
            subjects = file.get("subjects")
            for kind in subjects.values() if isinstance(subjects, dict) else ():
                self.facts |= dict(_titles(kind.get("fields") if isinstance(kind, dict) else None))

    def key(self, key: str, under: str) -> str:
        """A key in words; a state or a fact by its title, any other that no pack defines speaks for itself."""
        if under == "evidence" and key in self.facts:
            return self.facts[key]
        if key.startswith(DECISION):
            return f"判定的{self.key(key.removeprefix(DECISION), under)}"
        return KEYS.get(key) or self.facts.get(key, key)

    def value(self, word: str, under: str, flow: str) -> str:
        """What stands under a key, in words."""
        if under in _STATES and (flow, word) in self.states:
            return self.states[flow, word]
        if under == "workflow":
            return self.flows.get(word, word)
        if under in _PARAMETERS and word in self.parameters:
            return self.parameters[word]
        if under in _ROLES:
            return self.roles.get(word, word)
        if under in _HELD_BY:
            fact = word.removeprefix(FACT)
            return f"“{self.facts.get(fact, fact)}”所写的单位" if fact != word else _UNITS.get(word, word)
        return _OPTIONS.get(under, {}).get(word, word)


def _titles(named: Any) -> Iterable[tuple[str, str]]:
    """Name → title of a section that holds named things."""
    if not isinstance(named, dict):
        return ()
    return ((name, str(of["title"])) for name, of in named.items() if isinstance(of, dict) and "title" in of)
