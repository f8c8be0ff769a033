"""What every command shares: where the database is, who acts, and how answers are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from engine.core.errors import BadInput, BihuanError, Damaged, Problem

if TYPE_CHECKING:
    from engine.core.rulebook import Rulebook
    from engine.reading.reports import Page
    from engine.service import Office

Db = Annotated[Path, typer.Option("--db", envvar="BIHUAN_DB", help="数据库 (database file)")]
As = Annotated[str, typer.Option("--as", envvar="BIHUAN_AS", help="谁在办理 (who acts: a user of the pack)")]
Json = Annotated[bool, typer.Option("--json", help="以 JSON 输出 (print JSON)")]
PackDir = Annotated[Path | None, typer.Option("--pack", help="规则包文件夹 (pack folder); 默认用自带的")]
Bounds = Annotated[Path | None, typer.Option("--bounds", help="规则不能超出的界限，一个 YAML 文件 (bounds)")]
Reveal = Annotated[str | None, typer.Option("--reveal", help="显示完整个人信息的理由，会留痕 (reason; recorded)")]

DEFAULT_DB = Path("bihuan.db")
_LEVELS = {"提醒": "cyan", "蓝": "blue", "黄": "yellow", "红": "red"}


def console() -> Console:
    """Where text goes: wide enough for a table when it is not a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "140")))


@contextmanager
def office(db: Path, *, quiet: bool = False) -> Iterator[Office]:
    """The office in a database; a rehearsal says so on every output."""
    from engine.service import Office
    from engine.vault import default_key_path

    found = Office.open(db, default_key_path())
    try:
        if found.rehearsal and not quiet:
            at = found.now().astimezone(found.book().zone)
            console().print(f"[black on yellow]【演练 rehearsal】[/] {at:%Y-%m-%d %H:%M}")
        yield found
    except Damaged:
        raise  # what is damaged may not be able to tell its time
    except BihuanError as error:
        if not found.rehearsal or "--json" not in sys.argv:
            raise
        print_problems(error, found)
        raise typer.Exit(error.exit_code) from None
    finally:
        found.close()


def pairs(items: Sequence[str]) -> dict[str, str]:
    """`key=value` arguments; every one that is not is told at once."""
    wrong = [number for number, item in enumerate(items, 1) if "=" not in item]
    if wrong:
        raise BadInput([Problem("ARG-001", f"第 {number} 项要写成 要素=值", "如 key=value") for number in wrong])
    told: dict[str, str] = {}
    twice = []
    for key, _, value in (item.partition("=") for item in items):
        if key.strip() in told:
            twice.append(key.strip())
        told[key.strip()] = value.strip()
    if twice:
        raise BadInput([Problem("ARG-001", f"{key} 写了两次", "每个要素写一次") for key in dict.fromkeys(twice)])
    return told


def reason_of(reveal: str | None) -> str:
    """The reason for seeing personal data in full; empty: not asked for."""
    if reveal is not None and not reveal.strip():
        raise BadInput(Problem("ARG-003", "没有写明查看完整个人信息的理由", '如 --reveal "电话核对身份"'))
    return reveal or ""


def moment_of(option: str, text: str, zone: ZoneInfo) -> datetime:
    """The moment an option names: with its zone, or as the clock on the office's wall shows it."""
    from engine.intake.clean import clean_time

    done = clean_time(text, zone)
    if not isinstance(done.value, datetime):
        why = done.why or "时间写作 2022-05-26 18:00，或带时区 2022-05-26T18:00+08:00"
        raise BadInput(Problem("ARG-002", f"{option} {text or '是空的'}", why))
    return done.value


def bounds_of(path: Path, files: Mapping[str, bytes], book: Rulebook) -> bytes:
    """What a file of bounds says; a pack that breaks them is refused."""
    from engine.packs.bounds import bounds_file, broken, read_bounds

    raw = bounds_file(path)
    if problems := broken(read_bounds(raw, path.name), files, book):
        raise BadInput(problems)
    return raw


def print_problems(error: BihuanError, found: Office | None = None) -> None:
    """Why a command was not done, as `--json` tells it: on standard output like every answer."""
    print_json({"ok": False, "problems": [problem_json(problem) for problem in error.problems]}, found)


def problem_json(problem: Problem) -> dict[str, Any]:
    """A mistake as JSON."""
    place = problem.place
    return {
        "code": problem.code,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "path": place.path,
        "what": problem.what,
        "expected": problem.expected,
        "hint": problem.hint,
    }


def print_json(data: Mapping[str, Any], found: Office | None = None) -> None:
    """One JSON object; a rehearsal carries its own time."""
    told = dict(data)
    if found is not None and found.rehearsal:
        told["rehearsal"] = found.now().astimezone(found.book().zone).isoformat()
        told["note"] = "演练"
    typer.echo(json.dumps(told, ensure_ascii=False, indent=None, default=str))


def subject_of(row: Mapping[str, Any]) -> str:
    """What a listed case is about: its category, and the name of its subject."""
    return " ".join(dict.fromkeys(word for word in (row["category"], *row["name"].split(" ")) if word))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table as lists are shown."""
    made = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*[f"[{_LEVELS[cell]}]{cell}[/]" if cell in _LEVELS else cell for cell in row])
    return made


def progress(words: str, many: int, *, quiet: bool) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    """What shows how far a long command has come: from so many things on, and where somebody watches."""

    def shown(each: Iterable[Any], total: int) -> Iterable[Any]:
        if total < many or quiet or not sys.stderr.isatty():
            return each
        return track(each, words, total=total, transient=True, console=Console(stderr=True))

    return shown


def print_pages(pages: Iterable[Page], most: int, more: str = "") -> None:
    """Pages as tables, of each the first rows; one with nothing on it is left out."""
    for page in pages:
        if page.rows:
            rows = [[str(cell) for cell in row] for row in page.rows[:most]]
            shown = f"（前 {most} 行）{more}" if len(page.rows) > most else ""
            console().print(table(f"{page.title}{shown}", page.headers, rows))


def cut(rows: Sequence[Any], most: int, what: str) -> str:
    """How many there are; a list that was cut short says so."""
    return f"{len(rows)} {what}" if len(rows) < most else f"前 {most} {what}（更多请加 --limit）"
