"""What rules/migration.yaml may say: what becomes of open cases when the rules change."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.packs.models.base import Cited, Day, File, Names, When


class MigrationModel(Cited):
    """What becomes of the open cases of a workflow when the rules change."""

    id: str
    """这一项的编号，只用一次"""
    reason: Annotated[str, Field(min_length=1)]
    """为什么这样办，会写进每个案件的经过"""
    from_: Day = Field(alias="from")
    """从哪一天起：这一天的数值、规则行对点到的案件有效"""
    workflow: str
    """哪个流程的案件"""
    states: Names = []
    """停在哪些环节的；不写就是所有环节"""
    when: When = {}
    """哪些案件：要素，或判定结果 decision.X；不写就是全部"""
    do: Literal["keep", "recompute", "move", "ask"]
    """怎么办：keep 照旧规则办完，recompute 按新规则重算，move 转到新环节并重算，ask 由责任单位决定"""
    moves: dict[str, str] = {}
    """do: move 用：旧环节到新环节"""


class MigrationFile(File, title="规则变动"):
    """rules/migration.yaml: one entry for each change of the rules and kind of case; old ones stay as history."""

    migration: list[MigrationModel]
    """规则变了，在办案件怎么办；旧的项留着作记录，不会再套用"""
