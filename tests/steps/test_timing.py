"""How long a run took."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from trimaran.steps import environment, timing
from trimaran.steps.timing import Timing, process_began
from trimaran.training.events import Epoch, Started, Stopped


def test_the_times_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10.0]
    monkeypatch.setattr(timing.time, "monotonic", lambda: clock[0])
    found = Timing(began=8.0)
    found.see(Started(0, 10, 1, 100, 1, {}))
    clock[0] = 15.0
    found.see(Epoch(1, 10, 0.1, {}, 1e-3, 4.0, 25.0))
    found.see(Stopped("finished", 10, 10))
    clock[0] = 16.5
    found.end()
    assert found.seconds() == {"start": 2.0, "train": 5.0, "total": 8.5}
    assert found.rate() == 25.0 and Timing().rate() == 0.0


def test_the_start_of_the_process_is_before_its_first_line() -> None:
    code = (
        "import time; time.sleep(0.5)\n"
        "from trimaran.steps.timing import process_began; print(time.monotonic() - process_began())"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(made.stdout) >= 0.5
    assert process_began() <= time.monotonic()


def test_the_environment_names_versions_and_hardware() -> None:
    found = environment.facts()
    assert found["packages"]["numpy"] and found["python"].startswith("3.")
    assert found["cpu"]["cores"] >= 1 and found["memory_bytes"] > 1e8


def test_the_environment_outside_of_a_repository(tmp_path: object) -> None:
    from pathlib import Path

    assert environment.git(Path(str(tmp_path))) is None
