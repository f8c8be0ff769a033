"""Time limits put off by an approver, and ladders tried out before anybody depends on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from engine.cli.cases import CaseId, case, print_deadlines
from engine.cli.common import DEFAULT_DB, As, Db, Json, console, office, print_json
from engine.core.errors import BadInput, Problem
from engine.core.values import parse_duration

Name = Annotated[str, typer.Argument(metavar="DEADLINE", help="时限")]
Length = Annotated[str, typer.Argument(metavar="LENGTH", help="多久，如 4h、3d")]
Reason = Annotated[str, typer.Option("--reason", help="理由，密封保存 (why; sealed)")]


@case.command("extend")
def extend(
    case_id: CaseId,
    name: Name,
    length: Length,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """延期：一个时限推后，重新催办 (a deadline is due later)."""
    _put_off("extended", case_id, name, length, reason, db, user, as_json=as_json)


@case.command("shelve")
def shelve(
    case_id: CaseId,
    name: Name,
    length: Length,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """挂账：一个时限暂不催办，到时接着催 (its ladder is silent for a while)."""
    _put_off("shelved", case_id, name, length, reason, db, user, as_json=as_json)


def _put_off(kind: str, case_id: str, name: str, length: str, reason: str, db: Db, user: str, *, as_json: bool) -> None:
    from engine.core.postponing import WORDS
    from engine.postponing import put_off

    with office(db, quiet=as_json) as found:
        answer = put_off(found, case_id, kind, name, _length(length), found.actor(user), reason)
        if as_json:
            print_json(answer, found)
            return
        console().print(f"案件 {answer['case']} 的时限已{WORDS[kind]}")
        print_deadlines(answer)


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadInput(Problem("ARG-002", f"{text}：{error}")) from None
