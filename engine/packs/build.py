"""The files of a pack → one rule book: every name in one file is looked up in the others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.core.conditions import Cell, ConditionError, Fact, Field, parse_cell, parse_value
from engine.core.documents import Text
from engine.core.errors import Problem, closest, listing, nearest
from engine.core.org import COMMUNITY, FACT, Organisation
from engine.core.rulebook import TRIP_FACTS, Example, HandOverRules, Rulebook, Subject, ladder_under
from engine.core.tables import Row, Table
from engine.core.values import Parameter
from engine.core.workflows import Workflow
from engine.packs import models as m
from engine.packs.carriers import carriers_of
from engine.packs.clauses import build_documents
from engine.packs.declarations import UNITS_FILE, Declarations
from engine.packs.flows import FlowBuilder
from engine.packs.guards import Names, subject_of
from engine.packs.lists import build_references, build_sources
from engine.packs.migrations import build_migrations
from engine.packs.models import ClausesFile, ExamplesFile, WordingFile, WorkflowFile
from engine.packs.papers import build_papers
from engine.packs.profiles import build_profiles
from engine.packs.reports import ReportBuilder
from engine.packs.resolve import Read
from engine.packs.standing import build_standing
from engine.packs.stories import StoryBuilder
from engine.packs.wording import build_wording
from engine.packs.yamlfile import Document, Path


class PackBuilder(Declarations):
    """All files of a pack, resolved against each other; every mistake is appended to `problems`."""

    def __init__(self, read: Read, digest: str, texts: Mapping[str, Text], *, sound: bool) -> None:
        super().__init__(read)
        self.digest = digest
        self.texts = texts
        self.sound = sound
        """Whether every file has the form it should."""
        self.flow_documents: dict[str, Document] = {}
        self.table_places: dict[str, tuple[Document, Path]] = {}
        """Where each table stands, each example, `story X`, `unit X`, `finding X` and `hand_over`."""

    def build(self) -> Rulebook | None:
        """The rule book; None when something is wrong."""
        packs = self.files(m.PackFile)
        if len(packs) != 1:
            self.problems.append(
                Problem("RULE-021", f"有 {len(packs)} 个 pack.yaml", "一个规则包恰有一个 rules/pack.yaml")
            )
            return None
        document, pack = packs[0]
        try:
            zone = ZoneInfo(pack.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            self.wrong(document, "RULE-040", ("timezone",), f"没有时区 {pack.timezone}", "如 Asia/Shanghai")
            return None
        organisation = self.organisation()
        subjects = self.subjects()
        parameters = self.parameters(subjects)
        terms = self.terms(parameters)
        ladders = self.ladders()
        results = self.results(subjects)
        self.table_places |= self.declared()
        for where, model in self.files(WordingFile):
            self.table_places |= {f"finding {key}": (where, ("findings", key)) for key in model.findings}
        decisions = self.decisions(subjects)
        before = self.before(subjects)
        names = Names(subjects, self.units, organisation.roles, parameters, terms, ladders, results, decisions, before)
        workflows = self.workflows(names)
        tables = self.tables(subjects, parameters, [model.workflow for _, model in self.files(WorkflowFile)])
        references = build_references(self, subjects)
        sources = build_sources(self, subjects, names.no_length)
        migrations = build_migrations(self, subjects, workflows, decisions)
        papers = build_papers(self, subjects, organisation.roles)
        self.known(document, "RULE-023", ("default_owner",), "单位", pack.default_owner, self.units, UNITS_FILE)
        flow_names = [model.workflow for _, model in self.files(WorkflowFile)]
        self.known(document, "RULE-040", ("default_workflow",), "流程", pack.default_workflow, flow_names)
        hand_over = self.hand_over(document, pack.hand_over, names, organisation)
        standing = build_standing(self, subjects)
        profiles = build_profiles(self, document, pack, terms)
        reports = ReportBuilder(self, organisation, subjects, tables.values()).build()
        examples = self.examples(tables, subjects)
        telling = StoryBuilder(self, zone, subjects, organisation.staff)
        stories = telling.build()
        self.table_places |= telling.places
        carriers = carriers_of(self.read)
        documents = build_documents(self, self.texts, carriers, sound=self.sound)
        wording = build_wording(self, subjects, documents, tables)
        if self.problems:
            return None
        return Rulebook(
            name=pack.pack,
            title=pack.title,
            authority=pack.authority,
            document=pack.document,
            zone=zone,
            default_owner=pack.default_owner,
            default_workflow=pack.default_workflow,
            organisation=organisation,
            subjects=subjects,
            parameters=parameters,
            terms=terms,
            ladders=ladders,
            tables=tables,
            workflows=workflows,
            references=references,
            sources=sources,
            papers=papers,
            examples=tuple(examples),
            stories=tuple(stories),
            standing=standing,
            reports=reports,
            hand_over=hand_over,
            backdate=pack.backdate,
            plan_ahead=pack.plan_ahead,
            digest=self.digest,
            profiles=profiles,
            migrations=migrations,
            documents=documents,
            wording=wording,
            carriers=carriers,
        )

    def declared(self) -> dict[str, tuple[Document, Path]]:
        """Where units, parameters, terms, ladders and clauses stand."""
        made: dict[str, tuple[Document, Path]] = {}
        for kind, model, section in (
            ("unit", m.OrganisationFile, "units"),
            ("parameter", m.ParametersFile, "parameters"),
            ("term", m.TermsFile, "terms"),
            ("ladder", m.LaddersFile, "ladders"),
        ):
            made |= {f"{kind} {name}": (where, (section, name)) for where, name, _ in self.sections(model, section)}
        for where, name, ladder in self.sections(m.LaddersFile, "ladders"):
            for profile in ladder.in_profile:
                path: Path = ("ladders", name, "in_profile", profile)
                made[f"ladder {ladder_under(name, profile)}"] = (where, path)
        for where, name, document in self.sections(ClausesFile, "documents"):
            made |= {f"clause {key}": (where, ("documents", name, "clauses", key)) for key in document.clauses}
        return made

    def hand_over(
        self, document: Document, model: m.HandOverRulesModel, names: Names, organisation: Organisation
    ) -> HandOverRules:
        """How cases change hands outside of any transition; somebody must be there to settle what is whose."""
        path: Path = ("hand_over",)
        self.table_places["hand_over"] = (document, path)
        known = self.known(document, "RULE-023", (*path, "arbiter"), "单位", model.arbiter, self.units, UNITS_FILE)
        if known and not organisation.staffed(model.arbiter):
            what, expected = f"{model.arbiter} 没有人员，无人裁定", f"在 {UNITS_FILE} 里添加"
            self.wrong(document, "RULE-021", (*path, "arbiter"), what, expected)
        flows = {flow.workflow: flow for _, flow in self.files(WorkflowFile)}
        if model.matter and self.known(document, "RULE-040", (*path, "matter"), "流程", model.matter, flows):
            subject = flows[model.matter].subject
            fields = names.subjects[subject].fields if subject in names.subjects else {}
            for name in TRIP_FACTS:
                self.known(document, "RULE-032", (*path, "matter"), f"流程 {model.matter} 的要素", name, fields)
        self.known(document, "FLOW-012", (*path, "ladder"), "催办阶梯", model.ladder, names.ladders)
        if words := names.no_length(model.within):
            self.wrong(document, "RULE-027", (*path, "within"), words, "时长（如 24h）、参数名或 terms 里的词")
        return HandOverRules(model.within, model.ladder, model.most_returns, model.arbiter, model.matter)

    def results(self, subjects: Mapping[str, Subject]) -> dict[str, frozenset[str]]:
        """The tasks of all workflows, and what each may result in."""
        made: dict[str, frozenset[str]] = {}
        for _, model in self.files(WorkflowFile):
            fields = subjects[model.subject].fields if model.subject in subjects else {}
            for name, task in model.tasks.items():
                values = fields[task.result].values if task.result in fields else ()
                made[name] = made.get(name, frozenset()) | set(values)
        return made

    def decisions(self, subjects: Mapping[str, Subject]) -> dict[str, dict[str, dict[str, Any]]]:
        """What the table of each kind of subject may answer: outcome → its values as written."""
        tables = {name: table for _, model in self.files(m.TablesFile) for name, table in model.tables.items()}
        made: dict[str, dict[str, dict[str, Any]]] = {}
        for subject in subjects.values():
            both = [
                tables.get(name) or tables.get(closest(name, tables))
                for name in (subject.decided_by, subject.completed_by)
            ]
            rows = [row for table in both if table for row in table.rules]
            outcomes = made.setdefault(subject.name, {})
            for key, value in (item for row in rows for item in row.then.items()):
                values = outcomes.setdefault(self.meant(key), {})
                values |= {str(one): one for one in (value if isinstance(value, list | dict) else [value])}
        return made

    def before(self, subjects: Mapping[str, Subject]) -> dict[str, list[str]]:
        """Of each workflow: the stages of the others that carry the same kind of subject."""
        flows = [model for _, model in self.files(WorkflowFile)]
        carried = {model.workflow: subject_of(model, subjects) for model in flows}
        return {
            model.workflow: list(
                dict.fromkeys(
                    state.stage
                    for other in flows
                    if carried[other.workflow] == carried[model.workflow] and other.workflow != model.workflow
                    for state in other.states.values()
                )
            )
            for model in flows
        }

    def workflows(self, names: Names) -> dict[str, Workflow]:
        """Each workflow file, under a name used once."""
        made: dict[str, Workflow] = {}
        for document, model in self.files(WorkflowFile):
            if model.workflow in self.flow_documents:
                other = self.flow_documents[model.workflow].file
                self.wrong(
                    document, "RULE-001", ("workflow",), f"流程 {model.workflow} 已写在 {other}", "每个流程只写一次"
                )
                continue
            self.flow_documents[model.workflow] = document
            flow = FlowBuilder(document, model, names, self.problems).build()
            if flow is not None:
                made[flow.name] = flow
        return made

    def tables(
        self, subjects: Mapping[str, Subject], parameters: Mapping[str, Parameter], flows: list[str]
    ) -> dict[str, Table]:
        """Decision tables; a table is about the subject that has all of its inputs."""
        made = {}
        for document, name, model in self.sections(m.TablesFile, "tables"):
            path: Path = ("tables", name)
            self.table_places[name] = (document, path)
            decides = any(s.decided_by == name for s in subjects.values())
            subject = next((s for s in subjects.values() if name in (s.decided_by, s.completed_by)), None)
            fields = subject.fields if subject else {key: of for s in subjects.values() for key, of in s.fields.items()}
            inputs = []
            for index, key in enumerate(model.inputs):
                self.known(document, "RULE-032", (*path, "inputs", index), "要素", key, fields, "rules/fields.yaml")
                if (meant := key if key in fields else closest(key, fields)) and fields[meant] not in inputs:
                    inputs.append(fields[meant])
            for index, row in enumerate(model.rules):
                self.outcome(document, (*path, "rules", index, "then"), row.then, decides=decides)
            rows = [
                self.row(
                    document, (*path, "rules", index), row, {of.name: of for of in inputs}, parameters, flows, fields
                )
                for index, row in enumerate(model.rules)
            ]
            ids: set[str] = set()
            for index, row in enumerate(model.rules):
                if row.id in ids:
                    self.wrong(
                        document, "RULE-001", (*path, "rules", index, "id"), f"规则号 {row.id} 重复", "每条规则一个号"
                    )
                ids.add(row.id)
            try:
                made[name] = Table(name, model.title, model.hit_policy, inputs, rows, model.gaps)
            except ValueError as error:
                self.wrong(document, "RULE-031", (*path, "inputs"), str(error))
        return made

    def row(
        self,
        document: Document,
        path: Path,
        model: m.RowModel,
        inputs: Mapping[str, Field],
        parameters: Mapping[str, Parameter],
        flows: list[str],
        facts: Mapping[str, Field],
    ) -> Row:
        """One rule: its cells read, its outcome's names looked up."""
        if model.from_ and model.until and model.until <= model.from_:
            self.wrong(document, "RULE-036", (*path, "until"), "失效日不晚于生效日", "until 须晚于 from（不含当日）")
        several = model.when if isinstance(model.when, list) else [model.when]
        when = []
        for index, cells in enumerate(several):
            spot: Path = (*path, "when", index) if isinstance(model.when, list) else (*path, "when")
            when.append(self.cells(document, spot, cells, inputs))
        then = model.then
        naming = [f"{FACT}{name}" for name, of in facts.items() if of.type == "unit"]
        for key in ("lead", "supporting"):
            units = [*self.units, COMMUNITY, *naming]
            for unit in then.get(key, []) if isinstance(then.get(key), list) else [then[key]] if key in then else []:
                self.known(document, "RULE-023", (*path, "then", key), "单位", str(unit), units, UNITS_FILE)
        if "workflow" in then:
            written = str(then["workflow"])
            known = self.known(document, "RULE-040", (*path, "then", "workflow"), "流程", written, flows)
            for key, name in self._named_parameters(written if known else closest(written, flows) or "", then):
                if key in then:
                    self.known(document, "RULE-040", (*path, "then", key), "参数", name, parameters)
                elif known and key in self.answered and key not in map(self.meant, then):
                    what = f"流程 {then['workflow']} 要用 decision.{key}，规则没有写 {key}"
                    self.wrong(document, "RULE-040", (*path, "then"), what, f"没有参数可用；then 里写 {key}: 参数名")
        return Row(model.id, tuple(when), then, model.clause or model.source, model.priority, model.from_, model.until)

    def outcome(self, document: Document, path: Path, then: Mapping[str, Any], *, decides: bool) -> None:
        """A rule that decides a subject names who leads; a key that looks like another one is a slip."""
        for key in then:
            if self.meant(key) != key:
                what, hint = f"不认识的键 {key}", nearest(key, self.asked)
                self.wrong(document, "RULE-020", (*path, key), what, f"可用：{listing(self.asked)}", hint)
        for key, value in then.items():
            counts = value.values() if isinstance(value, dict) else ()
            if any(not isinstance(number, int) or isinstance(number, bool) or number < 1 for number in counts):
                self.wrong(
                    document, "RULE-028", (*path, key), f"{key} 的数量不是大于 0 的整数", "每样写一个数，如 {品名: 5}"
                )
        if decides and "lead" not in map(self.meant, then):
            self.wrong(document, "RULE-021", path, "规则没有写谁牵头", "then 里写 lead: 单位 或 属地社区")

    @cached_property
    def answered(self) -> frozenset[str]:
        """The outcomes that some rule has, as written."""
        tables = (table for _, model in self.files(m.TablesFile) for table in model.tables.values())
        return frozenset(key for table in tables for row in table.rules for key in row.then)

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """The outcomes that mean something: the engine's, and what workflows ask of rules as `decision.X`."""
        texts = (json.dumps(document.data, ensure_ascii=False) for document, _ in self.files(WorkflowFile))
        named = (name for text in texts for name in _ASKED.findall(text) if name in self.answered)
        return tuple(dict.fromkeys((*_OUTCOMES, *named)))

    def meant(self, key: str) -> str:
        """The outcome that a rule's key looks like when it means nothing itself."""
        return key if key in self.asked else closest(key, self.asked) or key

    def _named_parameters(self, workflow: str, then: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What `decision.X` in the workflow's clocks and tests asks the outcome to name."""
        model = next((model for _, model in self.files(WorkflowFile) if model.workflow == workflow), None)
        asked = [each.days for each in (*model.clocks.values(), *model.schedules.values())] if model else []
        for item in model.transitions if model else []:
            for transition in item.values():
                for cells in transition.when if isinstance(transition.when, list) else [transition.when]:
                    asked += [
                        str(raw.get(key, ""))
                        for raw in cells.values()
                        if isinstance(raw, dict)
                        for key in ("from_day", "on_days")
                    ]
        keys = dict.fromkeys(name.removeprefix("decision.") for name in asked if name.startswith("decision."))
        return [(key, str(then.get(key, ""))) for key in keys]

    def cells(
        self, document: Document, path: Path, raw: Mapping[str, Any], inputs: Mapping[str, Field]
    ) -> dict[str, Cell]:
        """The cells of a `when:`, each about an input of the table."""
        cells: dict[str, Cell] = {}
        for key, value in raw.items():
            if not self.known(document, "RULE-032", (*path, key), "输入要素", key, inputs, "inputs"):
                continue
            try:
                cell = parse_cell(inputs[key], value)
            except ConditionError as error:
                self.wrong(document, error.code, (*path, key), str(error))
                continue
            if cell is not None:
                cells[key] = cell
        return cells

    def examples(self, tables: Mapping[str, Table], subjects: Mapping[str, Subject]) -> list[Example]:
        """Examples, their facts typed."""
        fields = {key: of for subject in subjects.values() for key, of in subject.fields.items()}
        made = []
        for document, model in self.files(ExamplesFile):
            for index, example in enumerate(model.examples):
                path: Path = ("examples", index)
                self.table_places[example.name] = (document, path)
                self.known(document, "RULE-040", (*path, "table"), "规则表", example.table, tables)
                facts: dict[str, Fact] = {}
                for key, raw in example.facts.items():
                    if not self.known(document, "RULE-032", (*path, "facts", key), "要素", key, fields):
                        continue
                    try:
                        facts[key] = parse_value(fields[key], raw)
                    except ValueError as error:
                        self.wrong(document, "RULE-022", (*path, "facts", key), str(error))
                made.append(Example(example.name, example.table, facts, example.as_of, example.expect))
        return made


_OUTCOMES = ("category", "lead", "supporting", "workflow")
_ASKED = re.compile(r"decision\.(\w+)")
