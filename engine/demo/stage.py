"""Where the demonstration is shown: numbered scenes, and commands carried out and printed as people type them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import typer
from rich.cells import cell_len

from engine.cli import app
from engine.cli.common import console
from engine.core.errors import BihuanError
from engine.reading.queries import case_list
from engine.service import Office

WIDTH = 100
"""No table is wider: it fits a screen beside something else."""
_BANNER = "【演练 rehearsal】"
_MOST = 10_000


@contextlib.contextmanager
def lent(**settings: str) -> Iterator[None]:
    """Environment settings for as long as the demonstration runs."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def width() -> str:
    """As wide as the screen, but no wider than fits a page."""
    return str(min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH))


class _WithoutBanner:
    """Standard output without the line on which every command tells the rehearsal's time: the scene tells it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)

    def write(self, text: str) -> int:
        return len(text) if _BANNER in text else self._out.write(text)


class Stage:
    """One run: the office it plays in, its scenes and its commands."""

    def __init__(self, office: Office, papers: Path | None = None) -> None:
        self.office = office
        self.papers = papers
        """The folder for documents and reports, where they are asked for."""
        self.chief = office.actor("shuju")
        self.scenes = 0
        self._command = typer.main.get_command(app)

    @property
    def present(self) -> str:
        """The rehearsal's present, as the clock on the wall shows it."""
        return f"{self.office.now().astimezone(self.office.book().zone):%Y-%m-%d %H:%M}"

    def scene(self, title: str, why: str) -> None:
        """What the reader is about to see, and why it matters."""
        self.scenes += 1
        out = console()
        out.print(f"\n[black on yellow]{_BANNER}[/] {self.present}  [bold]{self.scenes}. {title}[/]")
        out.print(why)

    def say(self, text: str) -> None:
        """A word between two commands."""
        console().print(text)

    def bihuan(self, *words: str, by: str = "", last: int = 0) -> None:
        """Carry a command out, and print it with what it prints; `last`: only that many lines, the rest is known."""
        said = [*words, *(("--as", by) if by else ())]
        sys.stdout.write(_typed(["bihuan", *said]))
        whole = io.StringIO()
        try:
            with contextlib.redirect_stdout(cast("TextIO", _WithoutBanner(whole if last else sys.stdout))):
                self._command.main(list(said), standalone_mode=False)
        except BihuanError as refused:
            console().print(str(refused), soft_wrap=True)
        if last:
            sys.stdout.write("\n".join(["…", *whole.getvalue().splitlines()[-last:]]) + "\n")

    def paper(self, name: str, *cases: str, by: str) -> None:
        """Print a document, where documents are asked for."""
        if self.papers is not None:
            self.bihuan("paper", "print", name, *cases, "--out", str(self.papers), by=by)

    def open_cases(self) -> list[dict[str, Any]]:
        """Every open case, those due first."""
        return case_list(self.office, self.chief, most=_MOST)

    def count(self, *columns: str) -> None:
        """How many cases there are of each kind, the most first."""
        rows = self.open_cases()
        closed = len(case_list(self.office, self.chief, closed=True, most=_MOST))
        counted = Counter(" ".join(row[name] for name in columns) for row in rows)
        kinds = "，".join(
            f"{kind} {number}" for kind, number in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        )
        self.say(f"在办 {len(rows)} 件，办结 {closed} 件。在办的：{kinds}")


def _typed(words: list[str]) -> str:
    """A command as it is typed: what has spaces is quoted, what is too long goes on in the next line."""
    lines, line = [], "$"
    for word in words:
        shown = f'"{word}"' if " " in word else word
        if cell_len(f"{line} {shown}") > WIDTH - 2:
            lines.append(f"{line} \\")
            line = "   "
        line = f"{line} {shown}"
    return "\n".join([*lines, line]) + "\n"
