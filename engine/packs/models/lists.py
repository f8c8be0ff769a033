"""What a pack may say of the lists that come in: their senders, and reference lists."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.packs.models.base import Duration, File, Model, Names


class SourceModel(Model):
    """A sender of lists."""

    title: str = ""
    """来源的中文名"""
    subject: str
    """名单里是哪类对象"""
    known_person: Literal["link", "skip", "ask"]
    """已有案件的人：link 并入，skip 跳过，ask 请人核对"""
    required: list[str] = []
    """哪些列必须有"""
    order: list[list[str]] = []
    """先后：前一个日期不晚于后一个"""
    aliases: dict[str, list[str]] = {}
    """每个要素在这份名单里的表头叫法"""
    meanings: dict[str, dict[str, str]] = {}
    """名单里的词是什么意思"""
    split: dict[str, list[str]] = {}
    """一列里用 / 写着几个要素的，按次序是哪几个"""
    rejects: str
    """退回的行由哪个流程的事项跟到底"""
    silent_after: str = ""
    """多久没有名单就提醒：时长或定好的模糊词"""


class SourcesFile(File, title="名单的来源"):
    """rules/sources.yaml: spreadsheets as they come."""

    sources: dict[str, SourceModel]
    """名单的来源"""


class ColumnModel(Model):
    """A column of a reference list."""

    title: str
    """列的中文名"""
    type: Literal["text", "enum", "time", "date"]
    """列的类型：文字、选项、时间、日期"""
    values: list[str] = []
    """可以填的选项"""
    aliases: list[str] = []
    """别的表头叫法"""
    required: bool = False
    """必填"""


class RankModel(Model):
    """The column whose values are ranked, best first."""

    column: str
    """按哪一列排高低"""
    order: list[str]
    """从高到低"""


class FirstWithin(Model):
    """Listed for the first time within so many days after the day of the stay."""

    first_within: Duration
    """离开以后多少天内才列入的，也算"""


class StepModel(Model):
    """One step of matching a stay to the list."""

    how: str
    """这一步匹配上的叫什么"""
    same: Annotated[list[str], Field(min_length=1)]
    """哪些列要相同"""
    listed: Literal["on_day"] | FirstWithin
    """那天在列（on_day），或 {first_within: 时长} 以后多久内首次列入"""
    where: dict[str, Names] = {}
    """只看这些列是这些值的行"""
    level: str
    """给什么级别；highest 取最高的"""


class OtherwiseModel(Model):
    """What a stay is given that no step matched."""

    how: str
    """都没匹配上的叫什么"""
    level: str
    """都没匹配上的给什么级别"""


class ReferenceFile(File, title="参照表"):
    """rules/reference/*.yaml: a dated list and the ordered steps that match a stay to it."""

    reference: str
    """参照表的英文名"""
    title: str
    """参照表的中文名"""
    columns: dict[str, ColumnModel]
    """有哪些列"""
    valid: Annotated[list[str], Field(min_length=2, max_length=2)]
    """起止两列：从哪天起、到哪天止"""
    natural_key: list[str]
    """凭哪些列认出是同一行"""
    rank: RankModel
    """哪一列分高低"""
    stay: dict[str, str]
    """每一列对应旅居的哪个要素；until 是离开的日子"""
    match: Annotated[list[StepModel], Field(min_length=1)]
    """匹配的步骤，按次序"""
    otherwise: OtherwiseModel
    """都没匹配上怎么办"""
    gives: dict[str, Literal["level", "how", "current"]]
    """结果写进哪些要素：level 级别、how 怎样匹配的、current 现在的级别"""
