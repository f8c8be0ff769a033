"""What a pack may say of decisions: its tables, and the cases that are always open."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.packs.models.base import Cited, Day, File, Model, When


class StandingModel(Model):
    """A case that is always open: what it is about, and what is known of it."""

    subject: str
    with_: dict[str, Any] = Field(alias="with")


class StandingFile(File):
    """rules/standing.yaml: the cases of which one is always open."""

    standing: list[StandingModel]


class RowModel(Cited):
    """A rule: when these facts hold, then this."""

    id: str
    priority: int = 0
    when: When = {}
    then: dict[str, Any]
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    note: str = ""


class TableModel(Model):
    """A decision table."""

    title: str
    hit_policy: Literal["unique", "priority", "collect"]
    gaps: Literal["refuse", "default_owner"] = "refuse"
    inputs: Annotated[list[str], Field(min_length=1)]
    rules: list[RowModel]


class TablesFile(File):
    """rules/*.yaml: decision tables."""

    tables: dict[str, TableModel]
