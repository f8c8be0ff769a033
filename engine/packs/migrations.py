"""rules/migration.yaml → what becomes of open cases when the rules change; no case is named by two entries of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any

from engine.core.conditions import Cell, ConditionError, Field, OneOf, label, parse_cell
from engine.core.errors import listing, nearest
from engine.core.migrations import DECISION, MOVE, Migration
from engine.core.proof.tables import CONTRARY, OVERLAP, TWIN, prove
from engine.core.rulebook import Subject
from engine.core.tables import INPUT_TYPES, Row, Table
from engine.core.workflows import Workflow
from engine.packs.models import MigrationFile, MigrationModel
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path

STATE = "state"
ALIKE = 0.8
"""So like a name of the pack, another one is a slip; less like, it is one of an earlier release."""
Decisions = Mapping[str, Mapping[str, Mapping[str, Any]]]


def build_migrations(
    pack: Resolver, subjects: Mapping[str, Subject], flows: Mapping[str, Workflow], decisions: Decisions
) -> tuple[Migration, ...]:
    """The entries of a pack; names that it has no more are those of earlier releases, unless they look like a slip."""
    builder = _Builder(pack, subjects, flows, decisions)
    made: dict[str, tuple[Migration, Document, Path]] = {}
    for document, model in pack.files(MigrationFile):
        for index, item in enumerate(model.migration):
            path: Path = ("migration", index)
            if item.id in made:
                pack.wrong(document, "RULE-001", (*path, "id"), f"{item.id} 写了两次", "每项一个号")
                continue
            made[item.id] = (builder.entry(document, path, item), document, path)
    builder.overlaps(list(made.values()))
    return tuple(entry for entry, _, _ in made.values())


class _Builder:
    """Entries read one after another, and then held against each other."""

    def __init__(
        self, pack: Resolver, subjects: Mapping[str, Subject], flows: Mapping[str, Workflow], decisions: Decisions
    ) -> None:
        self.pack = pack
        self.flows = flows
        self.subjects = subjects
        self.decisions = decisions
        self.fields: dict[str, dict[str, Field]] = {}
        """By workflow: what its entries ask about."""

    def entry(self, document: Document, path: Path, model: MigrationModel) -> Migration:
        """One entry, every name in it looked up."""
        self._earlier(document, "RULE-040", (*path, "workflow"), "流程", model.workflow, self.flows)
        flow = self.flows.get(model.workflow)
        states = model.states
        for at, name in enumerate(states if flow else ()):
            self._earlier(document, "FLOW-001", (*path, "states", at), "环节", name, flow.states if flow else ())
        if model.do == MOVE:
            states = list(model.moves)
            self._moves(document, path, model, flow)
        elif model.moves:
            what = f"do: {model.do} 不移动案件，却写了 moves"
            self.pack.wrong(document, "RULE-029", (*path, "moves"), what, "do: move")
        several = model.when if isinstance(model.when, list) else [model.when]
        when = []
        for at, cells in enumerate(several):
            spot: Path = (*path, "when", at) if isinstance(model.when, list) else (*path, "when")
            when.append(self._cells(document, spot, model.workflow, cells))
        clause = model.clause or model.source
        rest = (
            model.reason,
            model.do,
            model.workflow,
            model.from_,
            frozenset(states),
            tuple(when),
            model.moves,
            clause,
        )
        return Migration(model.id, *rest)

    def _moves(self, document: Document, path: Path, model: MigrationModel, flow: Workflow | None) -> None:
        if model.states:
            self.pack.wrong(document, "RULE-029", (*path, "states"), "写了 moves，环节就是它的左边", "去掉 states")
        if not model.moves:
            self.pack.wrong(document, "RULE-021", path, "没有写移到哪个环节", "moves: {旧环节: 新环节}")
        for old, new in model.moves.items():
            spot: Path = (*path, "moves", old)
            if flow is None:
                self.pack.wrong(
                    document, "RULE-040", spot, f"没有流程 {model.workflow}，无处可移", "do: recompute 或 ask"
                )
            elif self.pack.known(document, "FLOW-001", spot, "环节", new, flow.states) and flow.states[new].final:
                kind = flow.states[new].final
                what = f"环节 {old} 的案件会移到 {new}（{flow.states[new].title}，{kind}）而没有人办结它"
                self.pack.wrong(document, "FLOW-011", spot, what, "移到未办结的环节；办结由人来做")

    def _earlier(self, document: Document, code: str, path: Path, what: str, name: str, allowed: Iterable[str]) -> None:
        """A name that nobody can tell from a slip is one; any other may be that of an earlier release."""
        options = list(allowed)
        if name in options:
            return
        if any(SequenceMatcher(None, name, other).ratio() >= ALIKE for other in options):
            expected = f"可用：{listing(options)}"
            self.pack.wrong(document, code, path, f"没有{what} {name}", expected, nearest(name, options))

    def _cells(self, document: Document, path: Path, workflow: str, raw: Mapping[str, Any]) -> dict[str, Cell]:
        cells = {}
        for key, value in raw.items():
            of = self._field(document, (*path, key), workflow, key, value)
            if of is None:
                continue
            try:
                cell = parse_cell(of, value)
            except ConditionError as error:
                self.pack.wrong(document, error.code, (*path, key), str(error))
                continue
            if cell is not None:
                cells[key] = cell
                self.fields.setdefault(workflow, {})[key] = of
        return cells

    def _field(self, document: Document, path: Path, workflow: str, key: str, value: Any) -> Field | None:
        """What a cell asks about: a fact that a rule may ask about, or what was decided."""
        flow = self.flows.get(workflow)
        subjects = [self.subjects[flow.subject]] if flow else list(self.subjects.values())
        if key.startswith(DECISION):
            return self._decided(document, path, [kind.name for kind in subjects], key, value)
        fields = {name: of for kind in subjects for name, of in kind.fields.items()}
        if not self.pack.known(document, "RULE-032", path, "要素", key, fields, "rules/fields.yaml"):
            return None
        of = fields[key]
        if of.pii or of.type not in INPUT_TYPES:
            what = f"{of.title}（{key}）是{'个人信息' if of.pii else of.type}，不能区分案件"
            self.pack.wrong(document, "RULE-031", path, what, f"可用的类型：{'、'.join(INPUT_TYPES)}")
            return None
        return of

    def _decided(self, document: Document, path: Path, kinds: list[str], key: str, value: Any) -> Field | None:
        """An outcome, with the values that rules give it now and those that earlier ones may have given."""
        name = key.removeprefix(DECISION)
        given: dict[str, Any] = {}
        for kind in kinds:
            given |= self.decisions.get(kind, {}).get(name, {})
        known = {outcome for kind in kinds for outcome in self.decisions.get(kind, {})}
        if not self.pack.known(document, "RULE-032", path, "判定结果", name, known):
            return None
        listed = value["not"] if isinstance(value, dict) and set(value) == {"not"} else value
        named = [str(one) for one in (listed if isinstance(listed, list) else [listed])]
        for one in named:
            self._earlier(document, "RULE-022", path, f"判定 {name} 的值", one, given)
        before = self.fields.get(key)
        more = before.values if isinstance(before, Field) else ()
        return Field(key, f"判定 {name}", "enum", tuple(dict.fromkeys([*given, *more, *named])))

    def overlaps(self, made: list[tuple[Migration, Document, Path]]) -> None:
        """No case is named by two entries of one day."""
        groups: dict[tuple[str, object], list[tuple[Migration, Document, Path]]] = {}
        for item in made:
            groups.setdefault((item[0].workflow, item[0].since), []).append(item)
        for (workflow, _), entries in groups.items():
            table = self._table(workflow, [entry for entry, _, _ in entries])
            for found in prove(table).found:
                if found.kind not in (OVERLAP, TWIN, CONTRARY):
                    continue
                one, other, *_ = found.rows
                _, document, path = next(item for item in entries if item[0].name == other.id)
                fields = {of.name: of for of in table.inputs}
                told = ((fields[key], value) for key, value in found.example.items() if key in fields)
                shown = "，".join(f"{of.title}={label(of, value)}" for of, value in told)
                what = f"{one.id} 与 {other.id} 会同时点到一个案件"
                self.pack.wrong(document, "RULE-025", path, what, f"例如 {shown}；请改 states 或 when")

    def _table(self, workflow: str, entries: list[Migration]) -> Table:
        flow = self.flows.get(workflow)
        named = [state for entry in entries for state in sorted(entry.states)]
        states = dict.fromkeys([*(flow.states if flow else ()), *named, ""])
        titles = {name: flow.states[name].title for name in states if flow and name in flow.states}
        inputs = [Field(STATE, "环节", "enum", tuple(states), titles), *self.fields.get(workflow, {}).values()]
        rows = []
        for entry in entries:
            own: dict[str, Cell] = {STATE: OneOf(frozenset(entry.states))} if entry.states else {}
            rows.append(Row(entry.name, tuple({**own, **cells} for cells in entry.when), {}))
        return Table("migration", "规则变动", "unique", inputs, rows, "default_owner")
