"""What a pack may say of a document as printed paper."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.packs.models.base import Cited, File, Model, Names


class PaperRowsModel(Model):
    """The table of a paper: what each line is, and its columns."""

    each: Literal["case", "overdue"]
    columns: Annotated[dict[str, str], Field(min_length=1)]


class PaperFile(File, Cited):
    """rules/papers/*.yaml: a document as printed paper."""

    paper: str
    title: str
    number: str
    of: Annotated[Names, Field(min_length=1)]
    by: Names
    states: Names = []
    when: dict[str, Any] = {}
    to: str = ""
    fields: dict[str, str] = {}
    body: list[str] = []
    rows: PaperRowsModel | None = None
    after: list[str] = []
    sign: list[str] = []
    seal: str
