"""A pack from a folder, the wheel or a stored release: read, checked as a whole, compiled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.core.documents import Text
from engine.core.errors import BadInput, BihuanError, Place, Problem, closest, listing, nearest
from engine.core.rulebook import Rulebook
from engine.core.values import plain
from engine.packs.build import PackBuilder
from engine.packs.check import Proved, certify, check_book, check_stories
from engine.packs.guards import NAMED_DAYS
from engine.packs.models import KINDS, TablesFile
from engine.packs.resolve import Read
from engine.packs.yamlfile import WIDE_COLON, WIDE_EXPECTED, Document, read_text, read_yaml
from engine.packs.yamlfile import Path as Keys

MOST_FILES = 500


def shipped() -> Path:
    """The folder of the pack that comes with the product: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    return package / "shipped" if (package / "shipped").is_dir() else package.parent


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a pack by their names inside it; links that lead out of it are refused."""
    root = folder.resolve()
    if not (root / "rules").is_dir():
        raise BadInput(
            Problem("RULE-009", "这里没有规则包", "应有 rules/ 与 workflows/ 两个文件夹", place=Place(str(folder)))
        )
    files: dict[str, bytes] = {}
    patterns = ("rules/**/*.yaml", "rules/documents/*.txt", "workflows/*.yaml")
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        name = path.relative_to(root).as_posix()
        if not path.resolve().is_relative_to(root) or path.is_symlink():
            raise BadInput(Problem("RULE-034", "是链接", "规则包只用包内的普通文件", place=Place(name)))
        files[name] = path.read_bytes()
    if len(files) > MOST_FILES:
        raise BadInput(Problem("RULE-010", f"有 {len(files)} 个文件", f"不超过 {MOST_FILES} 个"))
    return files


def digest_of(files: Mapping[str, bytes]) -> str:
    """The hash of what a pack says, names and contents."""
    return digest_of_bundle(bundle(files))


def digest_of_bundle(text: str) -> str:
    """The hash of a pack in one piece."""
    return hashlib.sha256(text.encode()).hexdigest()


def bundle(files: Mapping[str, bytes]) -> str:
    """The text of a pack in one piece, as a release stores it."""
    return json.dumps({name: files[name].decode("utf-8-sig") for name in sorted(files)}, ensure_ascii=False)


def unbundle(text: str, release: int) -> Rulebook:
    """The rule book of a stored release; that it is whole was proved when it was published."""
    return replace(compile_pack(unbundled(text), stored=True), release=release)


def unbundled(text: str) -> dict[str, bytes]:
    """The files of a pack that is stored in one piece."""
    return {name: body.encode() for name, body in json.loads(text).items()}


def compile_pack(files: Mapping[str, bytes], *, stored: bool = False) -> Rulebook:
    """The rule book of a pack, every mistake of its files raised at once as `BadInput`; `stored`: already proved.

    The same files are compiled once a process: a draft is read again whenever somebody looks at it or approves it.
    """
    return _compiled(tuple(sorted(files.items())), stored)


@lru_cache(maxsize=8)
def _compiled(files: tuple[tuple[str, bytes], ...], stored: bool) -> Rulebook:  # noqa: FBT001 - as it was asked
    examined = examine(dict(files), stored=stored)
    if examined.book is None:
        raise BadInput(examined.problems)
    return examined.book


@dataclass(frozen=True, slots=True)
class Examined:
    """A pack as it was found: its rule book, or all of its mistakes; the certificates where it could be built."""

    book: Rulebook | None
    problems: tuple[Problem, ...] = ()
    proved: tuple[Proved, ...] = ()
    built: Rulebook | None = None
    """The rule book as it was proved, even if it is not whole: something in it is wrong, or does not come out."""

    def within(self, broken: Sequence[Problem]) -> Examined:
        """The same with the bounds that it breaks."""
        return replace(self, book=None, problems=(*self.problems, *broken)) if broken else self


def examine(files: Mapping[str, bytes], *, stored: bool = False) -> Examined:
    """Read, check and prove a pack; `stored`: only what is needed to load it."""
    problems: list[Problem] = []
    read: Read = []
    texts: dict[str, Text] = {}
    for name, raw in files.items():
        try:
            if name.endswith(".txt"):
                texts[name] = Text(read_text(name, raw))
                continue
            document = read_yaml(name, raw)
        except BihuanError as error:
            problems += error.problems
            continue
        model = _model(document, problems)
        if model is not None:
            read.append((document, model))
    if len(read) + len(texts) < len(files):
        return Examined(None, tuple(problems))
    builder = PackBuilder(read, digest_of(files), texts, sound=not problems)
    book = builder.build()
    stood_in = {problem.place.file for problem in problems if problem.code != "RULE-020"}
    typed = any(problem.place.path.endswith(".type") for problem in problems)
    problems += [
        found
        for found in builder.problems
        if not (found.code == ORDER and found.place.file in stood_in) and not (typed and found.code in _OF_TYPES)
    ]
    proved: tuple[Proved, ...] = ()
    built = None if stood_in else book
    if built is not None and not stored:

        def at(name: str, path: Keys) -> Place:
            return _place(builder, name, path)

        proved = certify(built, at)
        problems += [*(problem for one in proved for problem in one.problems), *check_book(built, at)]
        if not problems:
            problems += check_stories(built, at)
    return Examined(None if problems else book, tuple(_once(problems)), proved, built)


_NAMES = ("CLAUSE-001", "FLOW-001", "FLOW-012", "RULE-022", "RULE-023", "RULE-027", "RULE-032", "RULE-040")
"""A name that is nowhere defined."""


def _once(problems: list[Problem]) -> list[Problem]:
    """In the order of the files, examples last; one wrong name is told where it first stands, with the other places."""
    made: dict[object, list[Problem]] = {}

    def order(problem: Problem) -> tuple[bool, str, int, int]:
        place = problem.place
        return place.file.startswith("rules/examples/"), place.file, place.line, place.column

    for problem in sorted(problems, key=order):
        where = problem.code if problem.code in _NAMES else problem.place
        made.setdefault((where, problem.what), []).append(problem)
    return [_with_others(*same) for same in made.values()]


def _with_others(problem: Problem, *same: Problem) -> Problem:
    others = [f"{other.place.file}:{other.place.line}" for other in same if other.place != problem.place]
    if not others:
        return problem
    also = f"另有 {len(others)} 处：{listing(list(dict.fromkeys(others)), 6)}"
    return replace(problem, expected="；".join(filter(None, (problem.expected, also))))


def _place(builder: PackBuilder, name: str, path: Keys) -> Place:
    if name in builder.table_places:
        document, prefix = builder.table_places[name]
        return document.place((*prefix, *path))
    return builder.flow_documents[name].place(path)


def _model(document: Document, problems: list[Problem]) -> BaseModel | None:
    kind = next((model for pattern, model in KINDS if fnmatch(document.file, pattern)), None)
    if kind is TablesFile and "tables" not in document.data and (meant := _meant(document)):
        what = f"没有 {document.file} 这样的规则文件"
        expected = "rules/ 下别的名字都是规则表，要有 tables；见 docs/yaml.md 的文件表"
        problems.append(Problem("RULE-034", what, expected, meant, Place(document.file, 1, 1)))
        return None
    if kind is None:
        problems.append(
            Problem("RULE-034", "这个位置不放规则文件", "见 docs/yaml.md 的文件表", place=Place(document.file))
        )
        return None
    return read_model(document, kind, problems)


def _meant(document: Document) -> str:
    """Which file one was meant to be that says what only that may say, as a hint; empty: none."""
    said = set(document.data) - {"schema", "title"}
    alike = [name for name, model in KINDS if "*" not in name and said & set(_keys(model, ()))]
    return nearest(document.file, alike)


def read_model(document: Document, kind: type[BaseModel], problems: list[Problem]) -> BaseModel | None:
    """What a file says as its model; every mistake of form is noted, and read as what was most likely meant."""
    data, told = document.data, []
    found = _errors(kind, data)
    unknown = [error for error in found if error["type"] == "extra_forbidden"]
    if unknown:
        told += [_told(document, kind, error) for error in unknown]
        data = _renamed(data, kind, unknown)
        found = _errors(kind, data)
    told += [_told(replace(document, data=data), kind, error) for error in found]
    problems += {  # a union tells one mistake twice
        (problem.place, problem.what if problem.code == "RULE-021" else ""): problem for problem in reversed(told)
    }.values()
    try:
        return kind.model_validate(_stood_in(data, found) if found else data)
    except (LookupError, TypeError, ValueError):
        return None


def _errors(kind: type[BaseModel], data: Any) -> list[Any]:
    try:
        kind.model_validate(data)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _renamed(data: Any, kind: type[BaseModel], errors: list[Any]) -> Any:
    """The data with each unknown key read as the nearest right one that is not there, or else left out."""
    copied = json.loads(json.dumps(data))
    for error in errors:
        *path, last = _real(copied, error["loc"])
        at = copied
        for part in path:
            at = at[part]
        value = at.pop(last)
        meant = closest(str(last), _keys(kind, error["loc"][:-1]))
        if meant and meant not in at:
            at[meant] = value
    return copied


_OF_TYPES = ("RULE-031", "RULE-029")
"""What a field's type leads to: not told where a type is a stand-in."""
ORDER = "RULE-036"
"""Dates and rungs not in order: not told where one of them is a stand-in."""
_STAND_INS = {
    "RULE-036": "2022-01-01",
    "RULE-027": "1h",
    "int_type": 1,
    "float_type": 1,
    "int_from_float": 1,
}


