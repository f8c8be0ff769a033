"""Why is it due at 17:30? Answered in one sentence from what the event that armed the deadline says."""

from __future__ import annotations

from datetime import timedelta

from engine.core.case import Case, micros, moment
from engine.core.evolving import delayed
from engine.core.judging import typed
from engine.core.reckoning import MICRO, Reckoning
from engine.core.rulebook import UNITS, Rulebook
from engine.core.values import duration_words, local_day


def why(book: Rulebook, case: Case, name: str) -> str:
    """`17:30 = 立案 05:30 + 12小时（transfer_time_limit，国家防控方案第八版）`, with what it was extended by."""
    book = book.under(case.profile, case.ruled_from)
    armed = case.deadlines[name]
    base, due = moment(armed.base), armed.due
    clock = "%H:%M" if local_day(base, book.zone) == local_day(due, book.zone) else "%m-%d %H:%M"
    shown = [f"{at.astimezone(book.zone):{clock}}" for at in (due, base)]
    length = armed.length * MICRO
    cited = "，".join(part for part in _cited(book, case, armed.within, length) if part)
    extended = delayed(case, name, armed.base).extended
    return (
        f"{shown[0]} = {_since(book, case, armed.since)} {shown[1]} + {duration_words(length)}"
        f"{f'（{cited}）' if cited else ''}{f' + 延期 {duration_words(extended * MICRO)}' if extended else ''}"
    )


def recomputed(case: Case, name: str) -> int:
    """When a deadline is due by its own words, in microseconds."""
    armed = case.deadlines[name]
    return armed.base + armed.length + delayed(case, name, armed.base).extended


def misreckoned(case: Case) -> list[str]:
    """Deadlines whose due time is another than their own words lead to."""
    return [name for name, armed in case.deadlines.items() if micros(armed.due) != recomputed(case, name)]


def _since(book: Rulebook, case: Case, since: str) -> str:
    """What a deadline counts from, in words."""
    flow = book.workflows[case.workflow]
    word, _, name = since.partition(" ")
    if word == "clock":
        count = Reckoning.of(book, case, typed(book, case)).count(name)
        return f"{count.title}{'提前结束' if count.cut_short else '期满'}{count.note}"
    if word == "fact":
        return book.subjects[flow.subject].fields[name].title
    if word == "stage":
        return f"进入“{name}”阶段"
    return {"opened": "立案", "state": "进入环节", "offered": "交出", "proposed": "提出更正", "asked": "规则变动"}.get(
        word, since
    )


def _cited(book: Rulebook, case: Case, within: str, length: timedelta) -> tuple[str, ...]:
    """What said how long, and the clause and source it has that from; a plain length speaks for itself."""
    if within in book.terms:
        term = book.terms[within]
        return within, term.clause, *(_cited(book, case, term.parameter, length) if term.parameter else ())
    if within not in book.parameters:
        return ()
    parameter = book.parameters[within]
    now = book.dated(within, typed(book, case), case.opened_at)
    for dated in (now, *reversed(parameter.values)):  # what was in force when it was armed may be so no more
        if dated is not None and dated.value is not None:
            value = dated.value[-1] if isinstance(dated.value, tuple) else dated.value
            if timedelta(**{UNITS[parameter.unit]: value}) == length:
                return within, dated.clause, dated.source
    return (within,)
