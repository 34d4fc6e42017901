"""Killed with SIGKILL at a moment of no one's choosing, a run on Keras ends with the same bytes,
and its worker does not outlive it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.backends.keras.test_training import STATEFUL, network, trained

from trimaran.training.checkpoint import Place

SETTINGS = {**STATEFUL, "epochs": 40, "early_stopping": {"patience": 99}}

CODE = """
import sys
from pathlib import Path
from tests.backends.keras.test_killed import SETTINGS
from tests.backends.keras.test_training import network, trained
from trimaran.backends.keras import process
from trimaran.training.checkpoint import Place
folder = Path(sys.argv[2])
process.prepare(sys.argv[1])
(folder / "worker").write_text(str(process._workers[0]._process.pid))
trained(sys.argv[1], SETTINGS, place=Place(folder / "saved", resume=True), model=network(0.3))
"""


def killed(framework: str, folder: Path, after: int, seconds: float) -> int:
    """Trains until so many checkpoints were made and a little longer; the worker's process."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", CODE, framework, str(folder)]
    child = subprocess.Popen(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
    while not newest(folder) >= after and child.poll() is None:
        time.sleep(0.01)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    return int((folder / "worker").read_text())


def newest(folder: Path) -> int:
    """The update of the last whole checkpoint."""
    found = [
        int(path.name.removeprefix("step-")) for path in (folder / "saved").glob("step-*[0-9]")
    ]
    return max(found, default=0)


def gone(process: int) -> bool:
    """Whether the process has ended, or does so within ten seconds."""
    for _ in range(1000):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_killed_run_ends_with_the_same_bytes(framework: str, tmp_path: Path) -> None:
    worker = killed(framework, tmp_path, after=10, seconds=random.Random(1).uniform(0.0, 0.2))
    assert gone(worker)
    reached = newest(tmp_path)
    assert 0 < reached < 40 * 5
    again, _ = trained(
        framework, SETTINGS, place=Place(tmp_path / "saved", resume=True), model=network(0.3)
    )
    whole, _ = trained(framework, SETTINGS, model=network(0.3))
    for key, values in whole.items():
        assert values.tobytes() == again[key].tobytes(), key
