"""The imports of a worker: what they leave out, and that it is only left out of them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest
from tests.plain_keras import on_jax

from trimaran.backends.keras.worker.lean import lean


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """This process is no worker: its garbage is to be found."""
    yield
    gc.unfreeze()


def test_what_is_left_out_can_be_imported_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    with lean("jax"), pytest.raises(ImportError, match="matplotlib"):
        import_module("matplotlib")
    assert import_module("matplotlib").__version__


KERAS = """
import sys
from trimaran.backends.keras.worker import lean
with lean.lean("jax"):
    lean.import_keras("jax")
import keras
from keras import layers
layers.Bidirectional(layers.LSTM(2))
print("tensorflow" in sys.modules)
asked = []
class Asked:
    def __getattr__(self, name):
        asked.append(name)
        return type(name, (), {})
sys.modules["tensorflow"] = Asked()
layers.Bidirectional(layers.LSTM(2))
print("TensorShape" in asked)
lean.reveal()
layers.Bidirectional(layers.LSTM(2))
print("TensorShape" in asked)
"""


def test_keras_on_jax_imports_tensorflow_only_beside_a_users_model() -> None:
    assert on_jax(KERAS) == ["False", "False", "True"]


def test_what_is_loaded_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", sys)
    with lean("jax"):
        assert import_module("pandas") is sys
    assert import_module("pandas") is sys


def test_nothing_is_collected_meanwhile_and_the_imports_never_again() -> None:
    before = gc.get_freeze_count()
    with pytest.raises(ZeroDivisionError), lean("tensorflow"):
        assert not gc.isenabled()
        made: list[list[int]] = [[]]
        1 / 0  # noqa: B018
    assert gc.isenabled() and gc.get_freeze_count() > before
    assert not any(held is made for held in gc.get_objects())
