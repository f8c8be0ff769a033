"""One YAML file, read strictly: every value keeps its line and column, and nothing surprising is let through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from engine.core.errors import BadInput, Place, Problem

MOST_BYTES = 1_000_000
MOST_DEPTH = 50
MOST_ALIASES = 64
MOST_NODES = 100_000

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+([eE][-+]?[0-9]+)?\Z")
_SURPRISING = re.compile(
    r"(?i:y|n|yes|no|on|off)\Z|[-+]?0[0-9]+\Z|[-+]?[0-9]+(:[0-5]?[0-9])+\Z|0[xob][0-9a-fA-F]+\Z|[-+]?\.(?i:inf|nan)\Z"
)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}

WIDE_COLON = "："
WIDE_EXPECTED = "改成半角冒号加空格，如 priority: 60"
_QUIET = re.compile(r"""\"[^"]*"|'[^']*'|(?:^|\s)#.*""")
"""What no parser stumbles over: quoted words and comments."""
_WIDE = (
    (re.compile(r"(?:^|[{,])\s*(?:- )?\s*[\w.]+："), "冒号“：”是全角的", WIDE_EXPECTED),
    (re.compile(r"[\[{][^\]}#]*?，"), "逗号“，”是全角的", "改成半角逗号加空格，如 [甲, 乙]"),
)
"""What a Chinese keyboard writes where YAML wants a colon or a comma."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, with the place of each key and each value."""

    file: str
    data: dict[str, Any]
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where a path stands: its value, or its key; a path that is missing: the nearest thing above it."""
        shown = ".".join(str(part) for part in path)
        for length in range(len(path), -1, -1):
            found = path[:length]
            spot = (self.keys.get(found) if key else None) or self.values.get(found) or self.keys.get(found)
            if spot:
                return Place(self.file, *spot, shown)
        return Place(self.file, 1, 1, shown)


def read_yaml(file: str, raw: bytes) -> Document:
    """The document in a file; raises `BadInput` with every duplicate key and surprising word at once."""
    return _Builder(file, read_text(file, raw)).document()


def read_text(file: str, raw: bytes) -> str:
    """The words of a file; anything but UTF-8 of a bearable size is a `BadInput`."""
    if len(raw) > MOST_BYTES:
        _refuse("RULE-010", Place(file), f"文件有 {len(raw):,} 字节", f"不超过 {MOST_BYTES:,} 字节 (1 MB)，请拆分")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("RULE-011", Place(file), f"不是 UTF-8；检测到疑似 {_encoding(raw)}", "请另存为 UTF-8")


def _encoding(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return "其他编码"
    return "GB18030"


def _refuse(code: str, place: Place, what: str, expected: str = "") -> NoReturn:
    raise BadInput(Problem(code, what, expected, place=place))


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that is being read, and the key that waits for its value."""

    made: Any
    path: Path
    key: Any = None
    waiting: bool = False


