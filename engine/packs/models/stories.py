"""What the example files of a pack may say: decisions, and whole cases told step by step."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.packs.models.base import Day, File, Model, Names


class ExampleModel(Model):
    """A decision as a manager would tell it."""

    name: str
    """例子的名字，一句话"""
    table: str
    """问哪张规则表"""
    as_of: Day
    """按哪一天的规则"""
    facts: dict[str, Any]
    """已知的要素"""
    expect: dict[str, Any]
    """应当判定成什么"""


class OpeningModel(Model):
    """How the case of a story opens."""

    at: str
    """什么时候立案：2022-05-26 08:00"""
    by: str
    """谁立案（账号）；system 由系统"""
    subject: str = ""
    """哪类对象；不写由规则看要素"""
    workflow: str = ""
    """进哪个流程；不写由规则定"""
    with_: dict[str, Any] = Field(default={}, alias="with")
    """立案时已知的要素"""


class ExpectModel(Model):
    """What a story says of its case after a step."""

    state: str = ""
    """应当在哪个环节"""
    owner: str = ""
    """应当归哪个单位"""
    category: str = ""
    """应当是什么类别"""
    workflow: str = ""
    """应当在哪个流程"""
    final: str = ""
    """应当怎样结束：released、transferred、closed"""
    due: dict[str, str | None] = {}
    """时限应当到什么时候；null 是没有这个时限"""
    count: dict[str, int] = {}
    """计时应当数到第几天"""
    planned: dict[str, list[str]] = {}
    """计划还有哪几次"""


class StoryStepModel(Model):
    """Somebody does something, and what comes of it."""

    at: str = ""
    """什么时候：day 14 08:00 或 2022-05-26 08:00；不写接着上一步"""
    by: str = ""
    """谁做（账号）"""
    do: str = ""
    """做哪个动作"""
    accept: bool = False
    """签收交来的案件"""
    correct: bool = False
    """更正要素"""
    with_: dict[str, Any] = Field(default={}, alias="with")
    """填的内容；时间可写 now"""
    told: dict[str, str] = {}
    """别的案件告诉它什么"""
    expect: ExpectModel = ExpectModel()
    """这一步以后应当怎样"""
    refused: Names = []
    """应当被拒绝：每条理由里有的话"""


class StoryModel(Model):
    """A whole case as a manager would tell it."""

    name: str
    """故事的名字，一句话"""
    open: OpeningModel
    """怎样立案"""
    expect: ExpectModel = ExpectModel()
    """立案后应当怎样"""
    steps: list[StoryStepModel] = []
    """一步一步发生的事"""


class ExamplesFile(File, title="例子和故事"):
    """rules/examples/*.yaml: decisions and whole cases as a manager would tell them."""

    examples: list[ExampleModel] = []
    """判定的例子"""
    stories: list[StoryModel] = []
    """整件案子的故事"""
