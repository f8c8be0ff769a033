"""Two hundred random edits of a pack, five hundred open cases each: none is left without state, owner or way out."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import structs

from engine.core.case import Case, Event
from engine.core.corrections import Correction
from engine.core.errors import BihuanError
from engine.core.evolving import evolve
from engine.core.judging import typed
from engine.core.migrating import Passage, entry_of, migrate
from engine.core.org import SYSTEM, Actor
from engine.core.reckoning import Reckoning
from engine.core.rulebook import Rulebook, Story
from engine.core.stories import tell
from engine.core.values import midnight
from engine.core.workflows import PREVIOUS, SAME, Workflow
from engine.packs.pack import compile_pack, read_folder

EDITS, CASES = 200, 500
SOME = 40
"""Edits where there is no time for all."""
DAY = date(2022, 6, 28)
POLICY = Path(__file__).parents[1] / "packs" / "policy"
Pack = dict[str, Any]
"""The files of a pack, read."""


@cache
def base() -> Rulebook:
    return replace(compile_pack(read_folder(POLICY)), release=1)


@cache
def population() -> tuple[Case, ...]:
    """Cases that are open in the middle of the pack's stories, told for other days."""
    found: dict[str, Case] = {}
    for days in range(-24, 25, 4):
        for story in base().stories:
            found |= {case.id: case for case in open_cases(later(story, timedelta(days=days)), days)}
    chosen = random.Random(3).sample(sorted(found), CASES)
    return tuple(found[name] for name in chosen)


def later(story: Story, by: timedelta) -> Story:
    """The same story on other days, whatever it expects."""

    def fact(value: Any) -> Any:
        return value + by if isinstance(value, date) else value

    steps = [
        replace(
            step,
            at=step.at + by,
            facts={name: fact(value) for name, value in step.facts.items()},
            expect=type(step.expect)(),
        )
        for step in story.steps
    ]
    return replace(story, steps=tuple(steps))


def open_cases(story: Story, days: int) -> Iterator[Case]:
    happened: list[Event] = []
    tell(base(), story, happened)
    case = None
    for number, event in enumerate(happened):
        if event.type == "opened" and number:
            return
        case = structs.replace(evolve(case, event, f"{story.name}{days}@{number}"), id=f"{story.name}{days}@{number}")
        if not case.final:
            yield case


# Edits, as a manager might make them and worse: each changes the files it was given.


def flow_of(chance: random.Random, pack: Pack) -> tuple[str, Any]:
    name = chance.choice([name for name in pack if name.startswith("workflows/")])
    return name, pack[name]


def another_value(chance: random.Random, pack: Pack) -> None:
    parameter = chance.choice(list(pack["rules/parameters.yaml"]["parameters"].values()))
    last = parameter["values"][-1]["value"]
    number = chance.randint(1, 20)
    value = sorted(chance.sample(range(1, 21), chance.randint(1, 5))) if isinstance(last, list) else number
    held = [one for one in parameter["values"] if one["from"] < DAY.isoformat()]
    parameter["values"] = [*held, {"from": DAY.isoformat(), "value": value, "source": "试"}]


def another_length(chance: random.Random, pack: Pack) -> None:
    _, flow = flow_of(chance, pack)
    deadlines = [deadline for state in flow["states"].values() for deadline in state.get("deadlines", ())]
    for deadline in chance.sample(deadlines, min(2, len(deadlines))):
        deadline["within"] = f"{chance.randint(1, 72)}h"


def another_owner(chance: random.Random, pack: Pack) -> None:
    _, flow = flow_of(chance, pack)
    state = chance.choice([state for state in flow["states"].values() if "final" not in state])
    state["owner"] = chance.choice(list(pack["rules/organisation.yaml"]["units"]))


def another_state_name(chance: random.Random, pack: Pack) -> None:
    name, flow = flow_of(chance, pack)
    state = chance.choice(list(flow["states"]))
    pack[name] = renamed(flow, state, f"{state}_{chance.randint(100, 999)}")


def another_stage(chance: random.Random, pack: Pack) -> None:
    name, flow = flow_of(chance, pack)
    stage = chance.choice(list(flow["states"].values()))["stage"]
    pack[name] = renamed(flow, stage, f"新{stage}{chance.randint(100, 999)}")


