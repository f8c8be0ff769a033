"""What a pack may say of its subjects and their typed facts."""

from __future__ import annotations

from typing import Literal

from engine.core.conditions import TYPES
from engine.packs.models.base import File, Length, Model, Names, Number

Type = Literal["text", "enum", "integer", "number", "date", "time", "yes_no", "region", "unit", "file", "person_ref"]
if set(TYPES) != set(Type.__args__):  # type: ignore[attr-defined]
    raise AssertionError("the types of fields differ between the core and the models")


class FieldModel(Model):
    """A typed fact."""

    title: str
    type: Type
    values: list[str] | dict[str, str] = []
    min: Number | None = None
    max: Number | None = None
    pii: bool | None = None
    required: bool = False
    check: Literal["", "name", "cn_id", "phone"] = ""
    future: bool = False
    back: Length | None = None
    noted: Names = []


class SubjectModel(Model):
    """A kind of subject: its facts, the table that decides it, and what tells one from another."""

    title: str
    decided_by: str = ""
    completed_by: str = ""
    default_workflow: str = ""
    jurisdiction: str = ""
    identity: list[list[str]] = []
    listed: dict[str, str] = {}
    order: list[list[str]] = []
    anyone_opens: bool = False
    fields: dict[str, FieldModel]


class FieldsFile(File):
    """rules/fields.yaml: the typed facts of each kind of subject."""

    subjects: dict[str, SubjectModel]
