"""Who is to be reached where: each unit with its first responsible person, duty phone, leader and staff."""

from __future__ import annotations

from typing import NamedTuple

from engine.core.org import Organisation
from engine.reading.asked import unit_of


class Contact(NamedTuple):
    """A unit as one needs it to reach somebody."""

    unit: str
    kind: str
    head: str
    duty_phone: str
    leader: str
    staff: tuple[str, ...]


def contacts(organisation: Organisation, asked: str = "") -> list[Contact]:
    """All units in the order the pack names them, or one of them by today's or a former name."""
    named = unit_of(organisation, asked)
    return [
        Contact(
            unit.name,
            unit.kind,
            unit.head,
            unit.duty_phone,
            organisation.leader_of(unit.name),
            tuple(
                f"{person.name}（{person.user}）"
                for person in organisation.staff.values()
                if any(of == unit.name for _, of in person.roles)
            ),
        )
        for unit in organisation.units.values()
        if named in ("", unit.name)
    ]
