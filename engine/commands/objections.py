"""Why rules cannot be published: open cases that would be left nowhere, history rewritten, entries about nothing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.commands.migrating import PLANNED, SUPERSEDED, cases, fresh, named_by, plans
from engine.core.conditions import OneOf
from engine.core.errors import Problem, listing, nearest
from engine.core.migrations import DECISION
from engine.core.rulebook import Rulebook
from engine.service import Office
from engine.store.store import Driver


def objections(office: Office, book: Rulebook) -> list[Problem]:
    """Why the rules cannot be published: open cases that would be left nowhere, and history that was rewritten."""
    with office.store.reading() as driver:
        return [*_stranded(office, driver, book), *_rewritten(office, driver, book), *_slips(office, driver, book)]


def _slips(office: Office, driver: Driver, book: Rulebook) -> Iterator[Problem]:
    """Entries that can be about no case: a workflow or a decision that no rules of an open case ever knew."""
    numbers = driver.execute("SELECT DISTINCT release FROM \"case\" WHERE final = ''").fetchall()
    books = [book, office.book(), *(office.book(number) for (number,) in numbers)]
    flows = {flow.name: flow.title for each in books for flow in each.workflows.values()}
    given: dict[str, set[str]] = {}
    for row in (row for each in books for table in each.tables.values() for row in table.rows):
        for name, value in row.then.items():
            given.setdefault(name, set()).update(map(str, value if isinstance(value, list | tuple) else [value]))
    for entry in (entry for group in fresh(driver, book).values() for entry in group):
        where = f"migration 里的 {entry.name}"
        if entry.workflow not in flows:
            meant = next((name for name, title in flows.items() if title == entry.workflow), "")
            hint = meant or nearest(entry.workflow, flows)
            yield Problem("FLOW-001", f"{where}：没有流程 {entry.workflow}", f"可用：{listing(sorted(flows))}", hint)
        for key, cell in ((key, cell) for cells in entry.when for key, cell in cells.items()):
            known = given.get(key.removeprefix(DECISION), set()) if key.startswith(DECISION) else set()
            wrong = sorted(map(str, cell.values - known)) if known and isinstance(cell, OneOf) else []
            for value in wrong:
                what = f"{where}：规则从来不判定 {key} 为 {value}"
                yield Problem("RULE-022", what, f"可用：{listing(sorted(known))}", nearest(value, known))


def _rewritten(office: Office, driver: Driver, book: Rulebook) -> Iterator[Problem]:
    now = {entry.name: entry for entry in book.migrations}
    for plan in plans(driver, "WHERE state NOT IN (?, ?)", (PLANNED, SUPERSEDED)):
        for then in office.book(plan.release).migrations:
            if then.name in plan.entries and now.get(then.name, then) != then:
                what = f"migration 里的 {then.name} 已由计划 {plan.number} 套用，却改了内容"
                yield Problem("RULE-037", what, "旧的留着不动，另写一项，换一个号")


def _stranded(office: Office, driver: Driver, book: Rulebook) -> Iterator[Problem]:
    """States that are gone with cases in them that no entry names."""
    entries = [entry for group in fresh(driver, book).values() for entry in group]
    found = driver.execute("SELECT DISTINCT workflow, state FROM \"case\" WHERE final = ''").fetchall()
    for workflow, state in sorted(found):
        flow = book.workflows.get(workflow)
        if flow is not None and state in flow.states and not flow.states[state].final:
            continue
        rows = driver.execute(
            "SELECT id, snapshot, seq FROM \"case\" WHERE final = '' AND workflow = ? AND state = ? ORDER BY id",
            (workflow, state),
        )
        left = [case.id for case in cases(rows) if named_by(office, entries, case) is None]
        if left:
            stanza = f"- {{id: …, from: …, reason: …, workflow: {workflow}, do: move, moves: {{{state}: 新环节}}}}"
            what = f"流程 {workflow} 没有环节 {state} 了，还有 {len(left)} 件案件停在那里：{listing(left)}"
            yield Problem("FLOW-010", what, f"在 rules/migration.yaml 里写 {stanza}，或 do: keep、ask")