def another_unit_name(chance: random.Random, pack: Pack) -> None:
    unit = chance.choice(list(pack["rules/organisation.yaml"]["units"]))
    for name in pack:
        pack[name] = renamed(pack[name], unit, f"{unit}新{chance.randint(1, 9)}")


def another_ladder(chance: random.Random, pack: Pack) -> None:
    for name in pack:
        pack[name] = renamed(pack[name], "standard", f"steep{chance.randint(1, 9)}")


def another_clock_name(chance: random.Random, pack: Pack) -> None:
    name, flow = flow_of(chance, pack)
    if flow.get("clocks"):
        clock = chance.choice(list(flow["clocks"]))
        text = yaml.safe_dump(flow, allow_unicode=True)
        pack[name] = yaml.safe_load(
            text.replace(f"clock {clock}", f"clock {clock}2")
            .replace(f"clock.{clock}", f"clock.{clock}2")
            .replace(f"clock: {clock}", f"clock: {clock}2")
            .replace(f"after: {clock}", f"after: {clock}2")
        )
        pack[name]["clocks"] = {
            f"{clock}2" if key == clock else key: value for key, value in pack[name]["clocks"].items()
        }


def no_schedule(chance: random.Random, pack: Pack) -> None:
    _, flow = flow_of(chance, pack)
    flow.pop("schedules", None)


def another_verb(chance: random.Random, pack: Pack) -> None:
    name, flow = flow_of(chance, pack)
    verb = next(iter(chance.choice(flow["transitions"])))
    pack[name] = renamed(flow, verb, f"{verb}_2")


def no_workflow(chance: random.Random, pack: Pack) -> None:
    name, flow = flow_of(chance, pack)
    if flow["workflow"] != pack["rules/pack.yaml"]["default_workflow"]:
        del pack[name]


def another_fact(chance: random.Random, pack: Pack) -> None:
    fields = pack["rules/fields.yaml"]["subjects"]["person"]["fields"]
    fact = chance.choice([name for name in fields if name != "community"])
    for name in pack:
        pack[name] = renamed(pack[name], fact, f"{fact}_2")


KINDS: tuple[Callable[[random.Random, Pack], None], ...] = (
    another_value,
    another_value,
    another_length,
    another_owner,
    another_state_name,
    another_stage,
    another_unit_name,
    another_ladder,
    another_clock_name,
    no_schedule,
    another_verb,
    no_workflow,
    another_fact,
)


def renamed(data: Any, old: str, new: str) -> Any:
    """The data with one word of it renamed wherever it stands whole."""
    if isinstance(data, dict):
        return {new if key == old else key: renamed(value, old, new) for key, value in data.items()}
    if isinstance(data, list):
        return [renamed(item, old, new) for item in data]
    return new if data == old else data


def entries(chance: random.Random, pack: Pack) -> list[dict[str, Any]]:
    """What becomes of open cases: anything the language can say, for every workflow there was."""
    now = {flow["workflow"]: flow["states"] for name, flow in pack.items() if name.startswith("workflows/")}
    made: list[dict[str, Any]] = []
    for number, (name, flow) in enumerate(base().workflows.items()):
        one = {"id": f"E{number}", "from": DAY.isoformat(), "reason": "试", "workflow": name}
        action = chance.choice(["keep", "recompute", "recompute", "recompute", "move", "move", "ask"])
        open_now = [state for state, said in now.get(name, {}).items() if "final" not in said]
        if action == "move" and open_now:
            moves = {state: chance.choice(open_now) for state, said in flow.states.items() if not said.final}
            made.append(one | {"do": "move", "moves": moves})
        else:
            made.append(one | {"do": "recompute" if action == "move" else action})
    return made


@cache
def files() -> dict[str, bytes]:
    return {name: raw for name, raw in read_folder(POLICY).items() if "/examples/" not in name}


@cache
def read() -> str:
    """All files of the pack, read once."""
    return json.dumps({name: plain(yaml.load(raw, Loader=yaml.CSafeLoader)) for name, raw in files().items()})


def edited(chance: random.Random) -> Rulebook | None:
    """A pack after some edits; None: it is refused, and everybody keeps her rules."""
    before, pack = json.loads(read()), json.loads(read())
    for edit in chance.sample(KINDS, chance.randint(1, 3)):
        edit(chance, pack)
    pack["rules/migration.yaml"] = {"schema": 1, "migration": entries(chance, pack)}
    made = {name: files()[name] if data == before.get(name) else written(data) for name, data in pack.items()}
    try:
        return replace(compile_pack(made, stored=True), release=2)
    except BihuanError:
        return None


