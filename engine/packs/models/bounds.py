"""What a file of bounds may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.packs.models.base import Duration, File, Model, Names


class RangeModel(Model):
    """The least and the most that a parameter may be, whenever and in whatever profile."""

    least: Annotated[int, Field(strict=True, ge=0)] | None = None
    most: Annotated[int, Field(strict=True, ge=0)] | None = None


class OwnersModel(Model):
    """Who alone may own a state."""

    owner: Names


class DoersModel(Model):
    """Who alone may fire a transition."""

    by: Names


class WorkflowBoundsModel(Model):
    """Who may own states and fire transitions of a workflow, or those that end its cases in a certain way."""

    states: dict[str, OwnersModel] = {}
    transitions: dict[str, DoersModel] = {}
    final: dict[Literal["released", "transferred", "closed"], DoersModel] = {}


class BoundsFile(File):
    """What no pack may go beyond."""

    longest: Duration | None = None
    parameters: dict[str, RangeModel] = {}
    workflows: dict[str, WorkflowBoundsModel] = {}
