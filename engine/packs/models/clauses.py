"""What a pack may say of the documents it comes from, and of their wording."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.packs.models.base import Day, File, Model, Names

Words = Annotated[str, Field(min_length=1)]


class ClauseModel(Model):
    """A sentence of a document, and what carries it out, or why nothing does."""

    clause: Words
    quote: Words
    carried_by: Names = []
    waived: str = ""


class DocumentModel(Model):
    """An official document; its words stand in rules/documents/NAME.txt."""

    title: str
    number: str
    issuer: str
    issued: Day
    effective: Day | None = None
    superseded: Day | None = None
    headings: list[str] = []
    vague: list[str] = []
    owners: str = ""
    clauses: dict[str, ClauseModel]


class ClausesFile(File):
    """rules/clauses.yaml: the documents that rules come from, clause by clause."""

    documents: dict[str, DocumentModel]


class FindingModel(Model):
    """Something of the wording that a manager decides, or has decided."""

    what: str = ""
    clause: Names = []
    choices: list[str] = []
    decided: str = ""
    by: str = ""


class WordingFile(File):
    """rules/wording.yaml: words that mean the same, words that look alike, and what is left to decide."""

    aliases: dict[str, Names] = {}
    apart: list[Annotated[list[str], Field(min_length=2)]] = []
    categories: dict[str, Names] = {}
    findings: dict[str, FindingModel] = {}
