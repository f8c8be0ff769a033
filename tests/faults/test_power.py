"""Power cuts, rebuilt from the writes of a real run: what had not been synced is dropped, taken in part, or torn.

A file once made is taken to be there; its content is not, until it is synced.
"""

from __future__ import annotations

import ast
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.proof import audit
from engine.service import Office
from tests.conftest import Make

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None and "CI" not in os.environ, reason="strace records the writes; install it"
)
ROOT = Path(__file__).resolve().parents[2]
POINTS = 120
ADVERSARIES = ("drop", "subset", "torn")
CALL = re.compile(r"^(?:\d+\s+)?(?:\[pid +\d+\] )?(\w+)\((.*)\)\s+= (-?\d+)")
FILE = re.compile(r'^\d+<([^>]*)>(?:, ("(?:[^"\\]|\\.)*"), (\d+)(?:, (\d+))?|, (\d+))?')


@dataclass
class Disk:
    """What is surely on the disk, and the writes that may or may not be."""

    sure: dict[str, bytearray] = field(default_factory=dict)
    pending: list[tuple[str, int, bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def write(self, name: str, offset: int, raw: bytes) -> None:
        self.pending.append((name, offset, raw))

    def sync(self, name: str) -> None:
        for file, offset, raw in self.pending:
            if file == name:
                put(self.sure.setdefault(file, bytearray()), offset, raw)
        self.pending = [item for item in self.pending if item[0] != name]

    def after_the_cut(self, adversary: str, chance: random.Random) -> dict[str, bytes]:
        files = {name: bytearray(raw) for name, raw in self.sure.items()}
        for name, offset, raw in self.pending:
            file = files.setdefault(name, bytearray())
            if adversary == "subset" and chance.random() < 0.5:
                put(file, offset, raw)
            elif adversary == "torn" and chance.random() < 0.7:
                put(file, offset, raw[: chance.randrange(0, len(raw) + 1, 512) if len(raw) >= 512 else len(raw)])
        return {name: bytes(raw) for name, raw in files.items()}


def put(file: bytearray, offset: int, raw: bytes) -> None:
    if len(file) < offset:
        file.extend(b"\0" * (offset - len(file)))
    file[offset : offset + len(raw)] = raw


def record(office: Office, key: Path, folder: Path, synchronous: str) -> tuple[list[tuple[str, str]], Path]:
    trace, answers = folder / f"trace-{synchronous}", folder / f"answers-{synchronous}"
    command = [
        "strace", "-f", "-y", "-xx", "-s", "10000000", "-o", str(trace),
        "-e", "trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink",
        sys.executable, "-m", "tests.faults.writer", str(office.store.path), str(key), str(answers), synchronous,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    matches = (CALL.match(line) for line in trace.read_text("latin-1").splitlines())
    calls = [(match[1], match[2]) for match in matches if match and int(match[3]) >= 0]
    return calls, answers


def lost_at(
    calls: list[tuple[str, str]], base: dict[str, bytes], answers: Path, folder: Path, points: int
) -> tuple[list[str], int]:
    """Replay the calls; at each point cut the power in every way and look for what was answered."""
    chance = random.Random(11)
    disk = Disk({name: bytearray(raw) for name, raw in base.items()})
    names = {Path(name).name for name in base}
    cuts = set(chance.sample(range(len(calls)), min(points, len(calls))))
    lost: list[str] = []
    tried = 0
    for number, (call, arguments) in enumerate(calls):
        apply(disk, call, arguments, names, answers)
        if number in cuts:
            for adversary in ADVERSARIES:
                tried += 1
                lost += missing(disk.after_the_cut(adversary, chance), disk.answers, folder)
    return lost, tried


def apply(disk: Disk, call: str, arguments: str, names: set[str], answers: Path) -> None:
    match = FILE.match(arguments)
    if match is None:
        return
    name = bytes(ast.literal_eval(f'b"{match[1]}"')).decode() if "\\x" in match[1] else match[1]
    if name == str(answers) and call == "write":
        disk.answers += ast.literal_eval(f"b{match[2]}").decode().split("\n")[:-1]
        return
    short = Path(name).name
    if short not in names and short not in {f"{item}-wal" for item in names}:
        return
    if call == "pwrite64":
        disk.write(short, int(match[4]), ast.literal_eval(f"b{match[2]}"))
    elif call in ("fdatasync", "fsync"):
        disk.sync(short)
    elif call == "ftruncate":
        disk.sync(short)
        del disk.sure.setdefault(short, bytearray())[int(match[5]) :]


def missing(files: dict[str, bytes], answered: list[str], folder: Path) -> list[str]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    connection = sqlite3.connect(folder / "office.db")
    try:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return ["corrupt"]
        kept = dict(connection.execute('SELECT id, seq FROM "case"').fetchall())
    except sqlite3.DatabaseError as error:
        return [f"unreadable: {error}"]
    finally:
        connection.close()
    return [line for line in answered if kept.get(line.split()[0], 0) < int(line.split()[1])]


@pytest.fixture
def recorded(make_office: Make, tmp_path: Path) -> tuple[Office, Path, dict[str, bytes]]:
    office = make_office()
    office.store.close()
    path = office.store.path
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return office, tmp_path / "keys" / "master.key", {path.name: path.read_bytes()}


@pytest.mark.parametrize("points", [POINTS, pytest.param(3000, marks=pytest.mark.long)])
def test_power_cuts_lose_nothing_that_was_answered(
    recorded: tuple[Office, Path, dict[str, bytes]], tmp_path: Path, points: int
) -> None:
    office, key, base = recorded
    calls, answers = record(office, key, tmp_path, "full")
    lost, tried = lost_at(calls, base, answers, tmp_path / "cut", points)
    assert tried >= min(points, len(calls)) * 3
    assert lost == []
    assert audit.verify(office).problems == []


def test_a_database_that_does_not_wait_for_the_disk_is_found_losing(
    recorded: tuple[Office, Path, dict[str, bytes]], tmp_path: Path
) -> None:
    office, key, base = recorded
    calls, answers = record(office, key, tmp_path, "normal")
    lost, _ = lost_at(calls, base, answers, tmp_path / "cut", 40)
    assert lost
