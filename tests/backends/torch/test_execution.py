import pytest
import torch

from trimaran.backends.torch import execution as room
from trimaran.backends.torch.execution import (
    check_possible,
    fingerprint,
    flushes_denormals,
    machine,
    prepared,
)
from trimaran.errors import RunError
from trimaran.training.execution import Execution


def test_threads_and_random_state_come_back() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with prepared(Execution(threads=3)):
        assert torch.get_num_threads() == 3
        torch.manual_seed(99)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_denormals_are_flushed_for_a_while() -> None:
    assert not flushes_denormals() and 5e-324 > 0
    with prepared(Execution(flush_denormals=True)):
        assert flushes_denormals()
    assert not flushes_denormals() and 5e-324 > 0


def test_the_fingerprint_is_stable_and_names_the_version() -> None:
    assert fingerprint() == fingerprint()
    assert fingerprint()["torch"] == torch.__version__


def test_an_execution_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "accelerators", dict)
    with pytest.raises(RunError, match="started on cuda"):
        check_possible(Execution("cuda"))
    with pytest.raises(RunError, match="with 4096 threads"):
        check_possible(Execution(threads=4096))
    check_possible(Execution(threads=1))


def test_this_machine() -> None:
    found = machine()
    assert found.cores >= found.idle >= 1 and found.accelerators is not None