def _stood_in(data: Any, errors: list[Any]) -> Any:
    """The data with something possible for each mistake, so that the names in the rest are checked in the same run.

    Only for what nothing else is named by: a stand-in for a name would be told as a wrong name. Else a `LookupError`.
    """
    copied = json.loads(json.dumps(data))
    for error in errors:
        path, last = _real(copied, error["loc"]), error["loc"][-1]
        if error["type"] != "missing":
            *path, last = path
        at = copied
        for part in path:
            at = at[part]
        if error["type"] == "literal_error":
            at[last] = get_close_matches(str(error["input"]), _options(error), n=1, cutoff=0)[0]
        elif error["type"] == "bool_type":
            at[last] = closest(str(error["input"]), ("true", "false")) == "true"
        elif last == "title":
            at[last] = "?"
        elif _type_of(errors, error) == "int_type":
            at[last] = 1
        else:
            at[last] = "+1h" if last == "at" else _STAND_INS[error["type"]]
    return copied


def _type_of(errors: list[Any], error: Any) -> str:
    """What is wanted where several would do: a number, if that is one of them."""
    here = [
        other["type"] for other in errors if other["input"] is error["input"] and other["loc"][:-1] == error["loc"][:-1]
    ]
    return "int_type" if "int_type" in here else str(error["type"])


