"""What a notebook shows is well-formed, escaped and says the numbers."""

import sys
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import numpy as np

from trimaran import layers, models
from trimaran.notebook import history_page, model_page


def test_a_small_dense_chain_is_drawn_with_its_table():
    model = models.Sequential(
        [layers.Dense(4, activation="relu", input_shape=(3,)), layers.Dense(2)], name="figure1"
    )
    page = model._repr_html_()
    tree = ElementTree.fromstring(page)
    assert tree.find("svg") is not None or "<svg" in page
    assert page.count("<circle") >= 3 + 4 + 2
    assert "26 trainable parameters" in page


def test_other_models_show_their_table_alone():
    model = models.Sequential([layers.Conv2D(2, 3, input_shape=(8, 8, 1))])
    page = model_page(model.description)
    assert "<svg" not in page
    assert "Conv2D" in page
    ElementTree.fromstring(page)


def test_a_model_of_unknown_shape_shows_its_plain_text():
    assert models.Sequential([layers.Dense(1)])._repr_html_() is None


def test_the_history_is_a_table_of_escaped_names():
    page = history_page({"loss": [0.5, 0.25], "<out>_loss": [1.0, 2.0]}, [0, 1])
    table = ElementTree.fromstring(page)
    cells = [[cell.text for cell in row] for row in table]
    assert cells == [
        ["epoch", "loss", "<out>_loss"],
        ["1", "0.5000", "1.0000"],
        ["2", "0.2500", "2.0000"],
    ]
    assert models.History({"loss": [0.5]}, [0])._repr_html_().count("<tr>") == 2


def test_fit_shows_its_progress_in_one_cell(monkeypatch):
    shown, updates = [], []
    handle = SimpleNamespace(update=updates.append)
    module = ModuleType("IPython.display")
    module.HTML = str
    module.display = lambda page, display_id: shown.append(page) or handle
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    model = models.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones(8), epochs=3)
    assert len(shown) == 1
    assert "epoch 3/3" in updates[-1] and "epoch 1/3" in updates[-1]
