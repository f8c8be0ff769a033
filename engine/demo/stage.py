"""Where the demonstration is shown: numbered scenes, and commands carried out and printed as people type them."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TextIO, cast

import typer
from rich.cells import cell_len

from engine.cli import app
from engine.cli.common import console
from engine.core.errors import BihuanError
from engine.core.org import Actor
from engine.demo.memory import MOST
from engine.reading.queries import case_list
from engine.service import Office

WIDTH = 100
"""No table is wider: it fits a screen beside something else."""
_BANNER = "【演练 rehearsal】"


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


class _Heard:
    """What a command writes, but for the line on which each tells the rehearsal's time: the scene tells it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.text = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)

    def write(self, text: str) -> int:
        self.text += "" if _BANNER in text else text
        return len(text)


class Stage:
    """One run: the office it plays in, its scenes and its commands."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.scenes = 0
        self._command = typer.main.get_command(app)

    def scene(self, title: str, why: str, now: str) -> None:
        """What the reader is about to see, and why it matters."""
        self.scenes += 1
        out = console()
        out.print(f"\n[black on yellow]{_BANNER}[/] {now}  [bold]{self.scenes}. {title}[/]")
        out.print(why)

    def say(self, text: str) -> None:
        """A word between two commands."""
        console().print(text)

    def bihuan(self, words: Sequence[str], show: int | None = None) -> str:
        """Carry a command out, print it with its answer, and return that.

        `show`: only so many lines of the answer, the rest is known; 0: nothing of either, and no refusal.
        """
        if show != 0:
            sys.stdout.write(_typed(["bihuan", *words]))
        heard = _Heard(sys.stdout)
        try:
            with contextlib.redirect_stdout(cast("TextIO", heard)):
                try:
                    self._command.main(list(words), standalone_mode=False)
                except BihuanError as refused:
                    if show == 0:
                        raise
                    console().print(str(refused), soft_wrap=True)
        finally:
            told = heard.text.splitlines(keepends=True)
            shown = told if show is None else ["…\n", *told[-show:]] if show else []
            sys.stdout.write("".join(shown))
        return heard.text

    def count(self, columns: Sequence[str], chief: Actor) -> None:
        """How many cases there are of each kind, the most first."""
        rows = case_list(self.office, chief, most=MOST)
        closed = len(case_list(self.office, chief, closed=True, most=MOST))
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
