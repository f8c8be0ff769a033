"""rules/reports.yaml → reports: every word, workflow, category, stage and fact that they name must exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.core.conditions import Field
from engine.core.org import Organisation
from engine.core.reports import FACT, REPLACED, SHOWN, WORDS, YES_NO, Choice, Column, Report, Sheet, Shown
from engine.core.rulebook import Subject
from engine.core.tables import Table
from engine.core.workflows import FINAL
from engine.packs import models as m
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path

_GROUPED = ("enum", "unit", "yes_no")


class ReportBuilder:
    """The reports of a pack; each mistake is noted where it stands."""

    def __init__(
        self,
        pack: Resolver,
        organisation: Organisation,
        subjects: Mapping[str, Subject],
        tables: Iterable[Table],
    ) -> None:
        self.pack = pack
        self.units = organisation.units
        self.roles = organisation.roles
        self.fields: dict[str, Field] = {key: of for kind in subjects.values() for key, of in kind.fields.items()}
        # as written, so that what is wrong inside a workflow is not told of every report that names it
        flows = [model for _, model in pack.files(m.WorkflowFile)]
        states = [(name, state.stage) for flow in flows for name, state in flow.states.items()]
        categories = [str(row.then["category"]) for table in tables for row in table.rows if "category" in row.then]
        self.values: dict[str, list[str]] = {
            "workflow": [flow.workflow for flow in flows],
            "subject": list(subjects),
            "category": list(dict.fromkeys(categories)),
            "state": list(dict.fromkeys(name for name, _ in states)),
            "stage": list(dict.fromkeys(stage for _, stage in states)),
            "owner": list(self.units),
            "lead": list(self.units),
            "final": [*FINAL, REPLACED],
            "stream": list(dict.fromkeys(flow.stream for flow in flows if flow.stream)),
        }

    def build(self) -> dict[str, Report]:
        """The reports by name."""
        made = {}
        for document, name, model in self.pack.sections(m.ReportsFile, "reports"):
            path: Path = ("reports", name)
            self.pack.known(document, "RULE-023", (*path, "to"), "单位", model.to, self.units)
            for at, unit in enumerate(model.sent_by):
                self.pack.known(document, "RULE-023", (*path, "sent_by", at), "单位", unit, self.units)
            for at, role in enumerate(model.own):
                self.pack.known(document, "FLOW-012", (*path, "own", at), "角色", role, self.roles)
            sheets = [self.sheet(document, (*path, "sheets", at), sheet) for at, sheet in enumerate(model.sheets)]
            titles = [sheet.title for sheet in sheets]
            for at, title in enumerate(titles):
                if title in titles[:at] or len(title) > LONGEST:
                    what = f"表名 {title} 重复，或超过 {LONGEST} 个字"
                    self.pack.wrong(document, "RULE-001", (*path, "sheets", at, "title"), what, "每张表一个短名字")
            made[name] = Report(
                name,
                model.title,
                model.to,
                model.period,
                tuple(sheets),
                model.clause or model.source,
                tuple(model.sent_by),
                tuple(model.own),
            )
        return made

    def sheet(self, document: Document, path: Path, model: m.SheetModel) -> Sheet:
        """One page: figures or a list, never both."""
        if bool(model.columns) == bool(model.listed) or bool(model.columns) != bool(model.rows):
            self.pack.wrong(
                document, "RULE-021", path, f"表 {model.title} 写数字还是写名单", "rows 与 columns，或 list，只写一种"
            )
        columns = [
            Column(column.title, column.count, self.choice(document, (*path, "columns", at, "of"), column.of))
            for at, column in enumerate(model.columns)
        ]
        listed = [Shown(shown.title, shown.show) for shown in model.listed]
        for at, shown in enumerate(listed):
            self.word(document, (*path, "list", at, "show"), shown.show, SHOWN)
        if model.rows:
            self.grouped(document, (*path, "rows"), model.rows)
        order = self.order(model.rows) if model.rows else ()
        of = self.choice(document, (*path, "of"), model.of)
        return Sheet(model.title, of, model.rows, tuple(order), tuple(columns), model.total, model.cases, tuple(listed))

    def choice(self, document: Document, path: Path, raw: Mapping[str, list[str]]) -> Choice:
        """Which cases: each word known, and each of its values."""
        for word, values in raw.items():
            if not self.grouped(document, (*path, word), word):
                continue
            options = [*self.order(word), UNKNOWN] if word.startswith(FACT) else self.order(word)
            for value in values:
                self.pack.known(document, "RULE-022", (*path, word), "选项", value, options)
        return Choice({word: frozenset("" if of == UNKNOWN else of for of in values) for word, values in raw.items()})

    def grouped(self, document: Document, path: Path, word: str) -> bool:
        """Whether cases can be chosen or grouped by a word; a fact must have few values, and be nobody's secret."""
        if not self.word(document, path, word, WORDS):
            return False
        if word.startswith(FACT) and self.fields[word.removeprefix(FACT)].type not in _GROUPED:
            self.pack.wrong(document, "RULE-031", path, f"{word} 不能分组", "只用选项、单位、是否")
            return False
        return True

    def word(self, document: Document, path: Path, word: str, words: Iterable[str]) -> bool:
        """Whether a word exists, or the fact that it names."""
        if word.startswith(FACT):
            return self.pack.known(document, "RULE-032", path, "要素", word.removeprefix(FACT), self.fields)
        return self.pack.known(document, "RULE-040", path, "统计词", word, [*words, "fact.要素"])

    def order(self, word: str) -> list[str]:
        """The values of a word, in the order in which the pack has them."""
        if not word.startswith(FACT):
            return self.values.get(word, [])
        of = self.fields.get(word.removeprefix(FACT))
        return [] if of is None else list(YES_NO.values()) if of.type == "yes_no" else list(of.values)


UNKNOWN = "unknown"
"""That a fact is not known, as conditions say it."""
LONGEST = 31
"""A sheet of a workbook has no longer name."""
