from __future__ import annotations

from tests.simulation.commands import step
from tests.simulation.liveness import finish
from tests.simulation.safety import after_step, whole
from tests.simulation.world import Broken, World, simulated


def run(seed: int, steps: int = 300, *, live: bool = True) -> World:
    with simulated(seed) as world:
        try:
            for number in range(1, steps + 1):
                step(world)
                after_step(world)
                if number % 50 == 0:
                    whole(world)
            if live:
                finish(world)
            whole(world, closing=True)
        except Exception:
            print(f"seed {seed}", *world.told[-12:], sep="\n")
            raise
    return world
