"""What a workflow file may say."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from engine.core.workflows import FINAL
from engine.packs.models.base import Cited, Duration, File, Model, Names, When, reads


def _clock(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('几点写作 "08:00"，加引号')
    return value


Clock = Annotated[str, PlainValidator(reads("RULE-027", _clock))]


class AllowanceModel(Model):
    """Who may put a deadline off, and by how much in all."""

    by: Names
    most: Duration


class DeadlineModel(Model):
    """A due time of a state."""

    name: str
    title: str
    within: str
    since: str
    ladder: str
    extend: AllowanceModel | None = None
    shelve: AllowanceModel | None = None


class ClockModel(Model):
    """A day count from the first anchor that is known, or from the end of another clock."""

    title: str
    anchor: Names = []
    after: str = ""
    day_zero: Literal["anchor", "next"] = "anchor"
    days: str
    minus: str = ""
    restarts_on: Names = []
    ends_when: dict[str, Any] = {}


class OpensModel(Model):
    """What a result opens: one of the children that this workflow declares."""

    open: str


class TaskModel(Model):
    """Work whose result counts."""

    title: str
    result: str
    at: str
    clock: str = ""
    on_result: dict[str, str | OpensModel] = {}
    within: str = ""
    ladder: str = ""
    skip_by: Names = []


class ScheduleModel(Model):
    """A task that recurs while the case is in one of the stages."""

    title: str
    task: str
    while_: Annotated[Names, Field(alias="while")]
    anchor: str = ""
    days: str = ""
    every: str = ""
    when: When = {}
    at: Annotated[list[Clock], Field(min_length=1)] = ["08:00"]


class HandOverModel(Model):
    """Offered by whoever holds the case, done when the receiver accepts."""

    to: str
    within: str
    ladder: str
    evidence: dict[str, Literal["required", "optional"]] = {}


class ChildModel(Model):
    """Cases that this one opens."""

    title: str
    subject: str
    from_: Names = Field(alias="from")
    by: Names
    sets: dict[str, Any] = {}
    carries: dict[str, str] = {}
    tells: list[str] = []
    outlives: bool = False


class PlaceModel(Model):
    """What a case takes up while it stands in a state."""

    site: str
    room: str
    shared_with: str = ""


class StateModel(Cited):
    """Where a case stands."""

    title: str
    stage: str
    owner: str = ""
    deadlines: list[DeadlineModel] = []
    final: Literal["", "released", "transferred", "closed"] = ""
    place: PlaceModel | None = None
    on_decision: str = ""
    verified_since: Names = []


if set(FINAL) != {"released", "transferred", "closed"}:
    raise AssertionError("the ends of cases differ between the core and the models")


class TransitionModel(Cited):
    """A verb people tap."""

    title: str
    from_: Names = Field(alias="from")
    to: str
    by: Names
    when: When = {}
    evidence: dict[str, Literal["required", "optional"]] = {}
    task: str = ""
    danger: bool = False
    hand_over: HandOverModel | None = None
    decides: bool = False
    adds: dict[str, str] = {}
    takes: dict[str, str] = {}
    opens: dict[str, dict[str, Any]] = {}


class WorkflowFile(File, Cited):
    """workflows/*.yaml: one case type."""

    workflow: str
    title: str
    subject: str
    initial: str
    stream: str = ""
    clocks: dict[str, ClockModel] = {}
    tasks: dict[str, TaskModel] = {}
    schedules: dict[str, ScheduleModel] = {}
    children: dict[str, ChildModel] = {}
    continues: dict[str, str] = {}
    states: Annotated[dict[str, StateModel], Field(min_length=1)]
    transitions: list[Annotated[dict[str, TransitionModel], Field(min_length=1, max_length=1)]]
