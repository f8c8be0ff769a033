"""What an edit of the rules changes, in the words of the rules: not lines of text, but rows, deadlines, values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.core.documents import Text, unlike
from engine.packs.yamlfile import read_text, read_yaml

NOTHING = "无"
_WORDS = {
    "states": "环节", "transitions": "动作", "deadlines": "时限", "rules": "规则", "tables": "规则表",
    "parameters": "参数", "terms": "用语", "ladders": "催办阶梯", "rungs": "级", "clocks": "计时", "tasks": "任务",
    "schedules": "计划", "children": "名下案件", "units": "单位", "roles": "角色", "staff": "人员", "subjects": "对象",
    "fields": "要素", "values": "取值", "sources": "来源", "stories": "故事", "examples": "例子", "leaders": "领导",
    "title": "名称", "owner": "责任单位", "within": "多久", "since": "起算", "ladder": "阶梯", "from": "从",
    "to": "到", "by": "谁办", "when": "条件", "then": "结果", "evidence": "佐证", "clause": "条款", "stage": "阶段",
    "anchor": "起算要素", "days": "天数", "at": "时间", "level": "级别", "tell": "告知", "again": "知悉后多久再催",
    "category": "类别", "lead": "牵头", "supporting": "配合", "workflow": "流程", "priority": "次序", "until": "至",
    "hand_over": "交接", "extend": "延期", "shelve": "挂账", "most": "上限", "value": "值", "final": "办结",
    "on_result": "结果引出", "on_decision": "判定引出", "task": "任务", "while": "所在阶段", "type": "类型",
    "inputs": "输入", "hit_policy": "命中方式", "gaps": "没有覆盖时", "initial": "起始环节", "steps": "步骤",
}  # fmt: skip
"""Keys in the words a manager would use; any other key speaks for itself."""


class Changed(NamedTuple):
    """One thing that is another than it was: where in the rules, what it was, what it is."""

    where: str
    before: str
    after: str


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Changed]:
    """Everything that two packs say differently, file by file; order and layout are no difference."""
    found: list[Changed] = []
    for name in sorted(old.keys() | new.keys()):
        if name.endswith(".txt"):
            was, now = (Text(read_text(name, files.get(name, b""))) for files in (old, new))
            found += [
                Changed(_file(name, "", ""), was.said(a) if a else NOTHING, now.said(b) if b else NOTHING)
                for a, b in unlike(was, now)
            ]
            continue
        before, after = (_said(name, files[name]) if name in files else {} for files in (old, new))
        title = after.get("title") or before.get("title")
        heading = _file(name, after.get("workflow") or before.get("workflow"), title)
        if not before or not after:
            found.append(Changed(heading, "有" if before else NOTHING, "有" if after else NOTHING))
            continue
        found += _unlike((heading,), before, after)
    return found


def _file(name: str, workflow: Any, title: Any) -> str:
    return (
        f"流程 {title}"
        if workflow and title
        else name.removeprefix("rules/").removesuffix(".yaml").removesuffix(".txt")
    )


def _said(name: str, raw: bytes) -> dict[str, Any]:
    return {key: _keyed(value) for key, value in read_yaml(name, raw).data.items() if key != "schema"}


def _keyed(value: Any) -> Any:
    """Lists of named things by their names, so that one put in between moves none of the others."""
    if isinstance(value, dict):
        return {str(key): _keyed(of) for key, of in value.items()}
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return value
    for key in ("id", "name", "user", "from"):
        names = [str(item.get(key, "")) for item in value]
        if all(names) and len(set(names)) == len(names):
            return {name: _keyed(item) for name, item in zip(names, value, strict=True)}
    singles = [next(iter(item)) for item in value if len(item) == 1]
    if len(singles) == len(value) == len(set(singles)):
        return {str(key): _keyed(of) for item in value for key, of in item.items()}
    return [_keyed(item) for item in value]


def _unlike(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Changed]:
    if _plain(before) == _plain(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            of = after.get(key, before.get(key))
            yield from _unlike((*path, _named(key, of)), before.get(key), after.get(key))
    else:
        yield Changed(" › ".join(path), _shown(before), _shown(after))


def _named(key: str, of: Any) -> str:
    """A step of the path: the title of what is changed, else its key in words."""
    title = of.get("title") if isinstance(of, dict) else None
    return f"{title}（{key}）" if title else _WORDS.get(key, key)


def _plain(value: Any) -> Any:
    """One of something is the same as a list of that one."""
    if isinstance(value, dict):
        return {key: _plain(of) for key, of in value.items()}
    return (
        [_plain(item) for item in value]
        if isinstance(value, list) and len(value) != 1
        else (_plain(value[0]) if isinstance(value, list) else value)
    )


def _shown(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(map(_shown, value)) or NOTHING
    if isinstance(value, dict):
        return "，".join(f"{_WORDS.get(key, key)}={_shown(of)}" for key, of in value.items()) or NOTHING
    return str(value)