def _options(error: Any) -> list[str]:
    return [word.strip(" '") for word in str(error["ctx"]["expected"]).replace(" or ", ",").split(",")]


def _real(data: Any, loc: tuple[Any, ...]) -> list[Any]:
    """Pydantic's path without the names of union branches, which the file does not have."""
    path: list[Any] = []
    at = data
    for part in loc:
        inside = isinstance(at, dict) and part in at
        if inside or (isinstance(at, list) and isinstance(part, int) and part < len(at)):
            at = at[part]
        else:
            continue
        path.append(part)
    return path


def _told(document: Document, kind: type[BaseModel], error: Any) -> Problem:
    loc: tuple[Any, ...] = error["loc"]
    path = tuple(_real(document.data, loc))
    place = document.place(path, key=error["type"] == "extra_forbidden")
    code, what, expected, hint = _words(kind, error, loc, path)
    return Problem(code, what, expected, hint, place)


def _words(kind: type[BaseModel], error: Any, loc: tuple[Any, ...], path: tuple[Any, ...]) -> tuple[str, str, str, str]:
    sort: str = error["type"]
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    name = str(loc[-1] if loc and sort in ("missing", "extra_forbidden") else last)
    given = error.get("input")
    if sort == "extra_forbidden":
        if name == "include":
            return "RULE-034", "没有 include", "规则包只用包内的文件，文件名即位置", ""
        allowed = _keys(kind, loc[:-1])
        if WIDE_COLON in name:
            return "RULE-020", f"不认识的键 {name}：冒号是全角的", WIDE_EXPECTED, ""
        return "RULE-020", f"不认识的键 {name}", f"可用：{'、'.join(allowed)}", nearest(name, allowed)
    if sort == "missing":
        return "RULE-021", f"缺少 {name}", "必填", ""
    if sort == "string_type" and isinstance(given, bool | int | float):
        return (*_number_for_text(name, given), "")
    if sort in ("int_type", "float_type", "int_from_float"):
        return "RULE-028", f"{name} 要整数，得到 {_shown(given)}", "写阿拉伯数字，如 14", ""
    if sort in ("literal_error", "bool_type"):
        allowed = ["true", "false"] if sort == "bool_type" else _options(error)
        return (
            "RULE-022",
            f"{name} 没有选项 {_shown(given)}",
            f"可用：{'、'.join(allowed)}",
            nearest(str(given), allowed),
        )
    if sort.startswith("RULE-"):
        return sort, f"{name}: {error['ctx']['words']}", "", ""
    if sort in ("string_too_short", "too_short"):
        return "RULE-021", f"{name} 是空的", "必填", ""
    return "RULE-029", f"{name} 的写法不对：{_SORTS.get(sort, error['msg'])}", "见 docs/yaml.md", ""


