"""Line breaking, against the formatter that defines it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimaran.emit.layout import collapse, runs, split, wrap


def formatted(code: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
    ran = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    return ran.stdout


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.sampled_from(["64 * width", "f(1, 2)", "(3, 4)", "a_name"]), min_size=1, max_size=14
    )
)
def test_wrap_breaks_as_ruff_does(arguments: list[str]) -> None:
    line = f"        self.layer_with_a_long_name = nn.Sequential({', '.join(arguments)})"
    code = "\n".join(["class A:", "    def f(self):", *wrap(line)]) + "\n"
    assert formatted(code) == code


@pytest.mark.parametrize("size", [8, 12, 14, 30, 60])
@pytest.mark.parametrize("more", ["", ", norm"])
def test_a_long_comprehension_breaks_as_ruffs_does(size: int, more: str) -> None:
    block = f"Block{'Wide' * size}(features, heads)"
    line = collapse(f"        self.blocks = nn.Sequential({', '.join([block] * 6)}{more})")
    code = "\n".join(["class A:", "    def f(self):", *wrap(line)]) + "\n"
    assert formatted(code) == code


def test_split_leaves_brackets_alone() -> None:
    assert split("f(1, 2), [3, 4], x") == ["f(1, 2)", "[3, 4]", "x"]
    assert split("") == []


def test_runs_are_comprehensions() -> None:
    assert runs(["a", "b", "b", "b", "a"]) == ["a", "*[b for _ in range(3)]", "a"]


def test_collapse_touches_only_sequentials() -> None:
    assert (
        collapse("x = nn.Sequential(f(1), f(1))") == "x = nn.Sequential(*[f(1) for _ in range(2)])"
    )
    assert collapse("x = f(1), f(1)") == "x = f(1), f(1)"
