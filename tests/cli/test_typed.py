"""Words of a command that are typed wrong: an option never takes the next option for its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from engine.cli import app
from engine.core.errors import BadInput
from tests.cli.test_cli import Bihuan, bihuan

__all__ = ["bihuan"]


def taking(of: Any) -> Iterator[tuple[Any, str]]:
    """Every option of every command that takes a text."""
    for command in getattr(of, "commands", {}).values():
        yield from taking(command)
    for param in () if hasattr(of, "commands") else of.params:
        if param.param_type_name == "option" and not param.is_flag:
            yield of, param.opts[0]


OPTIONS = list(taking(typer.main.get_command(app)))


@pytest.mark.parametrize("follows", [["--as", "guanli"], ["--json"], []], ids=["another text", "a flag", "nothing"])
def test_no_option_of_any_command_swallows_what_follows(follows: list[str]) -> None:
    assert len(OPTIONS) > 200
    for command, option in OPTIONS:
        with pytest.raises(BadInput, match=f"{option} 没有写值"):
            command.make_context(command.name, [option, *follows])


def test_the_refusal_says_what_to_write_and_every_option_left_without(bihuan: Bihuan) -> None:
    told = bihuan("profile", "--reveal", "--reason", "--as", "guanli", exit_code=2).stderr
    assert "--reveal 没有写值，后面却是 --reason — 要写：显示完整个人信息的理由" in told
    assert "--reason 没有写值，后面却是 --as — 要写：理由" in told
    assert "缺少 TABLE" in bihuan("decide", exit_code=2).stderr


def test_a_text_may_begin_with_dashes_when_it_is_said_to_be_one(bihuan: Bihuan) -> None:
    assert "没有写值" not in bihuan("profile", "--reveal=--as", exit_code=2).stderr
