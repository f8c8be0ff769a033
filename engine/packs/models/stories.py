"""What the example files of a pack may say: decisions, and whole cases told step by step."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.packs.models.base import Day, File, Model, Names


class ExampleModel(Model):
    """A decision as a manager would tell it."""

    name: str
    table: str
    as_of: Day
    facts: dict[str, Any]
    expect: dict[str, Any]


class OpeningModel(Model):
    """How the case of a story opens."""

    at: str
    by: str
    subject: str = ""
    workflow: str = ""
    with_: dict[str, Any] = Field(default={}, alias="with")


class ExpectModel(Model):
    """What a story says of its case after a step."""

    state: str = ""
    owner: str = ""
    category: str = ""
    workflow: str = ""
    final: str = ""
    due: dict[str, str | None] = {}
    count: dict[str, int] = {}
    planned: dict[str, list[str]] = {}


class StoryStepModel(Model):
    """Somebody does something, and what comes of it."""

    at: str = ""
    by: str = ""
    do: str = ""
    accept: bool = False
    correct: bool = False
    with_: dict[str, Any] = Field(default={}, alias="with")
    told: dict[str, str] = {}
    expect: ExpectModel = ExpectModel()
    refused: Names = []


class StoryModel(Model):
    """A whole case as a manager would tell it."""

    name: str
    open: OpeningModel
    expect: ExpectModel = ExpectModel()
    steps: list[StoryStepModel] = []


class ExamplesFile(File):
    """rules/examples/*.yaml: decisions and whole cases as a manager would tell them."""

    examples: list[ExampleModel] = []
    stories: list[StoryModel] = []
