"""Random people, random times, crashes: what must hold holds after every step, and once the faults stop all closes.

`BIHUAN_SEED=123 pytest tests/simulation` replays one seed and prints what was done.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from tests.simulation.commands import step
from tests.simulation.liveness import finish
from tests.simulation.safety import after_step, whole
from tests.simulation.world import simulated

STEPS = 300
EVERY = 50
"""How many steps between two looks at the whole office."""
SEEDS, BLOCK = 1000, 20


def run(seed: int, steps: int = STEPS, *, live: bool = True, aloud: bool = False) -> None:
    """One seed from the first step to the last case closed; what failed is told with what was done before it."""
    with simulated(seed) as world:
        try:
            for number in range(1, steps + 1):
                step(world)
                after_step(world)
                if number % EVERY == 0:
                    whole(world)
            if live:
                finish(world)
            whole(world, closing=True)
        except Exception as error:
            error.add_note(f"BIHUAN_SEED={seed}，第 {len(world.told)} 步：\n" + "\n".join(world.told[-8:]))
            raise
        finally:
            if aloud:
                print(*world.told, sep="\n")  # noqa: T201 - whoever replays a seed reads it


def chosen(first: int, number: int) -> Iterable[int]:
    """A block of seeds; one seed when it is named."""
    named = os.environ.get("BIHUAN_SEED")
    return range(first, first + number) if named is None else [int(named)] if first == 0 else []


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_whatever_people_do_every_case_stays_somebodys_and_closes(first: int) -> None:
    for seed in chosen(first, BLOCK):
        run(seed, aloud="BIHUAN_SEED" in os.environ)


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS, 10 * SEEDS, BLOCK))
def test_ten_thousand_seeds(first: int) -> None:
    for seed in chosen(first, BLOCK):
        run(seed)


def test_a_seed_replays_to_the_same_events() -> None:
    told = []
    for _ in range(2):
        with simulated(7) as world:
            for _ in range(STEPS):
                step(world)
                after_step(world)
            told.append(world.told)
    assert told[0] == told[1]
