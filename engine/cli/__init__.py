"""The command line: every command takes the same way through the use cases as everything else."""

from __future__ import annotations

import sys

import typer
from typer.exceptions import Abort, TyperException

from engine import __version__
from engine.cli import (
    boards,
    cases,
    clauses,
    contacts,
    database,
    decide,
    drafts,
    facts,
    handovers,
    ladders,
    lists,
    papers,
    plans,
    profiles,
    replay,
    reports,
    rulebooks,
    rules,
    tasks,
)
from engine.cli.common import print_problems
from engine.cli.typed import Commands
from engine.core.errors import BihuanError

app = Commands(
    name="bihuan",
    help="闭环 Bihuan：规则驱动的闭环办理引擎 (rule-driven engine for closed-loop case handling)",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
rulebooks.rules.command("draft")(drafts.draft)
rulebooks.rules.command("drafts")(drafts.drafts_)
rulebooks.rules.command("replay")(replay.replay)
rulebooks.rules.command("approve")(drafts.approve)
rulebooks.rules.command("withdraw")(drafts.withdraw)
rulebooks.rules.command("rollback")(drafts.rollback)
rulebooks.rules.command("releases")(drafts.releases_)
rulebooks.rules.command("plan")(plans.plan)
rulebooks.rules.command("plans")(plans.plans_)
rulebooks.rules.command("revert")(plans.revert)
rulebooks.rules.command("resolve")(plans.resolve)
app.command("check")(rules.check)
app.command("decide")(decide.decide)
app.command("facts")(facts.facts)
app.command("clauses")(clauses.clauses)
app.command("new")(rules.new)
app.command("schema")(rules.schema)
app.command("init")(database.init)
app.command("bounds")(drafts.bounds)
app.command("board")(boards.board)
app.command("contacts")(contacts.contacts)
app.command("profile")(profiles.profile)
app.command("report")(reports.report)
app.command("coverage")(boards.coverage)
app.command("sweep")(database.sweep)
app.command("loop")(database.loop)
app.command("run")(database.run)
app.command("clock", context_settings={"ignore_unknown_options": True})(database.clock)
app.command("demo")(database.demo)
app.add_typer(lists.areas, name="areas")
app.add_typer(lists.intake, name="intake")
app.add_typer(cases.case, name="case")
app.add_typer(tasks.task, name="task")
app.add_typer(cases.alert, name="alert")
app.add_typer(handovers.handover, name="handover")
app.add_typer(handovers.trip, name="trip")
app.add_typer(handovers.site, name="site")
app.add_typer(papers.paper, name="paper")
app.add_typer(ladders.ladder, name="ladder")
app.add_typer(rulebooks.rules, name="rules")
app.add_typer(database.audit, name="audit")
app.add_typer(database.subject, name="subject")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"bihuan {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="版本 (version)"),
) -> None:
    """闭环 Bihuan：规则驱动的闭环办理引擎 (rule-driven engine for closed-loop case handling)."""


def misused(error: TyperException) -> str:
    """What is wrong with the words of a command, in the user's language; known by its name: the class is private."""
    kind = type(error).__name__
    param = getattr(error, "param", None)
    named = "参数"
    if param is not None:
        named = str(param.opts[0] if param.opts[0][:1] == "-" else param.metavar or param.name)
    told = {
        "NoSuchOption": f"没有选项 {getattr(error, 'option_name', '')}",
        "MissingParameter": f"缺少 {named}",
        "BadParameter": f"{named} 的值不对",
    }
    return told.get(kind, "没有这个命令" if "No such command" in str(error) else "多了或少了参数")


def main() -> None:
    """Run a command: 0 done, 1 refused by the rules, 2 bad input; never a traceback."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except BihuanError as error:
        if "--json" in sys.argv:
            print_problems(error)
        else:
            typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except Abort:
        sys.exit(130)
    except TyperException as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            what = f"{misused(error)} ({getattr(error, 'message', '') or error})"
            typer.echo(f"ARG-004 — 命令的写法不对：{what} — 用法见 --help", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback ever reaches a user
        typer.echo(
            f"BUG-001 内部错误 {type(error).__name__} — 没有确认的操作都没有写入 — 请把命令和这一行报告给开发者",
            err=True,
        )
        sys.exit(2)
