"""The use cases: one method, one transaction, the same for the command line, lists and the sweep."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import structs

from engine import refusals, releases, vault
from engine.alongside import settled, together
from engine.closing import told_undone
from engine.core import corrections, lifecycle, tasks
from engine.core.case import Case, micros, moment
from engine.core.conditions import Fact
from engine.core.errors import BadInput, BihuanError, Conflict, Damaged, Problem, Refused, listing, nearest
from engine.core.judging import Stated, typed
from engine.core.org import Actor
from engine.core.reckoning import CONFIRM, HAND_OVER, RULES
from engine.core.rulebook import Rulebook, Subject
from engine.ids import new_id, read_id
from engine.intake.given import parse
from engine.packs.pack import compile_pack
from engine.step import Step
from engine.store import places, references, subjects
from engine.store import schema as s
from engine.store.changes import Change, Ready, corrected, plain
from engine.store.occurrences import make_begun
from engine.store.store import Lost, Store, Writer
from engine.vault import MasterKey

ATTEMPTS = 3
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Between these a rehearsal may be: far outside of them days cannot be reckoned with."""
REASON = "reason@"
"""`reason@CASE:5` is why somebody did what the fifth event of a case tells."""
SIGNED = "signed@"
"""`signed@CASE:5` is who signed for the paper that the fifth event tells of."""


class _TakenBack(Exception):
    """A dry run has been written, and is rolled back."""


