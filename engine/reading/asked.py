"""What a list is asked for by name or title: states, a workflow, a unit; a wrong one is told with the nearest."""

from __future__ import annotations

from engine.core.errors import BadInput, Problem, listing, nearest
from engine.core.org import Organisation
from engine.core.rulebook import Rulebook


def states_of(book: Rulebook, asked: str) -> list[str]:
    """The states of that name or title; none where none is asked for."""
    known = [of for flow in book.workflows.values() for of in flow.states.values()]
    found = sorted({of.name for of in known if asked in (of.name, of.title)})
    if asked and not found:
        options = list(dict.fromkeys([of.title for of in known] + [of.name for of in known]))
        shown = listing(list(dict.fromkeys(of.title for of in known)), 30)
        raise BadInput(Problem("ARG-005", f"没有环节 {asked}", f"可用：{shown}", nearest(asked, options)))
    return found


def workflow_of(book: Rulebook, asked: str) -> str:
    """The workflow of that name or title; empty where none is asked for."""
    found = next((flow.name for flow in book.workflows.values() if asked in (flow.name, flow.title)), "")
    if asked and not found:
        titles = [flow.title for flow in book.workflows.values()]
        shown = f"可用：{listing(titles, 30)}"
        raise BadInput(Problem("ARG-005", f"没有流程 {asked}", shown, nearest(asked, [*titles, *book.workflows])))
    return found


def schedules_of(book: Rulebook, asked: str) -> list[str]:
    """The schedules (`workflow schedule`) of the task of that name or title; none where none is asked for."""
    known = [(flow, of, flow.tasks[of.task]) for flow in book.workflows.values() for of in flow.schedules.values()]
    found = sorted(f"{flow.name} {of.name}" for flow, of, task in known if asked in (task.name, task.title))
    if asked and not found:
        titles = sorted({task.title for _, _, task in known})
        options = [*titles, *sorted({task.name for _, _, task in known})]
        shown = f"可用：{listing(titles, 30)}"
        raise BadInput(Problem("ARG-005", f"没有定期的任务 {asked}", shown, nearest(asked, options)))
    return found


def unit_of(organisation: Organisation, asked: str) -> str:
    """The unit that has or had that name; empty where none is asked for."""
    found = organisation.current_name(asked) if asked else ""
    if found is None:
        options = list(organisation.units)
        raise BadInput(Problem("UNIT-001", f"没有单位 {asked}", f"可用：{listing(options)}", nearest(asked, options)))
    return found
