"""What a pack may say of decisions: its tables, and the cases that are always open."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.packs.models.base import Cited, Day, File, Model, When


class StandingModel(Model):
    """A case that is always open: what it is about, and what is known of it."""

    subject: str
    """哪类对象"""
    with_: dict[str, Any] = Field(alias="with")
    """认得出它的要素"""


class StandingFile(File, title="常设工作"):
    """rules/standing.yaml: the cases of which one is always open."""

    standing: list[StandingModel]
    """一直开着一件的案件（常设工作）"""


class RowModel(Cited):
    """A rule: when these facts hold, then this."""

    id: str
    """规则的编号"""
    priority: int = 0
    """priority 表里的先后，小的先；同级不得重叠"""
    when: When = {}
    """什么要素成立；空着就是任何"""
    then: dict[str, Any]
    """判定成什么：类别、牵头和配合单位、流程等"""
    from_: Day | None = Field(default=None, alias="from")
    """从哪一天起有效"""
    until: Day | None = None
    """到哪一天止，那一天不算"""
    note: str = ""
    """给人看的说明"""


class TableModel(Model):
    """A decision table."""

    title: str
    """规则表的中文名"""
    hit_policy: Literal["unique", "priority", "collect"]
    """命中策略：unique 只许一条命中，priority 按先后，collect 全部相加"""
    gaps: Literal["refuse", "default_owner"] = "refuse"
    """没有规则覆盖时：refuse 不许有这种情况，default_owner 归兜底单位"""
    inputs: Annotated[list[str], Field(min_length=1)]
    """看哪些要素"""
    rules: list[RowModel]
    """规则，一行一条"""


class TablesFile(File, title="规则表"):
    """rules/*.yaml: decision tables."""

    tables: dict[str, TableModel]
    """规则表"""