class Office:
    """One office at work: its database, its key, and the releases it runs."""

    def __init__(self, store: Store, master: MasterKey, meta: Mapping[str, str]) -> None:
        self.store = store
        self.master = master
        self.rehearsal = "rehearsal" in meta
        self.account = getpass.getuser()
        self.releases = releases.Releases(store)

    @classmethod
    def create(
        cls, path: Path, key_path: Path, files: Mapping[str, bytes], rehearsal: datetime | None = None
    ) -> Office:
        """A new database with the pack as release 1; a rehearsal has its own clock."""
        book = compile_pack(files)
        if rehearsal is not None and not EARLIEST <= rehearsal < LATEST:
            raise BadInput(Problem("ARG-002", "演练从这一刻起不行", f"{EARLIEST:%Y-%m-%d} 到 {LATEST:%Y-%m-%d} 之间"))
        vault.check_outside(key_path, path)
        master = MasterKey.load(key_path) if key_path.exists() else MasterKey.create(key_path)
        meta = {"schema": s.SCHEMA, "key": master.key_id}
        if rehearsal is not None:
            meta["rehearsal"] = str(micros(rehearsal))
        office = cls(Store.create(path, master.chain, meta), master, meta)
        releases.first(office.store, files, book, office.account, office.now())
        return office

    @classmethod
    def open(cls, path: Path, key_path: Path) -> Office:
        """An existing database with the key it was made with."""
        if not path.is_file():
            raise BadInput(Problem("STORE-005", f"没有数据库 {path}", "先运行 bihuan init，或用 --db / BIHUAN_DB 指明"))
        master = MasterKey.load(key_path)
        store = Store(path, master.chain)
        try:
            meta = store.meta()
            if meta.get("schema") != s.SCHEMA:
                what = f"数据库 {path.name} 的格式号是 {meta.get('schema', '空')}，本程序用 {s.SCHEMA}"
                raise Damaged(Problem("STORE-006", what, "用建它的那一版程序打开；新建数据库用 bihuan init"))
            if meta.get("key") != master.key_id:
                expected = f"应为 {meta.get('key')}；用 BIHUAN_KEYS 指明"
                raise BadInput(Problem("KEY-006", "密钥文件不是这个数据库的", expected))
        except BihuanError:
            store.close()
            raise
        return cls(store, master, meta)

    def now(self) -> datetime:
        """The present: the clock on the wall, or the rehearsal's own."""
        if self.rehearsal:
            return moment(self.store.rehearsal_clock())
        return datetime.now(UTC)

    def book(self, release: int = 0) -> Rulebook:
        """A stored release; 0: the one in force now, under the profile the office works in."""
        if release:
            return self.releases.book(release)
        return self.releases.in_force(None if self.rehearsal else micros(self.now()))

    def actor(self, user: str) -> Actor:
        """The member of staff who acts; nobody may do anything without a name."""
        staff = self.book().organisation.staff
        actor = self.book().organisation.actor(user, self.account)
        if actor is None:
            what = f"没有用户 {user}" if user else "没有说明是谁在办理"
            raise Refused(Problem("AUTH-001", what, f"用 --as 指明：{listing(list(staff))}", nearest(user, staff)))
        return actor

    def require(self, actor: Actor, *rights: str, of: frozenset[str] | None = None) -> None:
        """Refuse what none of her roles allows; `of`: the units that have to do with what it is done to."""
        organisation = self.book().organisation
        held = [right for right in rights if organisation.permits(actor, right)]
        if not held:
            holders = [role.title for role in organisation.roles.values() if role.may & set(rights)]
            raise Refused(
                Problem("AUTH-002", f"{actor.user} 没有权限 {rights[0]}", f"有此权限的角色：{listing(holders) or '无'}")
            )
        if of is not None and not any(reach is None or reach & of for reach in (self.reach(actor, r) for r in held)):
            what = f"{actor.user} 只能看，不能 {rights[0]}"
            raise Refused(Problem("AUTH-002", what, "权限只及于本单位牵头、配合、负责或曾经负责的案件"))

    def reach(self, actor: Actor, right: str) -> frozenset[str] | None:
        """The units a right of hers reaches; None: all of them."""
        roles = self.book().organisation.roles
        held = [(roles[role], unit) for role, unit in actor.roles if right in roles[role].may]
        return None if any(role.acts_on_all for role, _ in held) else frozenset(unit for _, unit in held)

    def open_case(self, kind_name: str, raw: Mapping[str, Any], actor: Actor, request_key: str = "") -> dict[str, Any]:
        """Open a case for a subject (no kind named: the first decided); one already known is used, not doubled."""
        digest = self.digest("open", kind_name, actor.user, raw)
        book, now = self.book(), self.now()
        kind = book.kind_named(kind_name)
        if not kind.anyone_opens:
            self.require(actor, "open", "intake")
        stated, texts = parse(book, kind, raw, now)

        def decide(now: datetime) -> Step:
            return self.opening(book, kind, stated, texts, actor, now)

        return self.act(decide, request_key, digest)

    def opening(
        self,
        book: Rulebook,
        kind: Subject,
        stated: Stated,
        texts: Mapping[str, str],
        actor: Actor,
        now: datetime,
        parents: Mapping[str, str] | None = None,
    ) -> Step:
        """The case of a subject; somebody entering the same one at the same moment is seen under the write lock."""
        missing = [of.title for of in kind.fields.values() if of.required and of.name not in {**texts, **stated.facts}]
        if missing:
            raise BadInput([Problem("FACT-003", f"缺少 {title}", "必填") for title in missing])
        told, sees = subjects.identities(self.master, kind, {**stated.facts, **texts}.get), partial(self.sees, actor)
        with self.store.reading() as driver:
            known = subjects.find(driver, told)
            subject = next((known[item] for item in told if item in known), "")
            refusals.second_case(driver, book, subject, sees)
            key = subjects.keys(driver, self.master, [subject]).get(subject) if subject else None
            (given,), (stays,) = references.derived(driver, self.master, book, [{**stated.facts, **texts}.get], now)
            kept = subjects.opened(driver, key) if key else {}
        stated = structs.replace(stated, facts=given | dict(stated.facts))
        new = key is None
        key = key or self.master.new_subject(new_id())
        happened, decision = lifecycle.open_case(book, kind.name, key.subject, stated, actor, now, parents=parents)
        if (name := subjects.other_name(kind, kept, texts)) is not None:
            texts = {**texts, f"{name}{subjects.ORIGIN}原登记": kept[name]}
            happened = happened._replace(data={**happened.data, "alerts": ["identity"]})
        sealed = subjects.Sealed()
        sealed.add(key, kind.name, texts, new=new)
        sealed.identify(key.subject, told)
        change = Change.of(book, None, b"", (happened,), new_id())
        answer = self.answer(book, change.case)
        if decision is not None:
            answer["rules"], answer["matched"] = list(decision.rules), decision.matched

        def unchanged(writer: Writer) -> None:
            if subjects.find(writer.driver, told) != known:
                raise Lost(Problem("CASE-409", "此人正被别人录入", "看一眼现状再试"))
            refusals.second_case(writer.driver, book, subject, sees)
            references.keep(writer, references.rows(book, change.case.id, stays, change.case.facts.get))

        return Step([change], answer, sealed, unchanged)

    def digest(self, verb: str, what: str, user: str, raw: Mapping[str, Any]) -> str:
        """What a request asks for, as a keyed hash: the values may be personal."""
        told = plain({"verb": verb, "what": what, "user": user, "raw": sorted((n, str(v)) for n, v in raw.items())})
        return self.master.index("request", told.decode()).hex()

    def advance(
        self,
        case_id: str,
        name: str,
        actor: Actor,
        raw: Mapping[str, Any] | None = None,
        *,
        occurred_at: datetime | None = None,
        seen_state: str = "",
        request_key: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Fire a transition of a case; `seen_state` is the state the actor saw, and a changed one is a conflict.

        `dry_run` only says what would become of it.
        """
        digest = self.digest("advance", case_id + " " + name, actor.user, raw or {}) if request_key else ""

        def decide(now: datetime) -> Step:
            case, head = self.case(case_id, actor)
            book = self.book(case.release)
            flow = book.workflows[case.workflow]
            verb = flow.named(name)
            refusals.overtaken(self.store, book, case, actor, refusals.state_of(flow, seen_state), verb)
            kind = book.kind_of(case.workflow)
            if verb in flow.transitions:
                asked = flow.transitions[verb]
                later = asked.hand_over.evidence if asked.hand_over else ()
                refusals.unasked(kind, asked.evidence, f"动作 {verb} ", raw or {}, later)
            stated, texts = parse(book, kind, raw or {}, now)
            found, stays = self.matched(book, case, stated, texts, now)
            given = {key: value for key, value in found.items() if case.facts.get(key) is None}
            if given:
                stated = structs.replace(stated, facts=given | dict(stated.facts))
            happened = lifecycle.advance(book, case, verb, actor, stated, now, occurred_at)
            changes = self.following(book, Change.of(book, case, head, happened), actor, again=bool(given))

            def before(writer: Writer) -> None:
                references.keep(writer, references.rows(book, case.id, stays, changes[0].case.facts.get))

            answer = self.answer(book, changes[-1].case) | tasks.filled(book, case, happened)
            sealed = self.seal(case.subject, kind, texts)
            return together(self, changes[0], Step(changes, answer, sealed, before), texts, actor, now)

        return self.act(decide, request_key, digest, dry_run=dry_run)

    def personal(self, subject: str) -> dict[str, str]:
        """The personal values of a subject, in clear; none when they were erased."""
        with self.store.reading() as driver:
            key = subjects.keys(driver, self.master, [subject]).get(subject)
            return subjects.opened(driver, key) if key is not None else {}

    def matched(
        self, book: Rulebook, case: Case, stated: Stated, texts: Mapping[str, str], now: datetime
    ) -> tuple[dict[str, Fact], list[references.Stay]]:
        """What the reference lists say of a stay that is told or corrected now; nothing when none is."""
        if book.stays.isdisjoint(stated.facts) and book.stays.isdisjoint(texts):
            return {}, []
        with self.store.reading() as driver:
            key = subjects.keys(driver, self.master, [case.subject]).get(case.subject)
            known = subjects.opened(driver, key) if key is not None else {}
            told = {**typed(book, case), **known, **stated.facts, **texts}
            (given,), (stays,) = references.derived(driver, self.master, book, [told.get], now)
        return given, stays

    def following(self, book: Rulebook, change: Change, actor: Actor, *, again: bool = False) -> list[Change]:
        """A change, and what its facts lead to where a transition in it `decides`: another owner, or another case."""
        transitions = book.workflows[change.case.workflow].transitions
        if not again and not any(
            transitions[e.data["transition"]].decides for e in change.events if e.type == "advanced"
        ):
            return [change]
        done = corrections.decide_again(book, change.case, actor, change.events[-1].occurred_at, new_id())
        return [change] if done is None else corrected(book, change, change.case, change.head, done)

    def act(
        self, decide: Callable[[datetime], Step], request_key: str = "", digest: str = "", *, dry_run: bool = False
    ) -> dict[str, Any]:
        """The one way a command is carried out: decided on one view of the database, written in one transaction.

        When somebody else was first, nothing was written, and it is decided again on what is there now. `dry_run`: it
        is written and refused like any other, and then taken back.
        """
        for _ in range(ATTEMPTS):
            with self.store.reading():
                if request_key and (given := self.store.answered(request_key, digest)):
                    return given
                now = self.now()
                step, changes = settled(self, decide(now), now)
                changes, step.answer = told_undone(self, changes, step.answer)
            try:
                self._write(step, changes, now, (request_key, digest), dry_run=dry_run)
            except Lost:
                continue
            except _TakenBack:
                return step.answer | {"dry_run": True}
            return step.answer
        raise Conflict(Problem("CASE-409", "案件正被别人连续办理", "看一眼现状再试"))

    def _write(
        self, step: Step, changes: list[Change], now: datetime, request: tuple[str, str], *, dry_run: bool
    ) -> None:
        """Everything a command changes, in one transaction; its rows are made before the lock is taken."""
        ready = [Ready.of(change) for change in sorted(changes, key=lambda change: change.case.id)]
        with self.store.writing(micros(now)) as writer:
            if step.before:
                step.before(writer)
            for change in changes:
                if change.before is None and change.case.follows:
                    references.move(writer, change.case.follows, change.case.id)
            writer.append(ready)
            make_begun(writer, ready, self.book, self.account)
            if any("placed" in change.rows for change in ready):
                places.refuse_overfull(writer.driver, ready, self.book().organisation.units)
            step.sealed.write(writer)
            if request[0]:
                writer.request(*request, step.answer)
            if dry_run:
                raise _TakenBack

    def seal(self, subject: str, kind: Subject, texts: Mapping[str, str]) -> subjects.Sealed:
        """Personal values of a subject, ready to be written."""
        sealed = subjects.Sealed()
        if texts:
            with self.store.reading() as driver:
                key = subjects.keys(driver, self.master, [subject]).get(subject)
            if key is None:
                raise Refused(Problem("SUBJ-002", "此对象的个人信息已清除", "不能再填个人信息"))
            sealed.add(key, kind.name, texts, new=False)
            if texts.keys() & {name for names in kind.identity for name in names}:
                with self.store.reading() as driver:
                    known = {**subjects.opened(driver, key), **texts}
                sealed.identify(subject, subjects.identities(self.master, kind, known.get))
        return sealed

    def reason(self, case: Case, event: int, text: str) -> subjects.Sealed:
        """Why somebody did what event number `event` of a case tells, sealed: people write names into reasons."""
        if not text.strip():
            raise BadInput(Problem("FACT-003", "缺少理由", "必填"))
        kind = self.book(case.release).kind_of(case.workflow)
        return self.seal(case.subject, kind, {f"{REASON}{case.id}:{event}": text.strip()})

    def open_case_of(self, told: Sequence[tuple[str, bytes]]) -> tuple[Case, bytes] | None:
        """The open case of the subject that is known by one of these identities."""
        with self.store.reading() as driver:
            known = subjects.find(driver, told)
            subject = next((known[item] for item in told if item in known), "")
            row = driver.execute("SELECT id FROM \"case\" WHERE subject = ? AND final = ''", (subject,)).fetchone()
            return self.store.load(row[0]) if row else None

    def case(self, case_id: str, actor: Actor) -> tuple[Case, bytes]:
        """A case this actor may see; any other is as if it did not exist."""
        found = self.store.load(case_id) or self.store.load(read_id(case_id) or "")
        if found is None or not self.sees(actor, found[0]):
            raise BadInput(
                Problem("CASE-404", f"没有案件 {case_id}，或不归您的单位看", "编号见 case list；核对最后一位校验字符")
            )
        return found

    def sees(self, actor: Actor, case: Case) -> bool:
        """Whether she sees the case: her unit is or was involved in it, or one of her roles sees all of them."""
        return bool(actor.units() & case.involved) or self.book().organisation.sees_all(actor)

    def answer(self, book: Rulebook, case: Case) -> dict[str, Any]:
        """What is told of a case after a command: nothing personal."""
        flow = book.workflows[case.workflow]
        titles = {item.name: item.title for item in flow.states[case.state].deadlines}
        if case.offer:
            titles[HAND_OVER] = f"{case.offer.to} 签收"
        if case.proposal:
            titles[CONFIRM] = "确认更正"
        if case.asked:
            titles[RULES] = "规则变动待决定"
        return {
            "case": case.id,
            "workflow": case.workflow,
            "category": case.category,
            "state": case.state,
            "state_title": flow.states[case.state].title,
            "owner": case.owner,
            "final": case.final,
            "offered_to": case.offer.to if case.offer else "",
            "deadline_titles": titles,
            "deadlines": {name: armed.due.astimezone(book.zone).isoformat() for name, armed in case.deadlines.items()},
        }

    def set_clock(self, at: int) -> None:
        """Put a rehearsal's clock to a moment (microseconds since 1970); no other database's clock moves."""
        if not self.rehearsal:
            raise Refused(Problem("CLOCK-001", "这不是演练数据库，时钟不能拨动", "用 bihuan init --rehearsal 建演练库"))
        with self.store.writing(at) as writer:
            writer.cursor.execute("UPDATE meta SET value = ? WHERE name = 'rehearsal'", (str(at),))

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()
