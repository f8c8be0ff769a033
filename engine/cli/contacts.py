"""`contacts`: who is to be reached where."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import DEFAULT_DB, As, Db, Json, console, office, print_json, table


def contacts(
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="哪个单位；不写就列全部")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """通讯录：各单位的负责人、电话、分管领导、人员 (contacts)."""
    from engine.reading.contacts import contacts as directory

    with office(db, quiet=as_json) as found:
        found.actor(user)  # nobody without a name is told
        rows = directory(found.book().organisation, unit)
        if as_json:
            print_json({"contacts": [row._asdict() for row in rows]}, found)
            return
        shown = [(r.unit, r.head, r.duty_phone or "—", r.leader or "—", "、".join(r.staff) or "—") for r in rows]
        console().print(table("通讯录", ("单位", "第一责任人", "值班电话", "分管领导", "人员"), shown))
