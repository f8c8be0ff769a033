"""What a file of bounds may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.packs.models.base import Duration, File, Model, Names


class RangeModel(Model):
    """The least and the most that a parameter may be, whenever and in whatever profile."""

    least: Annotated[int, Field(strict=True, ge=0)] | None = None
    """至少这么多；废止也算低于它"""
    most: Annotated[int, Field(strict=True, ge=0)] | None = None
    """至多这么多"""


class OwnersModel(Model):
    """Who alone may own a state."""

    owner: Names
    """只能归这些单位，照流程里的写法"""


class DoersModel(Model):
    """Who alone may fire a transition."""

    by: Names
    """只能由这些角色办"""


class WorkflowBoundsModel(Model):
    """Who may own states and fire transitions of a workflow, or those that end its cases in a certain way."""

    states: dict[str, OwnersModel] = {}
    """环节：只能归谁"""
    transitions: dict[str, DoersModel] = {}
    """动作：只能由谁办"""
    final: dict[Literal["released", "transferred", "closed"], DoersModel] = {}
    """凡是这样办结的动作，不论叫什么，只能由谁办"""


class BoundsFile(File, title="界限：任何规则包都不能超出的"):
    """What no pack may go beyond."""

    longest: Duration | None = None
    """时限、用语、延期之后的时限都不超过这么久，如 90d"""
    parameters: dict[str, RangeModel] = {}
    """参数：每个取值、每个日期、每种状态下的上下限"""
    workflows: dict[str, WorkflowBoundsModel] = {}
    """流程：谁能负责、谁能办"""
