"""`handover`, `trip` and `site`: cases change hands, one by one or by the vehicle, and find a place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.cases import CaseId, Facts, Key, print_stand
from engine.cli.common import (
    DEFAULT_DB,
    As,
    Db,
    Json,
    Reveal,
    console,
    moment_of,
    office,
    pairs,
    print_json,
    reason_of,
    table,
)
from engine.cli.typed import Commands
from engine.core.errors import BadInput, Problem

if TYPE_CHECKING:
    from engine.service import Office

handover = Commands(help="交接：交出、签收、退回、裁定 (hand-overs)", no_args_is_help=True)
trip = Commands(help="车次：一车几人一次交接 (trips)", no_args_is_help=True)
site = Commands(help="有床位的场所 (sites)", no_args_is_help=True)

Unit = Annotated[str, typer.Argument(metavar="UNIT", help="交给哪个单位")]
Reason = Annotated[str, typer.Option("--reason", help="理由（加密存放）")]
At = Annotated[str, typer.Option("--at", help="实际发生的时间，如 2022-05-26T18:00+08:00；默认现在")]
TripId = Annotated[str, typer.Argument(metavar="TRIP", help="车次号")]
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000)]
_OUTCOMES = {"": "在途", "accepted": "已签收", "returned": "退回", "missing": "未到", "moved": "另行办理"}


def _moment(found: Office, at: str) -> datetime | None:
    return moment_of("--at", at, found.book().zone) if at else None


def _stand(found: Office, answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer, found)
    else:
        print_stand(answer)


@handover.command("offer")
def offer(
    case_id: CaseId, to: Unit, db: Db = DEFAULT_DB, user: As = "", at: At = "", key: Key = "", as_json: Json = False
) -> None:
    """交给另一个单位；对方签收前仍由本单位负责 (offer)."""
    from engine.commands import custody

    with office(db, quiet=as_json) as found:
        actor = found.actor(user)
        answer = custody.offer(found, case_id, to, actor, occurred_at=_moment(found, at), request_key=key)
        _stand(found, answer, as_json=as_json)


@handover.command("accept")
def accept(
    case_id: CaseId,
    facts: Facts = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    at: At = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """签收：从此由本单位负责 (accept)."""
    from engine.commands import custody

    with office(db, quiet=as_json) as found:
        raw, when = pairs(facts or []), _moment(found, at)
        answer = custody.accept(found, case_id, found.actor(user), raw, occurred_at=when, request_key=key)
        _stand(found, answer, as_json=as_json)


@handover.command("return")
def return_(
    case_id: CaseId,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    at: At = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """退回，不签收；仍由交出的单位负责 (return)."""
    from engine.commands import custody

    with office(db, quiet=as_json) as found:
        when = _moment(found, at)
        answer = custody.give_back(found, case_id, found.actor(user), reason, occurred_at=when, request_key=key)
        _stand(found, answer, as_json=as_json)


@handover.command("decline")
def decline(
    case_id: CaseId,
    to: Unit,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """退单：不属本单位，提出应归谁；计次，到上限由裁定单位定 (decline)."""
    from engine.commands import custody

    with office(db, quiet=as_json) as found:
        answer = custody.decline(found, case_id, to, found.actor(user), reason, request_key=key)
        _stand(found, answer, as_json=as_json)


@handover.command("assign")
def assign(
    case_id: CaseId,
    to: Unit,
    reason: Reason = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """裁定归谁，不必签收，也不能退 (assign)."""
    from engine.commands import custody

    with office(db, quiet=as_json) as found:
        answer = custody.assign(found, case_id, to, found.actor(user), reason, request_key=key)
        _stand(found, answer, as_json=as_json)


@handover.command("list")
def list_(most: Most = 50, db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """待签收的交接，先到期的在前 (hand-overs that wait)."""
    from engine.commands.custody import waiting

    with office(db, quiet=as_json) as found:
        rows = waiting(found, found.actor(user), most)
        if as_json:
            print_json({"hand_overs": rows}, found)
            return
        told = [
            (
                r["case"],
                r["category"],
                r["giver"],
                r["receiver"],
                r["trip"],
                r["offered_at"],
                r["due"] + (" 超期" if r["overdue"] else ""),
            )
            for r in rows
        ]
        title = f"待签收 {len(rows)} 件，其中待本单位签收 {sum(r['mine'] for r in rows)} 件"
        console().print(table(title, ("案件", "类别", "交出", "接收", "车次", "交出时间", "签收时限"), told))


@trip.command("open")
def open_(
    vehicle: Annotated[str, typer.Argument(metavar="VEHICLE", help="车牌")],
    cases: Annotated[list[str], typer.Argument(metavar="CASE…", help="车上的案件")],
    driver: Annotated[str, typer.Option("--driver", help="驾驶员姓名（加密存放）")] = "",
    to: Annotated[str, typer.Option("--to", help="送到哪个单位")] = "",
    db: Db = DEFAULT_DB,
    user: As = "",
    at: At = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """发车：车上每件都交给接收单位，有一件不行就都不交 (open a trip)."""
    from engine.commands import trips

    with office(db, quiet=as_json) as found:
        actor, when = found.actor(user), _moment(found, at)
        told = trips.open_trip(found, vehicle, driver, to, cases, actor, occurred_at=when, request_key=key)
        if as_json:
            print_json(told, found)
            return
        console().print(
            f"车次 [bold]{told['trip']}[/]：{told['vehicle']}，{told['giver']} → {told['receiver']}，"
            f"{len(told['cases'])} 人，待签收"
        )


@trip.command("receive")
def receive(
    trip_id: TripId,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE…] CASE [KEY=VALUE…]…", help="先写各人相同的，再逐人写案件号和各自的"),
    ] = None,
    extra: Annotated[list[str] | None, typer.Option("--extra", help="车上多出的人的案件号，可重复")] = None,
    db: Db = DEFAULT_DB,
    user: As = "",
    at: At = "",
    key: Key = "",
    as_json: Json = False,
) -> None:
    """逐人勾选签收；未到和多出的各立一件核对事项 (receive a trip)."""
    from engine.commands import trips

    with office(db, quiet=as_json) as found:
        told = trips.receive(
            found,
            trip_id,
            ticked(words or []),
            found.actor(user),
            extra=extra or [],
            occurred_at=_moment(found, at),
            request_key=key,
        )
        if as_json:
            print_json(told, found)
            return
        out = console()
        out.print(
            f"车次 {told['trip']}：签收 {len(told['accepted'])} 人，未到 {len(told['missing'])} 人，"
            f"多出 {len(told['extra'])} 人"
        )
        for about, matter in told["matters"].items():
            what = "应到未到，仍由原单位负责" if about in told["missing"] else "不在车次上"
            out.print(f"案件 {about} {what}；核对事项 [bold]{matter}[/]")


def ticked(words: Sequence[str]) -> dict[str, dict[str, str]]:
    """`k=v A k=v B k=v` → what is filled in for each case: what stands before the first is the same for all."""
    same: list[str] = []
    each: dict[str, list[str]] = {}
    into = same
    for word in words:
        if "=" in word:
            into.append(word)
        elif word in each:
            raise BadInput(Problem("ARG-001", f"案件 {word} 写了两次", "每人勾选一次"))
        else:
            into = each[word] = []
    return {case_id: pairs(same) | pairs(own) for case_id, own in each.items()}


@trip.command("list")
def trip_list(most: Most = 50, db: Db = DEFAULT_DB, user: As = "", as_json: Json = False) -> None:
    """本单位交出或接收的车次，新的在前 (trips)."""
    from engine.commands import trips

    with office(db, quiet=as_json) as found:
        rows = trips.trip_list(found, found.actor(user), most)
        if as_json:
            print_json({"trips": rows}, found)
            return
        told = [
            (
                r["trip"],
                r["vehicle"],
                r["giver"],
                r["receiver"],
                r["opened_at"],
                r["received_at"] or _by(r),
                _counted(r),
            )
            for r in rows
        ]
        columns = ("车次", "车牌", "交出", "接收", "发车", "签收", "人数")
        console().print(table(f"车次 {len(rows)}", columns, told))


def _by(row: dict[str, Any]) -> str:
    """By when a trip must be received; empty: nobody is on the way any more."""
    return f"{row['due']} 前{'，超期' if row['overdue'] else ''}" if row["due"] else ""


def _counted(row: dict[str, Any]) -> str:
    counts = ({"": row["on_their_way"]} if row["on_their_way"] else {}) | row["outcomes"]
    return "，".join(f"{_OUTCOMES[name]} {count}" for name, count in counts.items())


@trip.command("show")
def trip_show(
    trip_id: TripId, db: Db = DEFAULT_DB, user: As = "", reveal: Reveal = None, as_json: Json = False
) -> None:
    """一个车次：车、驾驶员、每人如何 (one trip)."""
    from engine.commands import trips

    with office(db, quiet=as_json) as found:
        told = trips.trip_show(found, trip_id, found.actor(user), reason_of(reveal))
        if as_json:
            print_json(told, found)
            return
        out = console()
        out.print(f"[bold]车次 {told['trip']}[/]  {told['vehicle']}  驾驶员 {told['driver']}")
        received = f"，{told['received_at']} 由 {told['received_by']} 签收" if told["received_at"] else ""
        received = received or (f"，签收时限 {_by(told)}" if told["due"] else "")
        out.print(f"{told['giver']} → {told['receiver']}，{told['opened_at']} 由 {told['opened_by']} 发车{received}")
        rows = [(row["case"], row["category"], _OUTCOMES[row["outcome"]]) for row in told["cases"]]
        out.print(table(_counted(told), ("案件", "类别", "结果"), rows))


@site.command("list")
def site_list(db: Db = DEFAULT_DB, as_json: Json = False) -> None:
    """各场所的床位：共有、已用、空余 (sites and their places)."""
    from engine.commands.custody import sites

    with office(db, quiet=as_json) as found:
        rows = sites(found)
        if as_json:
            print_json({"sites": rows}, found)
            return
        told = [
            (r["site"], *("—" if r[name] is None else str(r[name]) for name in ("places", "taken", "free")))
            for r in rows
        ]
        console().print(table("场所床位", ("场所", "共有", "已用", "空余"), told))
