"""What a rule book lacks although every name resolves: what cannot be proved of it, and what does not come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.core.errors import Place, Problem, Refused, listing, nearest
from engine.core.findings import findings
from engine.core.proof import Broken, Certificate, prove
from engine.core.rulebook import Rulebook
from engine.core.stories import run
from engine.core.values import plain

At = Callable[[str, tuple[str | int, ...]], Place]
"""The place of a path in the file of a named table or workflow, of `hand_over`, `unit X` or `story X`."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A certificate with the place of each counter-example; `problems` are none when it holds."""

    certificate: Certificate
    problems: tuple[Problem, ...]


def certify(book: Rulebook, at: At) -> tuple[Proved, ...]:
    """The certificates of a rule book that can be built."""
    return tuple(Proved(one, tuple(_placed(broken, at) for broken in one.broken)) for one in prove(book))


def _placed(broken: Broken, at: At) -> Problem:
    others = [str(at(broken.of, path)) for path in broken.also]
    also = f"；另见 {'、'.join(others)}" if others else ""
    return Problem(broken.code, broken.what, f"{broken.expected}{also}", place=at(broken.of, broken.path))


def check_book(book: Rulebook, at: At) -> list[Problem]:
    """Examples that do not hold, and decisions on what is not open."""
    return [*_examples(book, at), *_decided(book, at)]


def _decided(book: Rulebook, at: At) -> list[Problem]:
    """What a pack has decided must still be open to decide."""
    found = [finding.key for finding in findings(replace(book, wording=replace(book.wording, findings={})))]
    return [
        Problem(
            "WORD-002",
            f"没有待定的 {key}",
            f"现有：{listing(found)}；自己列的写明 what 与 clause",
            nearest(key, found),
            at(f"finding {key}", ()),
        )
        for key, written in book.wording.findings.items()
        if key not in found and not (written.what and written.clauses)
    ]


def _examples(book: Rulebook, at: At) -> list[Problem]:
    problems = []
    for example in book.examples:
        try:
            decision = book.tables[example.table].decide(example.facts, example.as_of)
        except Refused:  # several rules at once, which their table is told for
            continue
        given = dict(decision.outcome)
        wrong = {key: given.get(key) for key, value in example.expect.items() if given.get(key) != value}
        if wrong:
            shown = "，".join(
                f"{key} 应为 {plain(example.expect[key])}，得到 {plain(value)}" for key, value in wrong.items()
            )
            rule = "、".join(decision.rules) or "没有规则"
            problems.append(
                Problem(
                    "RULE-026", f"例子“{example.name}”不成立：{shown}", f"命中的是 {rule}", place=at(example.name, ())
                )
            )
    return problems


def check_stories(book: Rulebook, at: At) -> list[Problem]:
    """Stories that do not come out as told; asked only of a book without other mistakes, for each may spoil many."""
    problems = []
    for story in book.stories:
        failure = run(book, story)
        if failure is not None:
            path = ("steps", failure.step - 1) if failure.step else ("open",)
            step = f"第 {failure.step} 步" if failure.step else "立案"
            what = f"故事“{story.name}”{step}不成立：{failure.what}"
            problems.append(Problem("RULE-026", what, "改规则，或改故事", place=at(f"story {story.name}", path)))
    return problems
