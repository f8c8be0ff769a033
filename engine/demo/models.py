"""What the demonstration of a pack says, its days and its scenes; it is no rule, and no release stores it."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Discriminator, Field, PlainValidator, Tag

from engine.core.errors import BadInput, Problem
from engine.packs.models import Duration, File, Model, Names
from engine.packs.models.base import reads
from engine.packs.pack import read_model, shipped
from engine.packs.yamlfile import read_yaml

FOLDER = "docs/demo"
"""Where the demonstration of a pack stands, beside its rules."""
Facts = dict[str, str]
Of = TypeVar("Of", bound=File)


def _moment(value: Any) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the pack says where its clock hangs
    except ValueError:
        raise ValueError("时刻写作 2022-05-26 08:00") from None


def _words(value: Any) -> list[str]:
    try:
        return shlex.split(str(value))
    except ValueError:
        raise ValueError("命令的引号没有成对") from None


Moment = Annotated[datetime, PlainValidator(reads("RULE-036", _moment))]
"""A moment on the clock on the office's wall."""
Words = Annotated[list[str], PlainValidator(reads("RULE-029", _words))]
"""A command as it is typed, word by word."""


class ActModel(Model):
    """A step that somebody takes with a case; one that the rules do not allow is for another day."""

    do: str = ""
    """做哪个动作"""
    accept: bool = False
    """签收交来的案件"""
    by: str = ""
    """谁做（账号）；不写由责任单位里做得了的第一人"""
    with_: Facts = Field(default={}, alias="with")
    """填的内容"""


class WorkModel(Model):
    """What becomes of the cases that stand somewhere; the first one that fits a case."""

    in_: Names = Field(alias="in")
    """在哪个环节的案件：流程.环节"""
    category: Names = []
    """只办这些类别的"""
    due: dict[str, Duration] = {}
    """离哪个时限不到多久才办"""
    steps: Annotated[list[ActModel], Field(min_length=1)]
    """依次试着做的步骤"""


class TripsModel(Model):
    """Cases that ride together, so many to a vehicle, and are ticked off where they arrive."""

    in_: Names = Field(alias="in")
    """在哪个环节的案件：流程.环节"""
    hours: list[int]
    """几点发车"""
    seats: int = Field(ge=1)
    """一车几人"""
    vehicle: str
    """车牌；{nth} 是第几车"""
    driver: str
    """驾驶员"""
    to: str
    """送到哪里"""
    by: str
    """谁发车（账号）"""
    received_by: str
    """谁签收（账号）"""
    with_: Facts = Field(default={}, alias="with")
    """逐人填的内容；{nth} 是第几人"""


class WorkFile(File):
    """docs/demo/work.yaml: what everybody does on the days between the scenes."""

    start: Moment
    """演示从什么时候开始：2022-05-26 08:00"""
    hours: Annotated[list[int], Field(min_length=1)]
    """每天几点办理"""
    work: list[WorkModel]
    """每到钟点，各环节的案件怎样往下办"""
    trips: list[TripsModel] = []
    """怎样坐车"""
    results: dict[str, Facts] = {}
    """任务除了平常的结果还要填什么：任务 → 内容"""


class CommandModel(Model):
    """A command as a user types it, and what is shown and kept of its answer."""

    bihuan: Words
    """命令，照用户输入的写；{名字} 换成记下的编号"""
    name: str = ""
    """它的回答里第一个新的编号记作什么"""
    rows: dict[str, int] = {}
    """它导入的名单里，第几行立的案件记作什么"""
    show: int | None = Field(default=None, ge=0)
    """只给看回答的最后几行；0 是不给看"""
    papers: bool = False
    """要文书时才办"""


class UntilModel(Model):
    """Time passes, and everybody does what there is to do."""

    until: Moment
    """照常办理到什么时候"""


class HoldModel(Model):
    """Cases that the work of the days leaves alone until the next such line."""

    hold: list[str]
    """哪些案件先不要动"""
    task: str = ""
    """只是这项任务不做"""


class FindModel(Model):
    """Cases that nobody has spoken of yet."""

    find: dict[str, str]
    """名字 → 在哪个环节的案件，最早到期的一件：流程.环节"""


class BeginModel(Model):
    """The cases of which one is always open are opened."""

    begin_standing: Literal[True]
    """常设的工作从现在开始"""


class CountModel(Model):
    """How many cases there are."""

    count: Annotated[list[Literal["category", "workflow", "state_title", "owner"]], Field(min_length=1)]
    """按什么数在办的案件"""


_LINES = {"until": UntilModel, "hold": HoldModel, "find": FindModel, "begin_standing": BeginModel, "count": CountModel}


def _sort(line: Any) -> str:
    """Which line it is: told by its first word, so that a mistake in it is told once; else a command."""
    if isinstance(line, dict):
        return next((kind.__name__ for key, kind in _LINES.items() if key in line), CommandModel.__name__)
    return "text"


Line = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[CommandModel, Tag("CommandModel")]
    | Annotated[UntilModel, Tag("UntilModel")]
    | Annotated[HoldModel, Tag("HoldModel")]
    | Annotated[FindModel, Tag("FindModel")]
    | Annotated[BeginModel, Tag("BeginModel")]
    | Annotated[CountModel, Tag("CountModel")],
    Discriminator(_sort),
]
"""A text is said as it stands."""


class SceneModel(Model):
    """What the reader is about to see, why it matters, and what happens."""

    title: str
    """标题"""
    why: str
    """为什么值得看"""
    at: Moment | None = None
    """什么时候；不写接着上一幕"""
    lines: list[Line]
    """一行一行演的：命令，或一句话"""


class StoryFile(File):
    """docs/demo/story.yaml: what is told, scene by scene."""

    opening: str
    """开场白"""
    scenes: list[SceneModel]
    """一幕一幕"""


def folder() -> Path:
    """Where the demonstration of the pack that ships is told, with the files that it takes in."""
    return shipped() / FOLDER


def read(path: Path, kind: type[Of]) -> Of:
    """One of its files; every mistake of form is told at once."""
    problems: list[Problem] = []
    found = read_model(read_yaml(f"{FOLDER}/{path.name}", path.read_bytes()), kind, problems)
    if problems or not isinstance(found, kind):
        raise BadInput(problems)
    return found
