"""What a pack may say of the documents it comes from, and of their wording."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.packs.models.base import Day, File, Model, Names

Words = Annotated[str, Field(min_length=1)]


class ClauseModel(Model):
    """A sentence of a document, and what carries it out, or why nothing does."""

    clause: Words
    """文件里的标题或编号，如 二（一）2"""
    quote: Words
    """原文照抄，空格和换行不计"""
    carried_by: Names = []
    """由规则包里的什么落实，写“种类 名字”，如 rule persons.P03；种类就是它所在的那一节"""
    waived: str = ""
    """不由软件做的，写理由"""


class DocumentModel(Model):
    """An official document; its words stand in rules/documents/NAME.txt."""

    title: str
    """文件的标题"""
    number: str
    """文号"""
    issuer: str
    """谁发的"""
    issued: Day
    """哪一天发的"""
    effective: Day | None = None
    """哪一天起生效；不写就是发的那天"""
    superseded: Day | None = None
    """哪一天起被别的文件代替"""
    headings: list[str] = []
    """只是标题、不是条款的行"""
    vague: list[str] = []
    """要定下来的模糊词，如 及时"""
    owners: str = ""
    """原文里哪几个字后面的括号列着责任单位，如 责任单位"""
    clauses: dict[str, ClauseModel]
    """逐句的条款，按原文的次序"""


class ClausesFile(File, title="依据的文件，逐句"):
    """rules/clauses.yaml: the documents that rules come from, clause by clause."""

    documents: dict[str, DocumentModel]
    """规则所依据的文件；原文放在 rules/documents/名字.txt"""


class FindingModel(Model):
    """Something of the wording that a manager decides, or has decided."""

    what: str = ""
    """要定的是什么"""
    clause: Names = []
    """牵涉哪些条款"""
    choices: list[str] = []
    """可以怎么定"""
    decided: str = ""
    """已经定了什么；没有定就不写"""
    by: str = ""
    """谁定的"""


class WordingFile(File, title="用词"):
    """rules/wording.yaml: words that mean the same, words that look alike, and what is left to decide."""

    aliases: dict[str, Names] = {}
    """同义词：规则里的词，和别人也会用的叫法"""
    apart: list[Annotated[list[str], Field(min_length=2)]] = []
    """看着像、其实不是一回事的词，一组一行"""
    categories: dict[str, Names] = {}
    """规则里的类别，和文件里对它的叫法"""
    findings: dict[str, FindingModel] = {}
    """文件没有说清、要人定的事"""
