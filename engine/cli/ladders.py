"""Time limits put off by an approver, and ladders tried out before anybody depends on them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.cases import CaseId, Key, case
from engine.cli.common import DEFAULT_DB, As, Db, Json, PackDir, console, office, print_json, table
from engine.cli.onecase import print_deadlines
from engine.cli.typed import Commands
from engine.core.errors import BadInput, Problem, Refused
from engine.core.values import parse_duration
from engine.packs.pack import read_folder, shipped

if TYPE_CHECKING:
    from engine.core.ladders import Fired
    from engine.core.rulebook import Rulebook

ladder = Commands(help="催办阶梯：演练 (ladders)", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="DEADLINE", help="时限")]
Length = Annotated[str, typer.Argument(metavar="LENGTH", help="多久，如 4h、3d")]
Reason = Annotated[str, typer.Option("--reason", help="理由，密封保存 (why; sealed)")]


@case.command("extend")
def extend(
    case_id: CaseId,
    name: Name,
    length: Length,
    reason: Reason = "",
    key: Key = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """延期：一个时限推后，重新催办 (a deadline is due later)."""
    _put_off("extended", case_id, name, length, reason, key, db, user, as_json=as_json)


@case.command("shelve")
def shelve(
    case_id: CaseId,
    name: Name,
    length: Length,
    reason: Reason = "",
    key: Key = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    as_json: Json = False,
) -> None:
    """挂账：一个时限暂不催办，到时接着催 (its ladder is silent for a while)."""
    _put_off("shelved", case_id, name, length, reason, key, db, user, as_json=as_json)


def _put_off(
    kind: str, case_id: str, name: str, length: str, reason: str, key: str, db: Db, user: str, *, as_json: bool
) -> None:
    from engine.commands.postponing import put_off
    from engine.core.postponing import WORDS

    with office(db, quiet=as_json) as found:
        answer = put_off(found, case_id, kind, name, _length(length), found.actor(user), reason, key)
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


@ladder.command("test")
def fire(
    folder: Annotated[Path | None, typer.Argument(help="规则包文件夹 (pack folder)")] = None,
    pack: PackDir = None,
    as_json: Json = False,
) -> None:
    """演练全部催办阶梯：每一级告谁，无人可告的不通过 (fire every ladder)."""
    from engine.timing.ladders import fire_all, problems

    book, fired = fire_all(read_folder(folder or pack or shipped()))
    wrong = problems(book, fired)
    if as_json:
        print_json(
            {"ok": not wrong, "ladders": [asdict(item) for item in fired], "problems": [str(item) for item in wrong]}
        )
    else:
        _print(book, fired)
    if wrong:
        raise Refused(wrong)
    if not as_json:
        console().print(f"{len(fired)} 次演练，每一级都有人可告，最后都落到负责人")


def _print(book: Rulebook, fired: list[Fired]) -> None:
    """One row for all deadlines of a state whose rungs tell the same."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for item in fired:
        rungs = zip_longest(book.ladders[item.ladder].rungs, item.told, fillvalue="（没有发出）")
        told = "\n".join(f"{getattr(rung, 'level', rung)} {whom}" for rung, whom in rungs)
        rows.setdefault((item.workflow, item.state, item.owner, told), []).append(item.deadline)
    shown = [(flow, state, owner, "、".join(names), told) for (flow, state, owner, told), names in rows.items()]
    console().print(table(f"催办阶梯演练 {len(fired)} 次", ("流程", "环节", "责任单位", "时限", "各级告"), shown))
