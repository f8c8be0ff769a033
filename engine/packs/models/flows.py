"""What a workflow file may say."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from engine.core.workflows import FINAL
from engine.packs.models.base import Cited, Duration, File, Model, Names, When, reads


def _clock(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('几点写作 "08:00"，加引号')
    return value


Clock = Annotated[
    str,
    PlainValidator(reads("RULE-027", _clock)),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]


class AllowanceModel(Model):
    """Who may put a deadline off, and by how much in all."""

    by: Names
    """哪些角色可以"""
    most: Duration
    """一共最多多久"""


class DeadlineModel(Model):
    """A due time of a state."""

    name: str
    """时限的英文名"""
    title: str
    """时限的中文名"""
    within: str
    """多久以内：时长（2h）、参数名或定好的模糊词"""
    since: str
    """从什么时候算：opened、state、stage 名、fact 名、clock 名"""
    ladder: str
    """到期前后按哪个催办阶梯"""
    extend: AllowanceModel | None = None
    """谁可以延期，一共延多久"""
    shelve: AllowanceModel | None = None
    """谁可以挂账（暂不催办），一共多久"""
    opens: str = ""
    """到了催办的一级就自动开哪种子案件"""


class ClockModel(Model):
    """A day count from the first anchor that is known, or from the end of another clock."""

    title: str
    """计时的中文名"""
    anchor: Names = []
    """从哪个日期数起，前面的优先"""
    after: str = ""
    """接在哪个计时之后"""
    day_zero: Literal["anchor", "next"] = "anchor"
    """第 0 天：anchor 当天，next 次日"""
    days: str
    """数几天：参数名，或 decision.X（判定给的）"""
    minus: str = ""
    """哪个要素写着已在别处满的天数（补足）"""
    restarts_on: Names = []
    """哪些日期使它从头数起"""
    ends_when: dict[str, Any] = {}
    """什么成立就提前结束"""


class OpensModel(Model):
    """What a result opens: one of the children that this workflow declares."""

    open: str
    """开哪一种子案件"""


class TaskModel(Model):
    """Work whose result counts."""

    title: str
    """任务的中文名"""
    result: str
    """结果填在哪个要素"""
    at: str
    """做的时间填在哪个要素"""
    clock: str = ""
    """第几天按哪个计时数"""
    on_result: dict[str, str | OpensModel] = {}
    """出了某个结果就做某个动作，或 {open: 子案件}"""
    within: str = ""
    """到点以后多久以内要做：时长或定好的模糊词"""
    ladder: str = ""
    """按哪个催办阶梯"""
    skip_by: Names = []
    """哪些角色可以写明理由免做"""


class ScheduleModel(Model):
    """A task that recurs while the case is in one of the stages."""

    title: str
    """计划的中文名"""
    task: str
    """要做哪个任务"""
    while_: Annotated[Names, Field(alias="while")]
    """在哪些阶段里做"""
    anchor: str = ""
    """按哪个计时的第几天：clock 名"""
    days: str = ""
    """哪几天：参数名或 decision.X"""
    every: str = ""
    """隔几天一次：整天的时长、参数名或定好的模糊词"""
    when: When = {}
    """只有这些条件成立的案件才做"""
    at: Annotated[list[Clock], Field(min_length=1)] = ["08:00"]
    """每天几点做，加引号：“08:00”"""
    in_profile: dict[str, Annotated[list[Clock], Field(min_length=1)]] = {}
    """别的状态下每天几点做：{急: ["08:00", "16:00"]}"""


class HandOverModel(Model):
    """Offered by whoever holds the case, done when the receiver accepts."""

    to: str
    """交给谁：单位、属地社区或 fact 名"""
    within: str
    """多久以内要签收"""
    ladder: str
    """没有签收按哪个催办阶梯"""
    evidence: dict[str, Literal["required", "optional"]] = {}
    """签收的人要填什么：required 必填，optional 可填"""


class ChildModel(Model):
    """Cases that this one opens."""

    title: str
    """子案件的中文名"""
    subject: str
    """子案件的对象"""
    from_: Names = Field(alias="from")
    """在哪些环节可以开"""
    by: Names
    """哪些角色可以开"""
    sets: dict[str, Any] = {}
    """开的时候就填上什么"""
    carries: dict[str, Names] = {}
    """从本案带过去的要素；owner、lead 是本案的责任、牵头单位"""
    tells: list[str] = []
    """哪些任务的结果告诉子案件"""
    outlives: bool = False
    """本案办结时，子案件可以还开着"""
    several: bool = False
    """动作写了 opens 的，已有一件在办也再开一件"""


class PlaceModel(Model):
    """What a case takes up while it stands in a state."""

    site: str
    """哪个要素写着地点（单位）"""
    room: str
    """哪个要素写着房间"""
    shared_with: str = ""
    """哪个要素写着同住的人"""


class StateModel(Cited):
    """Where a case stands."""

    title: str
    """环节的中文名"""
    stage: str
    """属于哪个阶段"""
    owner: str = ""
    """责任单位：单位名、lead（牵头单位）、属地社区或 fact 名"""
    deadlines: list[DeadlineModel] = []
    """这个环节的时限"""
    final: Literal["", "released", "transferred", "closed"] = ""
    """到此为止：released 解除、transferred 移交、closed 办结"""
    place: PlaceModel | None = None
    """占用哪里的一个房间"""
    on_decision: str = ""
    """在这里重新判定后做哪个动作"""
    verified_since: Names = []
    """到这里必须已有人在哪些阶段以后核实过"""
    opens: dict[str, dict[str, Any]] = {}
    """停在这里时，什么成立就总有一件哪种子案件在办"""


class MoveModel(Model):
    """What a step does to other cases: a step of theirs, and what is filled in there."""

    of: str
    """办谁的：parents（上级案件）或一种对象"""
    with_: dict[str, str] = Field(default={}, alias="with")
    """那里的要素填本案的什么：要素、owner、lead 或 case（本案编号）"""
    each: str = ""
    """判定的哪个结果列出要哪些、各多少"""
    by: str = ""
    """对方的哪个要素说它是哪一样"""
    amount: str = ""
    """数量填进对方的哪个要素"""
    first: str = ""
    """同一样有几件，对方的哪个要素小的先"""
    up_to: str = ""
    """每件至多要这个要素那么多，其余归最后一件"""


if set(FINAL) != {"released", "transferred", "closed"}:
    raise AssertionError("the ends of cases differ between the core and the models")


class TransitionModel(Cited):
    """A verb people tap."""

    title: str
    """动作的中文名"""
    from_: Names = Field(alias="from")
    """从哪些环节"""
    to: str
    """到哪个环节；same 不动，previous 退回来处"""
    by: Names
    """哪些角色可以做；system 由系统做"""
    of: Names = []
    """只由哪些单位的人做：owner（正在负责的）、lead（牵头）、属地社区、单位名、fact 要素；不写就是角色管得到的"""
    when: When = {}
    """什么条件成立才可以"""
    evidence: dict[str, Literal["required", "optional"]] = {}
    """要填什么：required 必填，optional 可填"""
    task: str = ""
    """填的是哪个任务的结果"""
    danger: bool = False
    """不能收回的动作，界面上标明"""
    hand_over: HandOverModel | None = None
    """要对方签收才算做完"""
    decides: bool = False
    """做完按新的要素重新判定"""
    adds: dict[str, str] = {}
    """哪个数加上这次填的数"""
    takes: dict[str, str] = {}
    """哪个数减去这次填的数"""
    opens: dict[str, dict[str, Any]] = {}
    """什么成立就自动开哪种子案件"""
    moves: dict[str, MoveModel] = {}
    """一并办别的案件的哪个动作，办不成就都不办"""


class WorkflowFile(File, Cited, title="流程"):
    """workflows/*.yaml: one case type."""

    workflow: str
    """流程的英文名"""
    title: str
    """流程的中文名"""
    subject: str
    """办的是哪类对象"""
    initial: str
    """从哪个环节开始"""
    stream: str = ""
    """报表里归在哪一类，如 外防输入"""
    clocks: dict[str, ClockModel] = {}
    """计时：数天数"""
    tasks: dict[str, TaskModel] = {}
    """任务：结果要紧的工作"""
    schedules: dict[str, ScheduleModel] = {}
    """计划：按天重复的任务"""
    children: dict[str, ChildModel] = {}
    """本流程的案件可以开的子案件"""
    continues: dict[str, str] = {}
    """别的流程转来的案件，在那边哪个阶段、到这边从哪个环节开始"""
    states: Annotated[dict[str, StateModel], Field(min_length=1)]
    """环节"""
    transitions: list[Annotated[dict[str, TransitionModel], Field(min_length=1, max_length=1)]]
    """动作，一条一个"""
