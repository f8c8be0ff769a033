"""What a pack may say of the office: the pack itself, its units, roles, staff and leaders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.core.org import SCOPES
from engine.packs.models.base import Duration, File, Model, Names


class HandOverRulesModel(Model):
    """How cases change hands outside of any transition."""

    within: str
    """多久以内要签收或退回"""
    ladder: str
    """到期按哪个催办阶梯"""
    most_returns: Annotated[int, Field(strict=True, ge=0)]
    """最多退回几次，再退由裁定单位定"""
    arbiter: str
    """谁裁定归谁"""
    matter: str = ""
    """车上少人、多人时，由哪个流程的事项跟到底"""


class ProfileModel(Model):
    """How the office works for the time being; the first profile is the ordinary one."""

    open_cases: Literal["keep", "follow"] = "keep"
    """换到这个状态时，已开的案件：keep 照旧，follow 跟着换"""
    following: Names = []
    """照旧时也跟着换的流程：常年开着的案件"""


class PackFile(File, title="规则包是什么，没有规则覆盖的归谁"):
    """rules/pack.yaml: what this pack is, and who owns what no rule covers."""

    pack: str
    """规则包的英文名"""
    title: str
    """规则包的中文名"""
    authority: str
    """哪个单位的规则"""
    document: str
    """依据的文件"""
    timezone: str
    """当地时区，如 Asia/Shanghai"""
    default_owner: str
    """没有规则覆盖的归哪个单位"""
    default_workflow: str
    """没有规则覆盖的进哪个流程"""
    hand_over: HandOverRulesModel
    """动作以外的交接怎么办"""
    backdate: Duration
    """一个人最多更正到多久以前，更早的要第二个人确认"""
    plan_ahead: Duration
    """计划的任务提前多久生成"""
    profiles: dict[str, ProfileModel] = {}
    """平时、急时等状态，第一个是平时"""


class UnitModel(Model):
    """A department, community, site or outside party; `head` is the first responsible person."""

    kind: Literal["department", "community", "external", "site"]
    """department 部门、community 社区、external 外单位、site 有床位的场所"""
    head: Annotated[str, Field(min_length=1)]
    """第一责任人，不可空缺"""
    parent: str = ""
    """上级单位"""
    duty_phone: str = ""
    """值班电话"""
    formerly: list[str] = []
    """以前的名字"""
    places: Annotated[int, Field(strict=True, ge=0)] | None = None
    """能收几个案件（床位）；不写就不限"""


class RoleModel(Model):
    """What somebody may be, for which cases, and with which rights beside transitions."""

    title: str
    """角色的中文名"""
    scope: Literal["all", "involved", "owner"]
    """能办哪些案件：all 全部，involved 本单位经手的，owner 现在归本单位的"""
    sees: Literal["all", "involved"] = "involved"
    """能看哪些案件：all 全部（只看不办，个人信息仍打码），involved 本单位经手的"""
    may: list[
        Literal[
            "open",
            "intake",
            "areas",
            "reveal",
            "export",
            "publish",
            "approve",
            "erase",
            "correct",
            "confirm",
            "profile",
        ]
    ] = []
    """动作以外的权限"""


if set(SCOPES) != {"all", "involved", "owner"}:
    raise AssertionError("the scopes of roles differ between the core and the models")


class Post(Model):
    """A role held in a unit."""

    role: str
    """什么角色"""
    unit: str
    """在哪个单位"""


class StaffModel(Model):
    """A member of staff."""

    name: str
    """姓名"""
    roles: list[Post]
    """在哪些单位任什么角色"""


class LeaderModel(Model):
    """A member of the leading group with her departments and communities."""

    name: str
    """姓名或职务"""
    fields: list[str] = []
    """分管的部门"""
    communities: list[str] = []
    """包联的社区"""


class OrganisationFile(File, title="单位、角色、人员、班子"):
    """rules/organisation.yaml: who exists, who is first responsible, who may what."""

    units: dict[str, UnitModel]
    """单位：部门、社区、外单位、场所"""
    roles: dict[str, RoleModel]
    """角色"""
    staff: dict[str, StaffModel] = {}
    """办事人员，键是账号"""
    leaders: list[LeaderModel] = []
    """班子成员"""
