"""The chapter's two PyTorch listings of character models, and the zoo's entries for them: the same
networks, with the same names for their arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchmarks.peers.listings import PRINTED_CELL, PRINTED_LAYER, char_lstm, mended

from trimaran import zoo
from trimaran.backends.torch.build import TorchBackend
from trimaran.backends.torch.emit import emit
from trimaran.spec.stepping import stepwise
from trimaran.weights import draw

LETTERS, HIDDEN = 7, 256
TOKENS = np.random.default_rng(0).integers(0, LETTERS, (3, 9))


def listing(printed: str, weights: dict[str, np.ndarray]) -> Any:
    """The listing's module with these arrays, every one of them and no other."""
    module = char_lstm(mended(printed))(LETTERS, HIDDEN).double()
    module.load_state_dict({key: torch.from_numpy(values) for key, values in weights.items()})
    return module


def weights_of(name: str) -> dict[str, np.ndarray]:
    """Of which none is 0, and those of the second bias that the entry does not train too."""
    rng, model = np.random.default_rng(1), zoo.build(name, classes=LETTERS)
    drawn = draw(model, 0, np.float64)
    return {k: v + 0.1 * rng.normal(size=v.shape) for k, v in drawn.items()}


def by_steps(module: Any, tokens: np.ndarray) -> torch.Tensor:
    """As the chapter calls the first listing: a step, the states in and the states out."""
    h = c = torch.zeros(len(tokens), HIDDEN).double()
    found = []
    for step in torch.from_numpy(tokens).unbind(1):
        output, (h, c) = module(F.one_hot(step, LETTERS).double(), (h, c))
        found.append(output)
    return torch.stack(found, 1)


def apart(name: str, logits: torch.Tensor, weights: dict[str, np.ndarray]) -> float:
    model = zoo.build(name, classes=LETTERS, head=False)
    ours = TorchBackend().build(model, weights, "float64").forward({"input": TOKENS})
    return float(np.abs(ours.outputs["output"] - logits.detach().numpy()).max())


def test_the_first_listing_is_charlstm_cell() -> None:
    weights = weights_of("charlstm-cell")
    logits = by_steps(listing(PRINTED_CELL, weights), TOKENS)
    assert apart("charlstm-cell", logits, weights) < 1e-10
    swapped = {k: np.roll(v, HIDDEN, 0) if k.startswith("lstm") else v for k, v in weights.items()}
    assert apart("charlstm-cell", logits, swapped) > 1e-2


def test_the_second_listing_is_charlstm() -> None:
    weights = weights_of("charlstm")
    logits, _ = listing(PRINTED_LAYER, weights)(torch.from_numpy(TOKENS))
    assert apart("charlstm", logits, weights) < 1e-10
    swapped = {k: np.roll(v, HIDDEN, 0) if k.startswith("lstm") else v for k, v in weights.items()}
    assert apart("charlstm", logits, swapped) > 1e-2


def test_a_step_of_the_first_listing_is_a_step_of_the_entry() -> None:
    """States in, states out."""
    steps = stepwise(zoo.build("charlstm-cell", classes=LETTERS))
    weights, rng = weights_of("charlstm-cell"), np.random.default_rng(2)
    h, c = rng.normal(size=(2, 3, HIDDEN))
    given = {"input": TOKENS[:, :1], "lstm_h": h, "lstm_c": c}
    ours = TorchBackend().build(steps.model, weights, "float64").forward(given).outputs
    states = (torch.from_numpy(h), torch.from_numpy(c))
    x = F.one_hot(torch.from_numpy(TOKENS[:, 0]), LETTERS).double()
    output, after = listing(PRINTED_CELL, weights)(x, states)
    wanted = [F.softmax(output, -1)[:, None], *after]
    for name, theirs in zip(("output", "lstm_h", "lstm_c"), wanted, strict=True):
        assert np.abs(ours[name] - theirs.detach().numpy()).max() < 1e-10


def test_the_source_of_the_entry_has_the_listings_modules_and_no_loop() -> None:
    source = emit(zoo.build("charlstm-cell", classes=128))
    assert "nn.LSTMCell(128, 256)" in source and "self.fc = nn.Linear(256, 128)" in source
    assert "for step" not in source and "for t " not in source


@pytest.mark.parametrize("printed", [PRINTED_CELL, PRINTED_LAYER])
def test_as_printed_they_do_not_run(printed: str) -> None:
    with pytest.raises(TypeError):
        char_lstm(printed)(vocab_size=128, hidden_size=256)
    only_init = printed.replace("_init_", "__init__")
    if printed is PRINTED_LAYER:
        with pytest.raises(NotImplementedError, match="forward"):
            char_lstm(only_init)(128, 256)(torch.zeros(1, 2).long())


def test_mended_they_answer_as_the_chapter_calls_them() -> None:
    model = char_lstm(mended(PRINTED_CELL))(vocab_size=128, hidden_size=256)
    h, c = torch.zeros(32, 256), torch.zeros(32, 256)
    output, (h, c) = model(torch.randn(32, 128), (h, c))
    assert output.shape == (32, 128) and h.shape == c.shape == (32, 256)
    model = char_lstm(mended(PRINTED_LAYER))(vocab_size=128, hidden_size=256)
    output, hidden = model(torch.randint(0, 128, (16, 100)))
    assert output.shape == (16, 100, 128) and hidden[0].shape == (1, 16, 256)