class _Builder:
    """Plain data from the parser's events, counted as they come: no constructor, no tag, no recursion."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.keys: dict[Path, tuple[int, int]] = {}
        self.values: dict[Path, tuple[int, int]] = {}
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.sizes: list[tuple[str | None, int]] = []
        self.nodes = 0
        self.aliases = 0
        self.problems: list[Problem] = []
        self.result: Any = None

    def document(self) -> Document:
        documents = 0
        for event in self._events():
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    place = self._at(event)
                    _refuse("RULE-003", place, "文件里有两份文档（---）", "一个文件只写一份 (one document expected)")
            else:
                self._take(event)
        if self.problems:
            raise BadInput(self.problems)
        if self.result is None:
            _refuse("RULE-004", Place(self.file, 1, 1), "文件没有内容", "至少写 schema: 1")
        if not isinstance(self.result, dict):
            _refuse("RULE-005", Place(self.file, 1, 1), "最外层不是映射", "键: 值 (mapping expected)")
        return Document(self.file, self.result, self.keys, self.values)

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._count(event)
            self._put(event, self._scalar(event), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._count(event)
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
            line = self.text.splitlines()[mark.line] if mark and mark.line < len(self.text.splitlines()) else ""
            if "\t" in line[: len(line) - len(line.lstrip())]:
                _refuse("RULE-002", place, "缩进里有制表符 (tab)", "请用空格缩进")
            self._refuse_wide(error)
            _refuse(
                "RULE-012", place, f"YAML 语法错误：{error.problem or error.context}", "检查冒号后的空格、引号与缩进"
            )
        except yaml.YAMLError as error:
            _refuse("RULE-012", Place(self.file), f"不能作为 YAML 读取：{str(error).splitlines()[0]}", "检查文件内容")

    def _refuse_wide(self, error: yaml.MarkedYAMLError) -> None:
        """Refuse the full-width colon or comma that the parser stumbled over: it stumbles behind it."""
        lines = self.text.splitlines()
        numbers = [mark.line for mark in (error.context_mark, error.problem_mark) if mark and mark.line < len(lines)]
        for number in [*numbers, *(number - 1 for number in numbers[-1:] if number)]:
            for pattern, what, expected in _WIDE:
                if found := pattern.search(_QUIET.sub(lambda quiet: " " * len(quiet[0]), lines[number])):
                    _refuse("RULE-012", Place(self.file, number + 1, found.end()), what, expected)

    def _at(self, event: Any, path: Path = ()) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1, ".".join(str(part) for part in path))

    def _count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            _refuse("RULE-007", self._at(event), f"展开后超过 {MOST_NODES:,} 个节点", "请拆分文件或去掉别名")
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            _refuse("RULE-006", self._at(event), f"不允许标签 {event.tag} (tags not allowed)", "只写普通的值")

    def _alias(self, event: Any) -> None:
        self.aliases += 1
        if event.anchor not in self.anchors:
            _refuse("RULE-012", self._at(event), f"没有名为 {event.anchor} 的锚", "先写 &名 再写 *名")
        made, size = self.anchors[event.anchor]
        self.nodes += size
        if self.aliases > MOST_ALIASES or self.nodes > MOST_NODES:
            _refuse(
                "RULE-007",
                self._at(event),
                "别名过多或展开过大",
                f"别名不超过 {MOST_ALIASES} 个、节点不超过 {MOST_NODES:,} 个",
            )
        self._put(event, made, size)

    def _start(self, event: Any) -> None:
        if len(self.open) >= MOST_DEPTH:
            _refuse("RULE-008", self._at(event), f"嵌套超过 {MOST_DEPTH} 层", "请减少嵌套")
        made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._path(event)
        self.values[path] = (event.start_mark.line + 1, event.start_mark.column + 1)
        self.open.append(_Open(made, path))
        self.sizes.append((event.anchor, self.nodes))

    def _end(self) -> None:
        closed = self.open.pop()
        anchor, before = self.sizes.pop()
        size = self.nodes - before + 1
        if anchor:
            self.anchors[anchor] = (closed.made, size)
        self._attach(closed.made)

    def _path(self, event: Any) -> Path:
        if not self.open:
            return ()
        parent = self.open[-1]
        if isinstance(parent.made, list):
            return (*parent.path, len(parent.made))
        if not parent.waiting:
            _refuse("RULE-012", self._at(event), "键不能是列表或映射", "键要写成一个词")
        return (*parent.path, parent.key)

    def _put(self, event: Any, value: Any, size: int) -> None:
        parent = self.open[-1] if self.open else None
        spot = (event.start_mark.line + 1, event.start_mark.column + 1)
        if parent is not None and isinstance(parent.made, dict) and not parent.waiting:
            self._key(event, value, parent, spot)
            return
        self.values[self._path(event)] = spot
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            self.anchors[event.anchor] = (value, size)
        self._attach(value)

    def _key(self, event: Any, value: Any, parent: _Open, spot: tuple[int, int]) -> None:
        path = (*parent.path, value)
        if event.__class__ is yaml.AliasEvent or (value == "<<" and not event.style):
            _refuse("RULE-006", self._at(event), "不允许合并键 <<", "把内容写全")
        if not isinstance(value, str):
            value = str(value)
            self.problems.append(
                Problem("RULE-013", f"键 {value} 会被读成别的类型", "加引号", place=self._at(event, path))
            )
            path = (*parent.path, value)
        if value in parent.made:
            first = self.keys[path][0]
            self.problems.append(
                Problem(
                    "RULE-001", f"重复的键 {value}（第{first}行已写）", "每个键只写一次", place=self._at(event, path)
                )
            )
        else:
            self.keys[path] = spot
        parent.key, parent.waiting = value, True

    def _attach(self, value: Any) -> None:
        if not self.open:
            self.result = value
            return
        parent = self.open[-1]
        if isinstance(parent.made, list):
            parent.made.append(value)
        else:
            parent.made[parent.key] = value
            parent.waiting = False

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text) and len(text) < 19:  # noqa: PLR2004 - what fits a database integer
            return int(text)
        if _NUMBER.match(text):
            return float(text)
        if _SURPRISING.match(text):
            parent = self.open[-1].path if self.open else ()
            self.problems.append(
                Problem(
                    "RULE-013",
                    f"{text} 会被当成是/否、时刻或八进制数",
                    f'加引号："{text}"；是/否写 true/false',
                    place=self._at(event, parent),
                )
            )
        return text
