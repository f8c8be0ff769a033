"""What an edit of the rules changes, in the words of the rules: not lines of text, but rows, deadlines, values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from engine.core.documents import Text, unlike
from engine.packs.keywords import Names
from engine.packs.yamlfile import read_text, read_yaml

NOTHING = "无"
_NAMED_BY = ("id", "name", "from")


class Changed(NamedTuple):
    """One thing that is another than it was: where in the rules, what it was, what it is."""

    where: str
    before: str
    after: str


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Changed]:
    """Everything that two packs say differently, file by file; order and layout are no difference."""
    before, after = ({name: _said(name, raw) for name, raw in files.items() if _yaml(name)} for files in (old, new))
    comparison = _Comparison(Names([*before.values(), *after.values()]))
    found: list[Changed] = []
    for name in sorted(old.keys() | new.keys()):
        if _yaml(name):
            found += comparison.files(name, before.get(name), after.get(name))
            continue
        was, now = (Text(read_text(name, files.get(name, b""))) for files in (old, new))
        found += [
            Changed(_file(name), was.said(a) if a else NOTHING, now.said(b) if b else NOTHING)
            for a, b in unlike(was, now)
        ]
    return found


def _yaml(name: str) -> bool:
    return not name.endswith(".txt")


def _file(name: str) -> str:
    return name.removeprefix("rules/").removesuffix(".yaml").removesuffix(".txt")


def _said(name: str, raw: bytes) -> dict[str, Any]:
    return {key: _keyed(value) for key, value in read_yaml(name, raw).data.items() if key != "schema"}


def _keyed(value: Any) -> Any:
    """Lists of named things by their names, so that one put in between moves none of the others."""
    if isinstance(value, dict):
        return {str(key): _keyed(of) for key, of in value.items()}
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return value
    for key in _NAMED_BY:
        names = [str(item.get(key, "")) for item in value]
        if all(names) and len(set(names)) == len(names):
            return {
                name: _keyed({of: said for of, said in item.items() if of != key})
                for name, item in zip(names, value, strict=True)
            }
    singles = [next(iter(item)) for item in value if len(item) == 1]
    if len(singles) == len(value) == len(set(singles)):
        return {str(key): _keyed(of) for item in value for key, of in item.items()}
    return [_keyed(item) for item in value]


class _Comparison:
    """Two packs held side by side, told by what both call their workflows, states, parameters and facts."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def files(self, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Iterator[Changed]:
        """What a file says differently; one that is a thing of its own comes and goes as a whole."""
        either = after or before or {}
        flow, title = str(either.get("workflow", "")), either.get("title")
        heading = f"流程 {title}" if flow and title else f"{title}（{_file(name)}）" if title else _file(name)
        whole = title or name.startswith("rules/examples/")
        if whole and (before is None or after is None):
            yield Changed(heading, NOTHING if before is None else "有", NOTHING if after is None else "有")
            return
        was, now = before or {}, after or {}
        for key in _both(was, now):
            a, b = was.get(key), now.get(key)
            if isinstance(a or b, dict):  # a section that comes or goes is told by what stands in it
                a, b = a or {}, b or {}
            path = (heading,) if title else ()
            yield from self._unlike((*path, self.names.key(key, "")), key, flow, a, b)

    def _unlike(self, path: tuple[str, ...], under: str, flow: str, before: Any, after: Any) -> Iterator[Changed]:
        if _plain(before) == _plain(after):
            return
        if isinstance(before, dict) and isinstance(after, dict):
            flow = str(after.get("workflow", flow))
            for key in _both(before, after):
                of = after.get(key, before.get(key))
                yield from self._unlike(
                    (*path, self._named(key, under, of)), key, flow, before.get(key), after.get(key)
                )
        elif _steps(before) and _steps(after):
            yield from self._steps(path, under, flow, before, after)
        else:
            was, now = (self._shown(_untitled(side), under, flow) for side in (before, after))
            yield Changed(" › ".join(path), was, now)

    def _steps(
        self, path: tuple[str, ...], under: str, flow: str, before: list[Any], after: list[Any]
    ) -> Iterator[Changed]:
        """Lists of things without names, by what was taken out and put in."""
        was, now = ([self._shown(each, under, flow) for each in side] for side in (before, after))
        for what, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
            if what != "equal":
                where = " › ".join((*path, f"第 {a + 1} 项"))
                yield Changed(where, "；".join(was[a:b]) or NOTHING, "；".join(now[c:d]) or NOTHING)

    def _named(self, key: str, under: str, of: Any) -> str:
        """A step of the path: the title of what is changed, else its key in words."""
        title = of.get("title") if isinstance(of, dict) else None
        return f"{title}（{key}）" if title else self.names.key(key, under)

    def _shown(self, value: Any, under: str, flow: str) -> str:
        if value is None:
            return NOTHING
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, list):
            between = "；" if _steps(value) else "、"
            return between.join(self._shown(each, under, flow) for each in value) or NOTHING
        if isinstance(value, dict):
            flow = str(value.get("workflow", flow))
            return "，".join(self._pair(key, under, flow, of) for key, of in value.items()) or "有"
        return self.names.value(str(value), under, flow)

    def _pair(self, key: str, under: str, flow: str, of: Any) -> str:
        """A key with what it says; what says several things stands in brackets."""
        if under in ("evidence", "moves"):  # names under it, each with its option
            return f"{self._name(key, under, flow)}={self._shown(of, under, flow)}"
        named, said = self._named(key, under, of), self._shown(_untitled(of), key, flow)
        return f"{named}［{said}］" if isinstance(of, dict) or _steps(of) else f"{named}={said}"

    def _name(self, key: str, under: str, flow: str) -> str:
        return self.names.value(key, under, flow) if under == "moves" else self.names.key(key, under)


def _untitled(value: Any) -> Any:
    """What is told beside a name that has the title already."""
    return {key: of for key, of in value.items() if key != "title"} if isinstance(value, dict) else value


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [*before, *(key for key in after if key not in before)]


def _steps(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def _plain(value: Any) -> Any:
    """One of something is the same as a list of that one."""
    if isinstance(value, dict):
        return {key: _plain(of) for key, of in value.items()}
    return (
        [_plain(item) for item in value]
        if isinstance(value, list) and len(value) != 1
        else (_plain(value[0]) if isinstance(value, list) else value)
    )
