"""A release that one process approves is live in every other one within five seconds, without any restart."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.case import micros
from engine.packs.pack import bundle, compile_pack
from engine.releases import publish
from engine.service import Office
from tests.samples import published

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5
Ask = Callable[[], list[int]]


@contextmanager
def process(*words: str, key: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process of its own, ended with the test."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "BIHUAN_KEYS": key}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True) as found:
        try:
            yield found
        finally:
            found.kill()


@contextmanager
def follower(office: Office, kind: str) -> Iterator[Ask]:
    """Somebody else at work on the same database, and what she is told when she asks."""
    key = office.store.path.parents[1] / "keys" / "master.key"
    with process("-m", "tests.faults.follower", str(office.store.path), str(key), kind) as other:

        def ask() -> list[int]:
            assert other.stdin
            assert other.stdout
            print(file=other.stdin, flush=True)
            told: list[int] = json.loads(other.stdout.readline())
            return told

        yield ask


def asked_until(ask: Ask, wanted: list[int], seconds: float) -> bool:
    """Whether that is the answer before so many seconds are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ask() == wanted:
            return time.monotonic() < end
    return False


@pytest.mark.parametrize(("kind", "follows"), [("sound", True), ("planted", False)])
def test_a_release_approved_here_is_in_force_there_within_five_seconds(
    make_office: Callable[..., Office], pack_files: dict[str, bytes], kind: str, *, follows: bool
) -> None:
    office = make_office(start="")
    changed = pack_files | {"rules/terms.yaml": pack_files["rules/terms.yaml"] + b"# 2\n"}
    with follower(office, kind) as ask:
        assert ask() == [1, 1]
        published(office, changed)
        assert asked_until(ask, [2, 2], SECONDS) is follows


def test_a_running_scheduler_begins_with_a_release_when_its_moment_comes(
    make_office: Callable[..., Office], pack_files: dict[str, bytes]
) -> None:
    office = make_office(start="")
    changed = pack_files | {"rules/terms.yaml": pack_files["rules/terms.yaml"] + b"# 2\n"}
    key = str(office.store.path.parents[1] / "keys" / "master.key")
    with process(
        "-c", "from engine.cli import main; main()", "run", "--every", "1", "--db", str(office.store.path), key=key
    ) as running:
        assert running.stdout
        assert "巡检" in running.stdout.readline()
        digest = compile_pack(changed, stored=True).digest
        now = office.now()
        moment = now + timedelta(seconds=2)
        with office.store.writing(micros(now)) as writer:
            publish(writer, bundle(changed), digest, "pizhun", office.account, now, micros(moment), draft=1)
        begun = None
        while begun is None and office.now() < moment + timedelta(seconds=60):
            with office.store.reading() as driver:
                (begun,) = driver.execute("SELECT begun_at FROM release WHERE number = 2").fetchone()
    assert begun is not None
    assert micros(moment) <= begun < micros(moment + timedelta(seconds=SECONDS))
    assert office.book().release == 2
