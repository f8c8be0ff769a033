"""What a pack may say of time: dated values, vague words bound, ladders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.core.workflows import LEVELS
from engine.packs.models.base import Cited, Day, Duration, File, Model, Names, Offset


class DatedModel(Cited):
    """A value from a date on; null: abolished."""

    from_: Day = Field(alias="from")
    """从哪一天起"""
    value: Annotated[int, Field(strict=True, ge=0)] | list[Annotated[int, Field(strict=True, ge=0)]] | None
    """整数，或 [1, 4, 7, 14]；null 是取消"""


class ParameterModel(Model):
    """A dated value with its source."""

    title: str
    """参数的中文名"""
    unit: Literal["minute", "hour", "day"]
    """单位：minute 分钟、hour 小时、day 天"""
    dated_by: str = ""
    """按哪个要素的日期取值；不写按立案日"""
    values: Annotated[list[DatedModel], Field(min_length=1)]
    """各个时期的值，日期从早到晚"""
    in_profile: dict[str, Annotated[list[DatedModel], Field(min_length=1)]] = {}
    """在别的状态（如急时）下的值"""


class ParametersFile(File, title="有日期、有出处的数值"):
    """rules/parameters.yaml: dated values."""

    parameters: dict[str, ParameterModel]
    """有日期、有出处的数值"""


class TermModel(Model):
    """A vague word bound to a duration or a parameter, or waived with a reason, and where it stands in a document."""

    within: Duration | None = None
    """定成多久：时长"""
    parameter: str = ""
    """或者用哪个参数"""
    binds: Names = []
    """定的是哪一条里的哪一处，如 R019.2 是第二处"""
    clause: str = ""
    """出自哪一条"""
    owner: str = ""
    """谁定的（单位）"""
    waived: str = ""
    """不定时限的理由"""
    in_profile: dict[str, Duration] = {}
    """在别的状态（如急时）下多久"""


class TermsFile(File, title="模糊词定成的时限"):
    """rules/terms.yaml: each vague word of the document bound or waived."""

    terms: dict[str, TermModel]
    """文件里的模糊词，逐处定成时限"""


class RungModel(Model):
    """One step of a ladder."""

    at: Offset
    """到期前 -30m、到期时 0、到期后 +2h"""
    level: Literal["提醒", "蓝", "黄", "红"]
    """显示的级别"""
    tell: str
    """告诉谁：owner 责任单位、unit.head 其第一责任人、lead 牵头单位、lead.head 其负责人、leader 分管领导，或单位名"""


if set(LEVELS) != set(RungModel.model_fields["level"].annotation.__args__):  # type: ignore[union-attr]
    raise AssertionError("the levels of rungs differ between the core and the models")


class ClimbModel(Model):
    """Who is told before, at and after the due time."""

    again: Duration
    """知悉以后多久没有办就接着催"""
    rungs: Annotated[list[RungModel], Field(min_length=1)]
    """各级，按时间先后"""


class LadderModel(ClimbModel):
    """A ladder, and how it is climbed in other profiles."""

    title: str
    """催办阶梯的中文名"""
    in_profile: dict[str, ClimbModel] = {}
    """在别的状态（如急时）下怎样催"""


class LaddersFile(File, title="催办阶梯"):
    """rules/ladders.yaml: who is told what before, at and after a due time."""

    ladders: dict[str, LadderModel]
    """催办阶梯：到期前后各告诉谁"""