def written(data: Any) -> bytes:
    return str(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True)).encode()


def plain(data: Any) -> Any:
    """What YAML reads as dates, as the text that it was."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(item) for item in data]
    return data.isoformat() if isinstance(data, date) else data


# What must hold of every case afterwards, by the rules that it is under then.


@dataclass(frozen=True)
class Outcome:
    before: Case
    after: Case
    book: Rulebook


def moved(book: Rulebook, case: Case, done: Correction) -> Outcome:
    after = case
    for event in done.events:
        after = evolve(after, event)
    return Outcome(case, after, book if after.release == 2 else base())


def wrong(outcome: Outcome, now: datetime) -> Iterator[str]:
    before, after, book = outcome.before, outcome.after, outcome.book
    flow = book.workflows.get(after.workflow)
    if flow is None or after.state not in flow.states or flow.states[after.state].final:
        yield "in an unknown state"
        return
    if after.owner not in book.organisation.units:
        yield "without an owner"
    if not closes(flow, after.state):
        yield "without a way to close"
    for name, armed in after.deadlines.items():
        was = before.deadlines.get(name)
        if (was is None or was.due != armed.due) and armed.event <= before.seq:
            yield "a deadline changed without an event"
        if armed.ladder not in book.ladders:
            yield "a deadline on no ladder"
    reckoning = Reckoning.of(book, after, typed(book, after))
    armed_anew, ended, cannot = reckoning.deadlines(flow.states[after.state], now, after, stays=True)
    if armed_anew or ended or cannot:
        yield "deadlines that are not those of its rules"
    if after.release == 2 and reckoning.plans(flow.states[after.state], now, after, stays=True):
        yield "schedules that are not those of its rules"


def closes(flow: Workflow, state: str) -> bool:
    seen, waiting = {state}, [state]
    while waiting:
        for verb in flow.leaving(waiting.pop()):
            to = verb.to if verb.to not in (SAME, PREVIOUS) else ""
            if to and flow.states[to].final:
                return True
            onward = {to} if to else set(flow.states) if verb.to == PREVIOUS else set()
            waiting += onward - seen
            seen |= onward
    return False


def run(
    edits: int, change: Callable[[Correction], Correction] = lambda done: done
) -> tuple[Counter[str], Counter[str]]:
    """What went wrong over so many edits that a pack can bear, and what was done how often."""
    found, done_so = Counter[str](), Counter[str]()
    since = midnight(DAY, base().zone)
    now = since + timedelta(minutes=3)
    actor = Actor(SYSTEM)
    books = (book for seed in count() if (book := edited(random.Random(seed))) is not None)
    for book in islice(books, edits):
        for case in population():
            entry = entry_of(book.migrations, case, typed(base(), case))
            done = Correction((), None, ())
            if entry is not None:
                done = change(migrate(Passage(base(), book, since, entry, 1), case, actor, now, "S"))
            done_so[done.events[0].type if done.events else "kept"] += 1
            for what in wrong(moved(book, case, done), now):
                found[what] += 1
    return found, done_so


@pytest.mark.parametrize("edits", [SOME, pytest.param(EDITS, marks=pytest.mark.long)])
def test_no_edit_leaves_one_of_five_hundred_cases_stranded(edits: int) -> None:
    found, done = run(edits)
    assert found == Counter()
    assert done.total() == edits * CASES
    assert min(done["migrated"] / 5, done["asked"], done["kept"] + done["answered"]) > 40 * edits


CONSEQUENCES = ("armed", "ended", "planned", "unplanned", "freed")


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (dict.fromkeys(CONSEQUENCES), "deadlines that are not those of its rules"),
        ({"to": "nowhere"}, "in an unknown state"),
        ({"owner": "谁也不是"}, "without an owner"),
    ],
    ids=["deadlines as they were", "a state of no rules", "a unit of no rules"],
)
def test_a_planted_bug_is_found(planted: dict[str, Any], found: str) -> None:
    """The release changes, and something that follows from it is left as it was, or made up."""

    def broken(event: Event) -> Event:
        data = {name: value for name, value in {**event.data, **planted}.items() if value is not None}
        return event._replace(data=data) if event.type == "migrated" else event

    wrong_now, _ = run(4, lambda done: replace(done, events=tuple(map(broken, done.events))))
    assert wrong_now[found] > 100
