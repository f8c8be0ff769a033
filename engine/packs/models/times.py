"""What a pack may say of time: dated values, vague words bound, ladders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.core.workflows import LEVELS
from engine.packs.models.base import Cited, Day, Duration, File, Model, Names, Offset


class DatedModel(Cited):
    """A value from a date on; null: abolished."""

    from_: Day = Field(alias="from")
    value: Annotated[int, Field(strict=True, ge=0)] | list[Annotated[int, Field(strict=True, ge=0)]] | None


class ParameterModel(Model):
    """A dated value with its source."""

    title: str
    unit: Literal["minute", "hour", "day"]
    dated_by: str = ""
    values: Annotated[list[DatedModel], Field(min_length=1)]
    in_profile: dict[str, Annotated[list[DatedModel], Field(min_length=1)]] = {}


class ParametersFile(File):
    """rules/parameters.yaml: dated values."""

    parameters: dict[str, ParameterModel]


class TermModel(Model):
    """A vague word bound to a duration or a parameter, or waived with a reason, and where it stands in a document."""

    within: Duration | None = None
    parameter: str = ""
    binds: Names = []
    clause: str = ""
    owner: str = ""
    waived: str = ""
    in_profile: dict[str, Duration] = {}


class TermsFile(File):
    """rules/terms.yaml: each vague word of the document bound or waived."""

    terms: dict[str, TermModel]


class RungModel(Model):
    """One step of a ladder."""

    at: Offset
    level: Literal["提醒", "蓝", "黄", "红"]
    tell: str


if set(LEVELS) != set(RungModel.model_fields["level"].annotation.__args__):  # type: ignore[union-attr]
    raise AssertionError("the levels of rungs differ between the core and the models")


class ClimbModel(Model):
    """Who is told before, at and after the due time."""

    again: Duration
    rungs: Annotated[list[RungModel], Field(min_length=1)]


class LadderModel(ClimbModel):
    """A ladder, and how it is climbed in other profiles."""

    title: str
    in_profile: dict[str, ClimbModel] = {}


class LaddersFile(File):
    """rules/ladders.yaml: who is told what before, at and after a due time."""

    ladders: dict[str, LadderModel]
