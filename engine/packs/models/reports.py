"""What a pack may say of the figures told upwards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.core.reports import COUNTS
from engine.packs.models.base import Cited, Duration, File, Model, Names


class FigureModel(Model):
    """A column of figures."""

    title: str
    """这一列的名字"""
    count: Literal["all", "open", "opened", "closed", "overdue"]
    """数什么：all 全部、open 在办、opened 新立、closed 办结、overdue 逾期"""
    of: dict[str, Names] = {}
    """只数这些案件"""


class ShownModel(Model):
    """A column of a list."""

    title: str
    """这一列的名字"""
    show: str
    """显示什么：case、opened_at、due，或案件的一个词、fact.名"""


class SheetModel(Model):
    """A page of a report: figures, or a list."""

    title: Annotated[str, Field(min_length=1)]
    """工作表的名字"""
    of: dict[str, Names] = {}
    """只要这些案件"""
    rows: str = ""
    """按什么分行：案件的一个词，如 category"""
    total: str = ""
    """合计那一行叫什么；不写就没有"""
    columns: list[FigureModel] = []
    """数字的各列"""
    cases: Literal["all", "open", "opened", "closed", "overdue"] = "open"
    """清单里列哪些案件"""
    listed: Annotated[list[ShownModel], Field(alias="list")] = []
    """清单的各列"""


class ReportModel(Cited):
    """What is told upwards, to whom, over which period."""

    title: str
    """报表的中文名"""
    to: str
    """报给哪个单位"""
    sent_by: Names = []
    """由哪些单位报：这些单位的人可以出整份；有权限 export 的照权限"""
    own: Names = []
    """哪些角色可以出自己看得到的案件的那一份：本单位的，或全部的"""
    period: Duration
    """一期多长"""
    sheets: Annotated[list[SheetModel], Field(min_length=1)]
    """各工作表"""


class ReportsFile(File, title="上报的报表"):
    """rules/reports.yaml: figures told upwards."""

    reports: dict[str, ReportModel]
    """上报的报表"""


if set(COUNTS) != {"all", "open", "opened", "closed", "overdue"}:
    raise AssertionError("what is counted differs between the core and the models")
