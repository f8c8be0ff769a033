"""A single-threaded process that bears workers by fork and kills them: run as `python -m tests.faults.nursery …`."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import structs

from engine.commands import custody, trips
from engine.core.errors import BihuanError
from engine.service import Office
from engine.step import Step
from engine.store.store import Writer
from engine.timing.migrating import carry_out
from engine.timing.sweep import sweep_once


def work(office: Office, out: int, seed: int, *, planted: bool) -> None:
    """Open and verify cases as fast as it goes; what was answered is written to the pipe at once."""
    if planted:
        _commit_late(office)
    number = 0
    while True:
        number += 1
        facts = {"name": "甲", "phone": f"139{seed:04d}{number:04d}", "community": "华业社区", "contact": "密切接触者"}
        answer = office.open_case("person", facts, office.actor("huaye"))
        os.write(out, f"{answer['case']} 1\n".encode())
        if not planted:
            office.advance(answer["case"], "verify", office.actor("huaye"), {"checked_at": office.now().isoformat()})
            os.write(out, f"{answer['case']} 2\n".encode())


def _commit_late(office: Office) -> None:
    """The planted bug: answers go out before their transaction is committed."""
    driver = office.store.connect()
    state = {"calls": 0}

    @contextmanager
    def writing(now: int) -> Iterator[Writer]:
        if not driver.in_transaction:
            driver.execute("BEGIN IMMEDIATE")
        yield Writer(driver, office.store.chain, now)
        state["calls"] += 1
        if state["calls"] % 10 == 0:
            driver.execute("COMMIT")

    office.store.writing = writing  # type: ignore[method-assign]


def sweep_all(office: Office, _: int, __: int, *, planted: bool) -> None:
    """Sweep until nothing is due, a few at a time, so that many are killed in the middle of it."""
    while _naive(office) if planted else sweep_once(office, 5):
        pass


def _naive(office: Office) -> int:
    """The planted bug: what is due is read first, and written later without a key that would say it was done."""
    with office.store.reading() as driver:
        due = driver.execute(
            "SELECT case_id, name FROM deadline WHERE next_at <= ? LIMIT 5", (_now(office),)
        ).fetchall()
    time.sleep(0.02)
    with office.store.writing(_now(office)) as writer:
        for case_id, name in due:
            writer.cursor.execute(
                "INSERT INTO outbox (case_id, told, text, created_at) VALUES (?, '', ?, 0)", (case_id, f"时限 {name}")
            )
            writer.cursor.execute("UPDATE deadline SET next_at = NULL WHERE case_id = ? AND name = ?", (case_id, name))
    return len(due)


def _now(office: Office) -> int:
    return int(office.now().timestamp() * 1_000_000)


def receive_all(office: Office, out: int, _: int, *, planted: bool) -> None:
    """Receive every trip that nobody has begun to receive; planted: person by person instead of as one."""
    actor = office.actor("geli")
    with office.store.reading() as driver:
        waiting = driver.execute(
            "SELECT trip, group_concat(case_id) FROM trip_case GROUP BY trip HAVING max(outcome) = '' ORDER BY trip"
        ).fetchall()
    for trip, listed in waiting:
        now = office.now().isoformat()
        here = {case: {"quarantine_started": now, "room": case} for case in listed.split(",")}
        if planted:
            for case, facts in here.items():
                custody.accept(office, case, actor, facts)
                time.sleep(0.02)  # so that on a fast machine too most deaths fall between two persons
        else:
            trips.receive(office, trip, here, actor)
        os.write(out, f"{trip}\n".encode())


def migrate_all(office: Office, out: int, _: int, *, planted: bool) -> None:
    """Carry out the plan that is due; planted: that a case was moved is noted only after it was."""
    if planted:
        act = office.act

        def late(decide: Callable[[datetime], Step]) -> Any:
            answer = act(lambda now: structs.replace(decide(now), before=None))
            time.sleep(0.01)
            return answer

        office.act = late  # type: ignore[method-assign, assignment]
    os.write(out, f"{carry_out(office)}\n".encode())


def bear(task: Callable[..., None], where: tuple[str, str], seed: int, *, planted: bool) -> tuple[int, int]:
    """A worker in a process of its own, and the pipe it answers through."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    try:
        office = Office.open(Path(where[0]), Path(where[1]))
        task(office, write, seed, planted=planted)
    except BihuanError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(3)
    os._exit(0)


def compiled(where: tuple[str, str]) -> int:
    """Have the rules compiled once, so that who is born can work at once; what time it is in the office."""
    office = Office.open(Path(where[0]), Path(where[1]))
    for number in range(1, office.book().release + 1):
        office.book(number)
    now = _now(office)
    office.close()
    return now


def drain(pipe: int, into: list[str], until: float) -> None:
    """Read answers until a moment, or until nobody writes any more."""
    left = b""
    while (wait := until - time.monotonic()) > 0:
        ready, _, _ = select.select([pipe], [], [], wait)
        if not ready:
            return
        got = os.read(pipe, 65536)
        if not got:
            return
        left += got
        *lines, left = left.split(b"\n")
        into += [line.decode() for line in lines]


def kills(
    where: tuple[str, str], rounds: int, seed: int, *, planted: bool, task: Callable[..., None] = work
) -> list[str]:
    """Bear, let work, kill -9: everything that was answered."""
    chance = random.Random(seed)
    answered: list[str] = []
    compiled(where)
    for number in range(rounds):
        child, pipe = bear(task, where, number, planted=planted)
        drain(pipe, answered, time.monotonic() + chance.uniform(0.05, 0.35))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        drain(pipe, answered, time.monotonic() + 0.5)
        os.close(pipe)
    return answered


def sweepers(where: tuple[str, str], killed: int, seed: int, *, planted: bool) -> list[int]:
    """Four sweepers at once; again and again one is killed and another born, and in the end all finish.

    How much was still to be done at each death: they are spread over the whole of the work, however fast it goes.
    """
    chance = random.Random(seed)
    now = compiled(where)
    alive = [bear(sweep_all, where, number, planted=planted) for number in range(4)]
    left: list[int] = []
    asked = "SELECT count(*) FROM deadline WHERE next_at <= ?"
    with contextlib.closing(sqlite3.connect(where[0])) as looking:
        total = looking.execute(asked, (now,)).fetchone()[0]
        while len(left) < killed:
            while looking.execute(asked, (now,)).fetchone()[0] > total * (1 - len(left) / (killed + 1)):
                time.sleep(chance.uniform(0, 0.004))
            victim = chance.randrange(4)
            child, pipe = alive[victim]
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(pipe)
            left += looking.execute(asked, (now,)).fetchone()
            alive[victim] = bear(sweep_all, where, len(left), planted=planted)
    for child, pipe in alive:
        os.waitpid(child, 0)
        os.close(pipe)
    return left


def main() -> None:
    """`nursery kills|receives|migrates|sweepers DB KEY COUNT SEED sound|planted` → JSON on standard output."""
    task, database, key, count, seed, kind = sys.argv[1:7]
    run: Any = {
        "kills": kills,
        "receives": partial(kills, task=receive_all),
        "migrates": partial(kills, task=migrate_all),
        "sweepers": sweepers,
    }[task]
    print(json.dumps(run((database, key), int(count), int(seed), planted=kind == "planted")))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
