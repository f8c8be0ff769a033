"""What a command is refused for before any rule is asked: overtaken by somebody, filled in unasked, opened twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.core import lifecycle
from engine.core.case import Case, moment
from engine.core.errors import BadInput, Conflict, Problem, Refused, listing, nearest
from engine.core.org import Actor
from engine.core.rulebook import Rulebook, Subject
from engine.core.workflows import Evidence, Workflow
from engine.store.store import Driver, Store, load_case


def overtaken(store: Store, book: Rulebook, case: Case, actor: Actor, seen: str, name: str) -> None:
    """Whoever acts on a state that is no longer is told who moved the case, when, and what is possible."""
    flow = book.workflows[case.workflow]
    tried = flow.transitions.get(name)
    if tried is None or case.state in ({seen} if seen else tried.sources):
        return
    with store.reading() as driver:
        moves = driver.execute(
            "SELECT actor, recorded_at, json_extract(data, '$.from') FROM event"
            " WHERE case_id = ? AND seq <= ? AND type IN ('opened', 'advanced') ORDER BY seq DESC",
            (case.id, case.seq),
        ).fetchall()
    seen = seen or next((left for _, _, left in moves if left in tried.sources), "")
    if not seen:
        return
    who, when, _ = moves[0]
    here = [f"{name}（{flow.transitions[name].title}）" for name in lifecycle.possible(book, case, actor)]
    at = moment(when).astimezone(book.zone).strftime("%m-%d %H:%M")
    state = flow.states[case.state]
    was = flow.states[seen].title if seen in flow.states else seen
    raise Conflict(
        Problem(
            "CASE-409",
            f"不能{tried.title}（{name}）：案件已由 {who} 于 {at} 推进到“{state.title}”，不在“{was}”",
            f"您现在可以：{listing(here) or '无'}",
        )
    )


RECEIVER = "由接收方签收时填写：bihuan handover accept"
"""Where to fill in what a transition that hands over asks of the receiver."""


def unasked(
    kind: Subject, evidence: Iterable[Evidence], verb: str, raw: Mapping[str, Any], later: Iterable[Evidence] = ()
) -> None:
    """Only what is asked for may be stated at a transition or when accepting; `later`: what the receiver fills in."""
    asked = {item.field for item in evidence}
    if raw.keys() <= asked:
        return
    allowed = asked | {kind.fields[field].title for field in asked}
    extra = [given for given in raw if given not in allowed]
    if extra:
        receiver = {item.field for item in later}
        receiver |= {kind.fields[field].title for field in receiver}
        shown = listing([f"{kind.fields[field].title}（{field}）" for field in sorted(asked)]) or "无"
        raise BadInput(
            [
                Problem(
                    "FACT-004",
                    f"{verb}不收 {given}",
                    f"可填：{shown}",
                    RECEIVER if given in receiver else nearest(given, allowed),
                )
                for given in extra
            ]
        )


def second_case(driver: Driver, book: Rulebook, subject: str, sees: Callable[[Case], bool]) -> None:
    """One open case per subject; whoever may not see it is told whom to ask, and not its number."""
    row = driver.execute("SELECT id FROM \"case\" WHERE subject = ? AND final = ''", (subject,)).fetchone()
    found = load_case(driver, row[0]) if row else None
    if found is None:
        return
    if sees(found[0]):
        raise Refused(Problem("CASE-014", "已有在办案件", f"案件 {found[0].id}；在它上面继续办理"))
    asked = [role.title for role in book.organisation.roles.values() if role.acts_on_all]
    raise Refused(Problem("CASE-014", "此人已由别的单位在办", f"请联系 {listing(asked) or '默认责任单位'} 核对"))


def state_of(flow: Workflow, seen: str) -> str:
    """The state that somebody says she saw, by its name or title; empty: she says nothing."""
    if not seen:
        return ""
    found = next((of.name for of in flow.states.values() if seen in (of.name, of.title)), "")
    if not found:
        shown = [f"{of.title}（{of.name}）" for of in flow.states.values()]
        options = [word for of in flow.states.values() for word in (of.name, of.title)]
        raise BadInput(Problem("ARG-005", f"没有环节 {seen}", f"可用：{listing(shown, 30)}", nearest(seen, options)))
    return found
