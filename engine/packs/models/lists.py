"""What a pack may say of the lists that come in: their senders, and reference lists."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.packs.models.base import Duration, File, Model, Names


class SourceModel(Model):
    """A sender of lists."""

    title: str = ""
    subject: str
    known_person: Literal["link", "skip", "ask"]
    required: list[str] = []
    order: list[list[str]] = []
    aliases: dict[str, list[str]] = {}
    meanings: dict[str, dict[str, str]] = {}
    split: dict[str, list[str]] = {}
    rejects: str
    silent_after: str = ""


class SourcesFile(File):
    """rules/sources.yaml: spreadsheets as they come."""

    sources: dict[str, SourceModel]


class ColumnModel(Model):
    """A column of a reference list."""

    title: str
    type: Literal["text", "enum", "time", "date"]
    values: list[str] = []
    aliases: list[str] = []
    required: bool = False


class RankModel(Model):
    """The column whose values are ranked, best first."""

    column: str
    order: list[str]


class FirstWithin(Model):
    """Listed for the first time within so many days after the day of the stay."""

    first_within: Duration


class StepModel(Model):
    """One step of matching a stay to the list."""

    how: str
    same: Annotated[list[str], Field(min_length=1)]
    listed: Literal["on_day"] | FirstWithin
    where: dict[str, Names] = {}
    level: str


class OtherwiseModel(Model):
    """What a stay is given that no step matched."""

    how: str
    level: str


class ReferenceFile(File):
    """rules/reference/*.yaml: a dated list and the ordered steps that match a stay to it."""

    reference: str
    title: str
    columns: dict[str, ColumnModel]
    valid: Annotated[list[str], Field(min_length=2, max_length=2)]
    natural_key: list[str]
    rank: RankModel
    stay: dict[str, str]
    match: Annotated[list[StepModel], Field(min_length=1)]
    otherwise: OtherwiseModel
    gives: dict[str, Literal["level", "how", "current"]]
