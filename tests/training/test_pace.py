"""How long calls take: first calls apart from steady ones; what memory was held."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trimaran.training.pace import MOST, WARM, Pace, children, pace, peak_memory


def test_first_calls_do_not_count_as_steady() -> None:
    found = Pace((5.0, 1.0, 0.1, 0.1, 0.1, 0.3))
    assert found.steady == 0.1
    assert found.extra == pytest.approx(6.1 - 3 * 0.1)
    assert found.to_json()["calls"] == (5.0, 1.0, 0.1, 0.1, 0.1, 0.3)


def test_what_gets_slower_has_no_extra() -> None:
    assert Pace((0.1, 0.1, 0.1, 0.2, 0.2)).extra == 0.0


def test_calls_go_on_for_the_time_given_and_the_first_result_is_kept() -> None:
    made: list[int] = []

    def call() -> int:
        made.append(len(made))
        return made[-1]

    found, first = pace(call, seconds=0.0, least=5)
    assert first == 0 and len(made) == WARM + 5 == len(found.calls)
    made.clear()
    assert len(pace(call, seconds=1e9)[0].calls) == WARM + MOST


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_the_peak_of_a_child_is_its_own() -> None:
    code = "x = bytearray(80_000_000); print(1, flush=True); del x; input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        peak = peak_memory(child.pid)
        assert child.pid in children()
        child.communicate(b"\n")
    assert peak is not None and 80_000_000 < peak < 150_000_000
    assert peak_memory(2**30) is None
    assert child.pid not in children()


def test_the_own_peak_is_known() -> None:
    own = peak_memory()
    assert own is None or own > 1_000_000