def _shown(given: Any) -> str:
    """What was written, as it was written."""
    return str(given).lower() if isinstance(given, bool) else plain(given)


def _number_for_text(name: str, given: float) -> tuple[str, str, str]:
    if name == "within" and isinstance(given, int):
        return "RULE-027", f"within 没有单位：{given}", "时长写明单位，如 2h（m 分、h 时、d 天）"
    if name == "days" and not isinstance(given, bool):
        return "RULE-040", f"days 要参数名，得到数字 {given}", NAMED_DAYS
    kind_name = "是/否" if isinstance(given, bool) else "数字"
    return "RULE-013", f"{name} 要文字，得到{kind_name}", f'加引号："{str(given).lower()}"'


_SORTS = {
    "string_type": "要写文字",
    "list_type": "要写成列表 [甲, 乙]",
    "dict_type": "要写成 键: 值",
    "model_type": "要写成 键: 值",
    "greater_than_equal": "数字太小",
    "too_long": "写得太多",
}
"""What is wanted, in words."""


def _keys(kind: Any, loc: tuple[Any, ...]) -> list[str]:
    """The keys a model allows at a path, found by following its fields."""
    model = kind
    for part in loc:
        fields = getattr(model, "model_fields", {})
        found = next((f for key, f in fields.items() if (f.alias or key) == part), None)
        model = _inner(found.annotation) if found is not None else model
    return [f.alias or key for key, f in getattr(model, "model_fields", {}).items()]


def _inner(annotation: Any) -> Any:
    """The model inside `dict[str, Model]`, `list[Annotated[dict[str, Model], …]]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_inner(argument) for argument in getattr(annotation, "__args__", ())]
    return next((inner for inner in found if inner is not None), None)
