"""What a pack may say of the figures told upwards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.core.reports import COUNTS
from engine.packs.models.base import Cited, Duration, File, Model, Names


class FigureModel(Model):
    """A column of figures."""

    title: str
    count: Literal["all", "open", "opened", "closed", "overdue"]
    of: dict[str, Names] = {}


class ShownModel(Model):
    """A column of a list."""

    title: str
    show: str


class SheetModel(Model):
    """A page of a report: figures, or a list."""

    title: Annotated[str, Field(min_length=1)]
    of: dict[str, Names] = {}
    rows: str = ""
    total: str = ""
    columns: list[FigureModel] = []
    cases: Literal["all", "open", "opened", "closed", "overdue"] = "open"
    listed: Annotated[list[ShownModel], Field(alias="list")] = []


class ReportModel(Cited):
    """What is told upwards, to whom, over which period."""

    title: str
    to: str
    period: Duration
    sheets: Annotated[list[SheetModel], Field(min_length=1)]


class ReportsFile(File):
    """rules/reports.yaml: figures told upwards."""

    reports: dict[str, ReportModel]


if set(COUNTS) != {"all", "open", "opened", "closed", "overdue"}:
    raise AssertionError("what is counted differs between the core and the models")
