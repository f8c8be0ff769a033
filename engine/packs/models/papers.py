"""What a pack may say of a document as printed paper."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.packs.models.base import Cited, File, Model, Names


class PaperRowsModel(Model):
    """The table of a paper: what each line is, and its columns."""

    each: Literal["case", "overdue"]
    """每一行是什么：case 车上的案件，overdue 逾期的时限"""
    columns: Annotated[dict[str, str], Field(min_length=1)]
    """表头和每格的内容"""


class PaperFile(File, Cited, title="文书"):
    """rules/papers/*.yaml: a document as printed paper."""

    paper: str
    """文书的名字，也是打印出来的文件名"""
    title: str
    """印在纸上的标题"""
    number: str
    """文号里机关的代字"""
    of: Annotated[Names, Field(min_length=1)]
    """哪些流程的案件可以出；any 任何流程，trip 车次"""
    by: Names
    """哪些角色可以出、可以送达"""
    by_sight: bool = False
    """看得到案件的就可以出；只看、不办的人出的，不填个人信息"""
    by_others: bool = False
    """逾期的事归哪个单位办，那个单位的人就不能出；只用于 rows.each: overdue"""
    states: Names = []
    """案件在哪些环节才可以出；不写都可以"""
    when: dict[str, Any] = {}
    """什么条件成立才可以出"""
    to: str = ""
    """抬头写给谁"""
    fields: dict[str, str] = {}
    """开头的表：每格的名字和内容"""
    body: list[str] = []
    """正文，一段一条"""
    rows: PaperRowsModel | None = None
    """正文后的清单"""
    after: list[str] = []
    """清单后面的话"""
    sign: list[str] = []
    """签字的各行"""
    seal: str
    """盖谁的章"""
