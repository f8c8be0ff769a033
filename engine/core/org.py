"""Departments, communities, roles and staff: who exists, who may, and who is told next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COMMUNITY = "属地社区"
LEAD = "lead"
SYSTEM = "system"
"""Who acts where nobody does: the sweep, and transitions that a use case fires by itself."""
OWNER = "owner"
UNIT_HEAD, LEAD_HEAD, LEADER = "unit.head", "lead.head", "leader"
TOLD = (OWNER, UNIT_HEAD, LEAD, LEAD_HEAD, LEADER)
"""Whom a rung may tell, beside a unit by its name."""
ALSO = "、"
"""Between the names of several who are told; each gets a message of her own."""
FACT = "fact "
"""`fact X`: the unit that a fact names."""
SCOPES = ("all", "involved", "owner")


@dataclass(frozen=True, slots=True)
class Unit:
    """A department, community, site or outside party; `head` is its first responsible person (第一责任人)."""

    name: str
    kind: str
    head: str
    parent: str = ""
    duty_phone: str = ""
    formerly: tuple[str, ...] = ()
    places: int | None = None
    """How many cases a site has room for; None: nobody counts."""


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody may be; `scope` says for which cases: all, those her unit is involved in, or those it owns now.

    `sees`: those her unit is involved in, or all of them, to watch over the work of others without a hand in it.
    """

    name: str
    title: str
    scope: str
    may: frozenset[str] = frozenset()
    sees: str = "involved"

    @property
    def acts_on_all(self) -> bool:
        """Whether its holder acts on every case."""
        return self.scope == "all"

    @property
    def sees_all(self) -> bool:
        """Whether its holder sees every case; acting on all of them is more than that."""
        return self.acts_on_all or self.sees == "all"


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff: the user name, the name shown, and each role with the unit it is held in."""

    user: str
    name: str
    roles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Leader:
    """A member of the leading group (班子成员) with what she answers for (分管领域、包联社区)."""

    user: str
    fields: tuple[str, ...]
    communities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff with her roles, and the account of the operating system the command came from."""

    user: str
    roles: tuple[tuple[str, str], ...] = ()
    account: str = ""
    engine: bool = False
    """Whether a use case of the engine acts on her behalf: only then may what is `by: system` be done."""

    def units(self) -> frozenset[str]:
        """The units she works for."""
        return frozenset(unit for _, unit in self.roles)


@dataclass(frozen=True, slots=True)
class Organisation:
    """Everyone the rules can name."""

    units: Mapping[str, Unit]
    roles: Mapping[str, Role]
    staff: Mapping[str, Person]
    leaders: tuple[Leader, ...] = ()

    @property
    def communities(self) -> tuple[str, ...]:
        """The communities, in the order the pack names them."""
        return tuple(unit.name for unit in self.units.values() if unit.kind == "community")

    def staffed(self, unit: str) -> bool:
        """Whether anybody of a unit works here; an outside one answers through whoever gives to it."""
        return any(of == unit for person in self.staff.values() for _, of in person.roles)

    def settles(self, unit: str) -> bool:
        """Whether anybody of a unit acts on every case, also those the unit never had to do with."""
        people = [person for person in self.staff.values() if any(of == unit for _, of in person.roles)]
        return any(self.acts_on_all(Actor(person.user, person.roles)) for person in people)

    def acts_on_all(self, actor: Actor) -> bool:
        """Whether a role of hers acts on every case."""
        return any(self.roles[role].acts_on_all for role, _ in actor.roles if role in self.roles)

    def sees_all(self, actor: Actor) -> bool:
        """Whether a role of hers sees every case."""
        return any(self.roles[role].sees_all for role, _ in actor.roles if role in self.roles)

    def concerns(self, actor: Actor, units: frozenset[str]) -> bool:
        """Whether what these units have to do with is hers to work on, and not only to look at."""
        return bool(actor.units() & units) or self.acts_on_all(actor)

    def kin(self, units: frozenset[str]) -> frozenset[str]:
        """These units with those they are part of and those that are part of them, however far."""
        upwards = set(units)
        for name in units:
            while name in self.units and (name := self.units[name].parent) and name not in upwards:
                upwards.add(name)
        downwards, waiting = set(units), list(units)
        while waiting:
            above = waiting.pop()
            found = {unit.name for unit in self.units.values() if unit.parent == above} - downwards
            downwards |= found
            waiting += found
        return frozenset(upwards | downwards)

    def current_name(self, name: str) -> str | None:
        """The unit's name today, found by today's or a former one; None when no unit ever had it."""
        if name in self.units:
            return name
        return next((unit.name for unit in self.units.values() if name in unit.formerly), None)

    def actor(self, user: str, account: str = "") -> Actor | None:
        """The member of staff with this user name; None when the pack names nobody so."""
        person = self.staff.get(user)
        return None if person is None else Actor(user, person.roles, account)

    def permits(self, actor: Actor, right: str) -> bool:
        """Whether one of her roles carries this right (`publish`, `reveal`, `erase` …)."""
        return any(right in self.roles[role].may for role, _ in actor.roles if role in self.roles)

    def holders(self, right: str) -> list[str]:
        """The users one of whose roles carries a right."""
        return [user for user, person in self.staff.items() if self.permits(Actor(user, person.roles), right)]

    def acts_as(
        self,
        actor: Actor,
        by: tuple[str, ...],
        owner: str,
        involved: frozenset[str],
        only: frozenset[str] | None = None,
    ) -> str | None:
        """The role in which she may act on a case of this owner, or None; `only`: in no other units than these."""
        for role, unit in actor.roles:
            if role in by and self._reaches(self.roles[role], unit, owner, involved, only):
                return role
        return None

    def _reaches(
        self, role: Role, unit: str, owner: str, involved: frozenset[str], only: frozenset[str] | None
    ) -> bool:
        if role.acts_on_all:
            return True
        if only is not None:  # whose step it is says more than what a role reaches in general
            return unit in only and (unit == owner or unit in involved)
        return unit == owner or (role.scope == "involved" and unit in involved)

    def reporting(self, actor: Actor) -> list[str]:
        """The units that see what becomes of a case she reports; who acts on every case needs none."""
        return sorted({unit for role, unit in actor.roles if not self.roles[role].acts_on_all})

    def told(self, tell: str, owner: str, lead: str = "", community: str = "") -> str:
        """Whom a rung tells, as names that can be shown: a unit of the case, its head or leaders, or a named unit.

        Leaders are those who answer for the unit that has it, for the leading one and for the community it is in.
        """
        unit = lead or owner if tell in (LEAD, LEAD_HEAD) else owner
        if tell in (OWNER, LEAD):
            return unit
        if tell in (UNIT_HEAD, LEAD_HEAD):
            return self._head(unit)
        if tell == LEADER:
            found = dict.fromkeys((self.leader_of(owner) or self._head(owner), *map(self.leader_of, (lead, community))))
            return ALSO.join(filter(None, found))
        return tell

    def leader_of(self, unit: str) -> str:
        """The member of the leading group who answers for a unit, by its field or community, or for the one above."""
        named = (leader.user for leader in self.leaders if unit in leader.fields or unit in leader.communities)
        above = self.units[unit].parent if unit in self.units else ""
        return next(named, "") or (self.leader_of(above) if above else "")

    def _head(self, owner: str) -> str:
        return self.units[owner].head if owner in self.units else owner
