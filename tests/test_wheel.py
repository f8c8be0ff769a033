"""What is installed elsewhere is whole: the wheel carries rules, workflows and their demonstration, which runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str, cwd: Path, **environment: str) -> str:
    clean = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "BIHUAN_DB", "BIHUAN_KEYS")
    }
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=clean | environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_in_an_empty_environment_runs_the_demonstration(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "engine/shipped/rules/persons.yaml" in names
    assert "engine/shipped/workflows/close_contact.yaml" in names
    assert "engine/shipped/docs/demo/areas_2022-06-01.csv.gz" in names
    assert {"engine/packs/skeleton/rules/pack.yaml", "engine/papers/layout.typ"} <= set(names)
    home = tmp_path / "empty"
    venv.create(home, with_pip=False)
    site = next((home / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # What the wheel depends on is lent by path, so that no network is needed; the product itself is not.
    lent = sysconfig.get_path("purelib")
    (site / "lent.pth").write_text(lent + "\n", "utf-8")
    python = str(home / "bin" / "python")
    where = run(python, "-c", "import engine; print(engine.__file__)", cwd=tmp_path)
    assert str(home) in where
    told = run(python, "-c", "from engine.cli import main; main()", "demo", cwd=tmp_path)
    assert "【演练" in told
    assert "闭环合上了" in told
