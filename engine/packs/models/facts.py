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
    """中文名"""
    type: Type
    """要素的类型：文字、选项、整数、小数、日期、时间、是否、地区、单位、附件、案件里的人"""
    values: list[str] | dict[str, str] = []
    """可以填的选项：[甲, 乙]，或 {英文名: 中文名}"""
    min: Number | None = None
    """最小的数"""
    max: Number | None = None
    """最大的数"""
    pii: bool | None = None
    """是不是个人信息：true 的加密存放，规则不能用；文字必须写明"""
    required: bool = False
    """立案时必填"""
    check: Literal["", "name", "cn_id", "phone"] = ""
    """怎样核对：姓名 name、身份证号 cn_id、电话 phone"""
    future: bool = False
    """日期或时间可以在以后"""
    back: Length | None = None
    """手工填的日期或时间最多比立案早多久"""
    noted: Names = []
    """规则和流程都不用、只是记下来的：为了什么"""


class SubjectModel(Model):
    """A kind of subject: its facts, the table that decides it, and what tells one from another."""

    title: str
    """这一类对象的中文名"""
    decided_by: str = ""
    """由哪张规则表判定"""
    completed_by: str = ""
    """再由哪张 collect 表把措施等补齐"""
    default_workflow: str = ""
    """没有规则覆盖时进哪个流程；不写就用规则包的"""
    jurisdiction: str = ""
    """哪个要素写着属地社区"""
    identity: list[list[str]] = []
    """凭哪几个要素认出是同一个，几组里任一组全同就是"""
    listed: dict[str, str] = {}
    """清单里显示的名字和要素"""
    order: list[list[str]] = []
    """先后：前一个要素不晚于后一个"""
    anyone_opens: bool = False
    """任何办事人员都可以立案，不需要权限 open"""
    fields: dict[str, FieldModel]
    """要素"""


class FieldsFile(File, title="对象和要素"):
    """rules/fields.yaml: the typed facts of each kind of subject."""

    subjects: dict[str, SubjectModel]
    """案件所关于的对象：人员、场所、事项……"""
