"""What a recipe may set is explained, all of it, from the docstrings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from trimaran.explained import Setting, explained, settings
from trimaran.keys import every_path
from trimaran.recipe import Recipe


@dataclass(frozen=True)
class Inner:
    """An inner one.

    low, high: limits, both
        of them;  step: between
    """

    low: int = 0
    high: int | None = None
    step: float = 0.5


@dataclass(frozen=True)
class Outer:
    """Words that explain no field: none.

    inner: not told, since its own are
    lost:  of no use
    """

    inner: Inner = Inner()  # noqa: RUF009
    lost: bool = True


def test_words_are_read_from_the_docstring() -> None:
    assert explained(Inner) == {
        "low": "limits, both of them", "high": "limits, both of them", "step": "between",
    }  # fmt: skip
    assert list(settings(Outer)) == [
        Setting("inner.low", 0, "limits, both of them"),
        Setting("inner.high", None, "limits, both of them"),
        Setting("inner.step", 0.5, "between"),
        Setting("lost", True, "of no use"),
    ]


def test_a_field_without_words_is_an_error() -> None:
    @dataclass(frozen=True)
    class Silent:
        """Nothing is said of it."""

        field: int = 0

    with pytest.raises(KeyError, match="field"):
        list(settings(Silent))


def test_every_setting_of_a_recipe_is_explained() -> None:
    found = {setting.key: setting for setting in settings(Recipe)}
    assert all(setting.about for setting in found.values())
    chosen = {key.partition("=")[0] for key in found}
    whole = set(every_path(Recipe))
    assert chosen <= whole
    arguments = {f"{key}." for key in found if f"{key}=" in " ".join(found)}
    above = {path for path in whole if any(key.startswith(f"{path}.") for key in found)}
    assert whole - chosen - above == {
        path for path in whole if any(path.startswith(key) for key in arguments)
    }
    assert found["training.optimizer=sgd"].default["learning_rate"] == 0.01
