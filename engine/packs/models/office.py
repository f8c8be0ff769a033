"""What a pack may say of the office: the pack itself, its units, roles, staff and leaders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.core.org import SCOPES
from engine.packs.models.base import Duration, File, Model


class HandOverRulesModel(Model):
    """How cases change hands outside of any transition."""

    within: str
    ladder: str
    most_returns: Annotated[int, Field(strict=True, ge=0)]
    arbiter: str
    matter: str = ""


class ProfileModel(Model):
    """How the office works for the time being; the first profile is the ordinary one."""

    open_cases: Literal["keep", "follow"] = "keep"


class PackFile(File):
    """rules/pack.yaml: what this pack is, and who owns what no rule covers."""

    pack: str
    title: str
    authority: str
    document: str
    timezone: str
    default_owner: str
    default_workflow: str
    hand_over: HandOverRulesModel
    backdate: Duration
    plan_ahead: Duration
    profiles: dict[str, ProfileModel] = {}


class UnitModel(Model):
    """A department, community, site or outside party; `head` is the first responsible person."""

    kind: Literal["department", "community", "external", "site"]
    head: Annotated[str, Field(min_length=1)]
    parent: str = ""
    duty_phone: str = ""
    formerly: list[str] = []
    places: Annotated[int, Field(strict=True, ge=0)] | None = None


class RoleModel(Model):
    """What somebody may be, for which cases, and with which rights beside transitions."""

    title: str
    scope: Literal["all", "involved", "owner"]
    may: list[
        Literal["open", "intake", "areas", "reveal", "export", "publish", "erase", "correct", "confirm", "profile"]
    ] = []


if set(SCOPES) != {"all", "involved", "owner"}:
    raise AssertionError("the scopes of roles differ between the core and the models")


class Post(Model):
    """A role held in a unit."""

    role: str
    unit: str


class StaffModel(Model):
    """A member of staff."""

    name: str
    roles: list[Post]


class LeaderModel(Model):
    """A member of the leading group with her departments and communities."""

    name: str
    fields: list[str] = []
    communities: list[str] = []


class OrganisationFile(File):
    """rules/organisation.yaml: who exists, who is first responsible, who may what."""

    units: dict[str, UnitModel]
    roles: dict[str, RoleModel]
    staff: dict[str, StaffModel] = {}
    leaders: list[LeaderModel] = []
