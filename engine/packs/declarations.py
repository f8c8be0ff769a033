"""What a pack declares to exist: units and people, facts, dated values, vague words and ladders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from engine.core.conditions import Field
from engine.core.org import TOLD, Leader, Organisation, Person, Role, Unit
from engine.core.rulebook import Subject, Term, ladder_under
from engine.core.values import Dated, Parameter, same_name
from engine.core.workflows import Ladder, Rung
from engine.packs import models as m
from engine.packs.models import WordingFile, WorkflowFile
from engine.packs.resolve import Resolver
from engine.packs.yamlfile import Document, Path

UNITS_FILE = "rules/organisation.yaml"


class Declarations(Resolver):
    """Everything that rules and workflows refer to, each with its own mistakes."""

    @cached_property
    def units(self) -> dict[str, str]:
        """The units and their kinds."""
        return {name: unit.kind for _, model in self.files(m.OrganisationFile) for name, unit in model.units.items()}

    def organisation(self) -> Organisation:
        """Units, roles, staff and leaders."""
        roles = {
            name: Role(name, role.title, role.scope, frozenset(role.may), role.sees)
            for _, name, role in self.sections(m.OrganisationFile, "roles")
        }
        units = {}
        for document, name, unit in self.sections(m.OrganisationFile, "units"):
            if unit.parent:
                self.known(document, "RULE-023", ("units", name, "parent"), "单位", unit.parent, self.units)
            if unit.places is not None and unit.kind != "site":
                self.wrong(
                    document,
                    "RULE-029",
                    ("units", name, "places"),
                    f"{name} 没有床位",
                    "places 只用于 kind: site",
                )
            formerly = (*unit.formerly, *(same_name(alias) for alias, word in self.aliases.items() if word == name))
            units[name] = Unit(name, unit.kind, unit.head, unit.parent, unit.duty_phone, formerly, unit.places)
        staff = {}
        for document, user, person in self.sections(m.OrganisationFile, "staff"):
            for index, post in enumerate(person.roles):
                path: Path = ("staff", user, "roles", index)
                self.known(document, "FLOW-012", (*path, "role"), "角色", post.role, roles)
                self.known(document, "RULE-023", (*path, "unit"), "单位", post.unit, self.units, UNITS_FILE)
            staff[user] = Person(user, person.name, tuple((post.role, post.unit) for post in person.roles))
        return Organisation(units, roles, staff, self.leaders())

    def leaders(self) -> tuple[Leader, ...]:
        """Who of the leading group answers for which departments and communities."""
        leaders = []
        taken: dict[str, str] = {}
        for document, model in self.files(m.OrganisationFile):
            for index, leader in enumerate(model.leaders):
                for key in ("fields", "communities"):
                    for unit in getattr(leader, key):
                        self.led(document, ("leaders", index, key), unit, leader.name, taken)
                if not leader.fields and not leader.communities:
                    self.wrong(
                        document,
                        "RULE-021",
                        ("leaders", index),
                        f"{leader.name} 没有分管领域，也没有包联社区",
                        "至少写一样",
                    )
                leaders.append(Leader(leader.name, tuple(leader.fields), tuple(leader.communities)))
        return tuple(leaders)

    def led(self, document: Document, path: Path, unit: str, leader: str, taken: dict[str, str]) -> None:
        """Note a unit that nobody knows, that two leaders answer for, or that is no community where one is meant."""
        if not self.known(document, "RULE-023", path, "单位", unit, self.units, UNITS_FILE):
            return
        if taken.setdefault(unit, leader) != leader:
            self.wrong(document, "RULE-001", path, f"{unit} 由 {taken[unit]} 和 {leader} 两人分管", "一个单位一位领导")
        if (path[-1] == "communities") != (self.units[unit] == "community"):
            self.wrong(
                document, "RULE-031", path, f"{unit} 写在了 {path[-1]} 里", "包联社区写 communities，其余写 fields"
            )

    def subjects(self) -> dict[str, Subject]:
        """The kinds of subject with their typed facts."""
        tables = {name: table for _, model in self.files(m.TablesFile) for name, table in model.tables.items()}
        made = {}
        for document, name, subject in self.sections(m.FieldsFile, "subjects"):
            path: Path = ("subjects", name)
            fields = {
                key: self.field(document, (*path, "fields", key), key, f, here=key == subject.jurisdiction)
                for key, f in subject.fields.items()
            }
            if subject.decided_by:
                self.known(document, "RULE-040", (*path, "decided_by"), "规则表", subject.decided_by, tables)
            self.completed(document, path, subject, tables)
            if subject.default_workflow:
                flows = [flow.workflow for _, flow in self.files(WorkflowFile)]
                spot = (*path, "default_workflow")
                self.known(document, "RULE-040", spot, "流程", subject.default_workflow, flows)
            if subject.jurisdiction:
                self.known(document, "RULE-032", (*path, "jurisdiction"), "要素", subject.jurisdiction, fields)
            for index, key_set in enumerate(subject.identity):
                for key in key_set:
                    self.known(document, "RULE-032", (*path, "identity", index), "要素", key, fields)
            for key in subject.listed:
                self.known(document, "RULE-032", (*path, "listed", key), "要素", subject.listed[key], fields)
            identity = tuple(tuple(keys) for keys in subject.identity)
            made[name] = Subject(
                name,
                subject.title,
                fields,
                subject.decided_by,
                subject.completed_by,
                subject.default_workflow,
                subject.jurisdiction,
                identity,
                subject.listed,
                self.order(document, (*path, "order"), subject.order, fields),
                subject.anyone_opens,
            )
        return made

    def completed(
        self, document: Document, path: Path, subject: m.SubjectModel, tables: Mapping[str, m.TableModel]
    ) -> None:
        """Note a table that cannot add to a decision: it decides alone, or says again what the other one says."""
        name, spot = subject.completed_by, (*path, "completed_by")
        if not name or not self.known(document, "RULE-040", spot, "规则表", name, tables):
            return
        if tables[name].hit_policy != "collect":
            self.wrong(document, "RULE-029", spot, f"规则表 {name} 不是 collect", "completed_by 只用累加的表")
        decided = tables.get(subject.decided_by)
        if decided is None or decided.hit_policy == "collect":
            self.wrong(document, "RULE-021", spot, "没有作判定的表", "写 decided_by: unique 或 priority 的表")
            return
        both = {key for row in decided.rules for key in row.then} & {
            key for row in tables[name].rules for key in row.then
        }
        if both:
            what = f"{'、'.join(sorted(both))} 在 {subject.decided_by} 和 {name} 里都有"
            self.wrong(document, "RULE-029", spot, what, "每个键只由一个表给出")

    def field(self, document: Document, path: Path, name: str, model: m.FieldModel, *, here: bool) -> Field:
        """A typed fact; whether a text is personal must be said, for nobody would notice a forgotten one.

        `here`: it names the place of stay, which is a community; any other unit is one of its `values`, or any.
        """
        if model.type in ("text", "file", "person_ref", "region") and model.pii is None:
            self.wrong(document, "RULE-021", path, f"没写 {model.title} 是不是个人信息", "写 pii: true 或 pii: false")
        if model.type == "enum" and not model.values:
            self.wrong(document, "RULE-021", path, f"{model.title} 没有选项", "写 values: [甲, 乙]")
        if model.pii and model.type != "text":
            self.wrong(document, "RULE-029", (*path, "pii"), f"{model.type} 不能是个人信息", "个人信息只能是 text")
        if model.future and model.type not in ("date", "time"):
            self.wrong(document, "RULE-029", (*path, "future"), f"{model.type} 没有将来", "future 只用于 date 和 time")
        if model.back is not None and model.type not in ("date", "time"):
            self.wrong(document, "RULE-029", (*path, "back"), f"{model.type} 没有先后", "back 只用于 date 和 time")
        for option in model.noted:
            self.known(document, "RULE-022", (*path, "noted"), "选项", option, list(model.values))
        titles = model.values if isinstance(model.values, dict) else {}
        kind = tuple(model.values)
        if model.type == "unit":
            for unit in kind:
                self.known(document, "RULE-023", (*path, "values"), "单位", unit, self.units, UNITS_FILE)
            kind = kind or tuple(unit for unit, of in self.units.items() if not here or of == "community")
        return Field(
            name,
            model.title,
            model.type,
            kind,
            titles,
            model.min,
            model.max,
            bool(model.pii),
            model.required,
            model.check,
            model.future,
            model.back,
            tuple(model.noted),
            self.also(kind, titles) if model.type == "enum" else {},
        )

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Words that mean another one, each with the one it means."""
        each = [
            (alias, word)
            for _, model in self.files(WordingFile)
            for word, listed in model.aliases.items()
            for alias in listed
        ]
        return dict(reversed(each))

    def also(self, options: Iterable[str], titles: Mapping[str, str]) -> dict[str, str]:
        """What the options of a fact are called as well; an option of its own is never another one."""
        named = {same_name(word): value for value in options for word in (value, titles.get(value, value))}
        return {
            same_name(alias): named[same_name(word)]
            for alias, word in self.aliases.items()
            if same_name(word) in named and same_name(alias) not in named
        }

    def parameters(self, subjects: Mapping[str, Subject]) -> dict[str, Parameter]:
        """Dated values, each date once and in order."""
        dates = {
            key for subject in subjects.values() for key, of in subject.fields.items() if of.type in ("date", "time")
        }
        made = {}
        for document, name, model in self.sections(m.ParametersFile, "parameters"):
            path: Path = ("parameters", name)
            if model.dated_by:
                self.known(document, "RULE-032", (*path, "dated_by"), "日期要素", model.dated_by, sorted(dates))
            values = self.dated((*path, "values"), document, model.unit, model.values)
            made[name] = Parameter(name, model.title, model.unit, model.dated_by, values)
        return made

    def dated(self, path: Path, document: Document, unit: str, items: list[m.DatedModel]) -> tuple[Dated, ...]:
        """Values from a day on, in order, each with where it comes from."""
        values: list[Dated] = []
        for index, item in enumerate(items):
            spot = (*path, index)
            if values and item.from_ <= values[-1].since:
                self.wrong(document, "RULE-036", (*spot, "from"), "日期没有晚于上一条", "按日期先后写，不能重叠")
            if not item.clause and not item.source:
                self.wrong(document, "RULE-021", spot, "没有出处", "写 clause 或 source")
            value = tuple(item.value) if isinstance(item.value, list) else item.value
            last = item.value[-1] if isinstance(item.value, list) and item.value else item.value
            if unit == "day" and last == 0:
                self.wrong(document, "RULE-027", (*spot, "value"), "天数为 0", "至少 1 天；废止写 null")
            values.append(Dated(item.from_, value, item.clause, item.source))
        return tuple(values)

    def terms(self, parameters: Mapping[str, Parameter]) -> dict[str, Term]:
        """Vague words: each bound or waived, not both."""
        made = {}
        for document, name, term in self.sections(m.TermsFile, "terms"):
            path: Path = ("terms", name)
            if sum((term.within is not None, bool(term.parameter), bool(term.waived))) != 1:
                self.wrong(
                    document,
                    "RULE-021",
                    path,
                    f"{name} 要么定时限，要么说明为何不定",
                    "within、parameter 或 waived 写一个",
                )
            if term.parameter:
                self.known(document, "RULE-040", (*path, "parameter"), "参数", term.parameter, parameters)
            if term.owner:
                self.known(document, "RULE-023", (*path, "owner"), "单位", term.owner, self.units, UNITS_FILE)
            made[name] = Term(name, term.within, term.clause, term.owner, term.waived, term.parameter)
        return made

    def ladders(self) -> dict[str, Ladder]:
        """Ladders, their rungs in the order of time."""
        made = {}
        for document, name, model in self.sections(m.LaddersFile, "ladders"):
            made[name] = self.ladder(document, ("ladders", name), name, model.title, model)
            for profile, other in model.in_profile.items():
                path: Path = ("ladders", name, "in_profile", profile)
                under = ladder_under(name, profile)
                made[under] = self.ladder(document, path, under, f"{model.title}（{profile}）", other)
        return made

    def ladder(self, document: Document, path: Path, name: str, title: str, model: m.ClimbModel) -> Ladder:
        """A ladder, its rungs in the order of time."""
        rungs = [Rung(rung.at, rung.level, rung.tell) for rung in model.rungs]
        for index, rung in enumerate(rungs):
            spot: Path = (*path, "rungs", index)
            if rung.tell not in TOLD:
                self.known(
                    document,
                    "RULE-023",
                    (*spot, "tell"),
                    "单位",
                    rung.tell,
                    [*self.units, *TOLD],
                )
            if index and rung.at <= rungs[index - 1].at:
                self.wrong(document, "RULE-036", (*spot, "at"), "时间没有晚于上一级", "各级按时间先后写")
        return Ladder(name, title, tuple(rungs), model.again)
