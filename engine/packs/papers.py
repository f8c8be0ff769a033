"""Papers of a pack: each file one paper, every name in its texts looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.core.conditions import Cell, ConditionError, Field, parse_cell
from engine.core.errors import listing, nearest
from engine.core.papers import ANY, CASE, CLOCK, COMMON, OF_OVERDUE, OF_TRIP, ROWS, TRIP, Paper, Rows, asked, unclosed
from engine.core.rulebook import Subject
from engine.packs import models as m
from engine.packs.models import WorkflowFile
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path

UNFIT = set('/\\:*?"<>|')
"""What no name of a file may hold; a paper's name becomes that of its file."""


def build_papers(pack: Resolver, subjects: Mapping[str, Subject], roles: Iterable[str]) -> dict[str, Paper]:
    """The papers of a pack."""
    flows = {model.workflow: model for _, model in pack.files(WorkflowFile)}
    made: dict[str, Paper] = {}
    for document, model in pack.files(m.PaperFile):
        if model.paper in made or UNFIT & set(model.paper):
            what = "已有这份文书" if model.paper in made else "文书名里有不能作文件名的字符"
            pack.wrong(document, "RULE-001", ("paper",), f"{model.paper}：{what}", "一份文书一个名字")
            continue
        for index, role in enumerate(model.by):
            pack.known(document, "FLOW-012", ("by", index), "角色", role, roles)
        if model.by_sight and model.of == [TRIP]:
            what = "车次的交接单不能看到就出"
            pack.wrong(document, "RULE-029", ("by_sight",), what, "by_sight 用于案件的文书，去掉")
        mine = _flows(pack, document, model, flows)
        each = model.rows.each if model.rows else ""
        if model.by_others and each != "overdue":
            what = "没有列出逾期的事，说不上是谁办的"
            pack.wrong(document, "RULE-029", ("by_others",), what, "by_others 用于 rows.each: overdue，去掉")
        if each and (each == "case") is not (model.of == [TRIP]):
            pack.wrong(
                document,
                "RULE-029",
                ("rows", "each"),
                f"rows.each: {each} 用错了地方",
                "case 用于车次，overdue 用于案件",
            )
        else:
            some = {name for flow in mine if flow.subject in subjects for name in subjects[flow.subject].fields}
            _texts(pack, document, model, _known(model, mine, subjects), _columns(model, mine, subjects), some)
        made[model.paper] = Paper(
            model.paper,
            model.title,
            model.number,
            tuple(model.of),
            tuple(model.by),
            model.seal,
            tuple(model.states),
            _when(pack, document, model, _shared(mine, subjects)),
            model.to,
            model.fields,
            tuple(model.body),
            Rows(model.rows.each, model.rows.columns) if model.rows else None,
            tuple(model.after),
            tuple(model.sign),
            model.by_sight,
            model.by_others,
        )
    return made


def _flows(
    pack: Resolver, document: Document, model: m.PaperFile, flows: Mapping[str, WorkflowFile]
) -> list[WorkflowFile]:
    """The workflows a paper is of; the states it names stand in one of them."""
    alone = len(model.of) == 1
    named = [name for name in model.of if not (alone and name in (TRIP, ANY))]
    mine = []
    for index, name in enumerate(model.of):
        if name in named and pack.known(document, "RULE-040", ("of", index), "流程", name, [*flows, TRIP, ANY]):
            if name in flows:
                mine.append(flows[name])
            else:
                pack.wrong(document, "RULE-029", ("of", index), f"{name} 不能与别的并列", f"只写 of: {name}")
    if model.of == [ANY]:
        mine = list(flows.values())
    if len(mine) == len(named) or not named:
        states = dict.fromkeys(state for flow in mine for state in flow.states)
        for index, state in enumerate(model.states):
            pack.known(document, "FLOW-001", ("states", index), "环节", state, states)
    return mine


def _known(model: m.PaperFile, mine: list[WorkflowFile], subjects: Mapping[str, Subject]) -> list[str]:
    """What the texts of a paper may ask for: facts that every case it is of has."""
    if model.of == [TRIP]:
        return [*COMMON, *OF_TRIP]
    clocks = [{f"clock.{name}.{part}" for name in flow.clocks for part in CLOCK} for flow in mine]
    dues = {f"due.{item.name}" for flow in mine for state in flow.states.values() for item in state.deadlines}
    overdue = OF_OVERDUE if model.rows is not None else ()
    return [*COMMON, *CASE, *overdue, *_shared(mine, subjects), *sorted(set.union(dues, *clocks))]


def _columns(model: m.PaperFile, mine: list[WorkflowFile], subjects: Mapping[str, Subject]) -> list[str]:
    """What a line may ask for."""
    if model.rows is None:
        return []
    more = ROWS[model.rows.each]
    if model.of == [TRIP]:
        return [*more, *CASE, *dict.fromkeys(name for kind in subjects.values() for name in kind.fields)]
    return [*more, *_known(model, mine, subjects)]


def _shared(mine: list[WorkflowFile], subjects: Mapping[str, Subject]) -> dict[str, Field]:
    """The facts that every case of these workflows has."""
    kinds = [subjects[flow.subject].fields for flow in mine if flow.subject in subjects]
    return {name: of for name, of in kinds[0].items() if all(name in fields for fields in kinds)} if kinds else {}


def _when(pack: Resolver, document: Document, model: m.PaperFile, fields: Mapping[str, Field]) -> dict[str, Cell]:
    """What must be known of a case for it to have this paper: cells as in a table, on facts that are not personal."""
    open_ones = {name: of for name, of in fields.items() if not of.pii}
    cells = {}
    for name, raw in model.when.items():
        if pack.known(document, "RULE-032", ("when", name), "要素", name, open_ones):
            try:
                cell = parse_cell(open_ones[name], raw)
            except ConditionError as error:
                pack.wrong(document, error.code, ("when", name), str(error))
                continue
            if cell is not None:
                cells[name] = cell
    return cells


def _texts(
    pack: Resolver, document: Document, model: m.PaperFile, known: list[str], columns: list[str], some: set[str]
) -> None:
    """Every name between braces exists; of several, `some` of the cases having it is enough."""
    for path, text in _each(model):
        if unclosed(text):
            pack.wrong(document, "RULE-029", path, "花括号没有成对", "要素写作 {name}")
        allowed = columns if path[0] == "rows" else known
        clocks = {name.split(".")[1] for name in allowed if name.startswith("clock.")}
        for name, among in asked(text):
            of, _, rest = name.partition(".")
            if (
                of == "clock"
                and rest
                and not pack.known(document, "FLOW-012", path, "计时", rest.split(".")[0], clocks)
            ):
                continue  # as a workflow tells of it, so that one slip is told once
            if name not in allowed and not (among and name in some):
                shown = listing(allowed, 20)
                pack.wrong(document, "RULE-032", path, f"文书没有要素 {name}", f"可用：{shown}", nearest(name, allowed))


def _each(model: m.PaperFile) -> Iterator[tuple[Path, str]]:
    """Every text of a paper with its place."""
    yield ("to",), model.to
    yield ("seal",), model.seal
    for label, text in model.fields.items():
        yield ("fields", label), text
    for section, texts in (("body", model.body), ("after", model.after), ("sign", model.sign)):
        yield from (((section, index), text) for index, text in enumerate(texts))
    for label, text in model.rows.columns.items() if model.rows else ():
        yield ("rows", "columns", label), text
