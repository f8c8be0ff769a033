"""How the words of a command are read: an option that takes a text never takes the next option for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import typer
from typer.core import TyperCommand

from engine.core.errors import BadInput, Problem


class Typed(TyperCommand):
    """A command as somebody types it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the words; every option left without its text is told at once."""
        takes = {
            name: str(getattr(param, "help", None) or param.name)
            for param in self.get_params(ctx)
            if param.param_type_name == "option" and not getattr(param, "is_flag", False)
            for name in param.opts
        }
        if without := _without_text(args, takes):
            raise BadInput(
                [Problem("ARG-004", f"{name} 没有写值{why}", f"要写：{takes[name]}") for name, why in without]
            )
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """A group of commands, each read with care."""

    def command(self, name: str | None = None, **how: Any) -> Callable[[Any], Any]:
        """Register a command."""
        return super().command(name, **({"cls": Typed} | how))


def _without_text(words: list[str], takes: dict[str, str]) -> list[tuple[str, str]]:
    """The options that no text follows and what follows instead; a text that begins with -- is written --x=--y."""
    missing = []
    for word, follows in zip_longest(words, words[1:]):
        if word == "--":
            break
        if word in takes and (follows is None or follows.startswith("--")):
            missing.append((word, f"，后面却是 {follows}" if follows else ""))
    return missing
