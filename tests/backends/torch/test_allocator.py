"""Freed blocks stay with the process, so the next step does not fault them in again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from trimaran import zoo
from trimaran.backends.torch.allocator import keep_memory
from trimaran.backends.torch.build import module
from trimaran.weights import draw
if "keep" in sys.argv:
    assert keep_memory()
model = zoo.build("mnist-cnn")
network = module(model, draw(model, 0))
x = torch.rand(128, 1, 28, 28)
def steps(n):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(n):
        network.zero_grad()
        network.logits(x).sum().backward()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
steps(5)
print(steps(10))
"""


def page_faults(*arguments: str) -> int:
    """Page faults of ten steps of the MNIST CNN, after five to settle."""
    command = [sys.executable, "-c", FAULTS, *arguments]
    environment = {"THP_MEM_ALLOC_ENABLE": "0", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_tensors_are_not_given_back() -> None:
    # Now and then a heap happens to lie so that the C library gives nothing back by itself.
    assert any(3 * page_faults("keep") < page_faults() for _ in range(3))
