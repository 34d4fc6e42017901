"""The training loop that an engineer would write for an ejected network in PyTorch, as text."""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.emit.loops import ROWS, Loop, text, title

RUN = {"torch": "python train.py"}


@dataclass(frozen=True)
class _Words:
    """How one kind of loss is written: what the network is asked for, its loss, and a figure."""

    call: str
    loss: str
    name: str
    figure: str


_KINDS = {
    "sparse_categorical_crossentropy": _Words(
        "model.logits",
        "F.cross_entropy(scores, targets)",
        "accuracy",
        "(scores.argmax(1) == targets).sum().item()",
    ),
    "binary_crossentropy": _Words(
        "model.logits",
        "F.binary_cross_entropy_with_logits(scores[:, 0], targets.float())",
        "accuracy",
        "((scores[:, 0] > 0) == (targets > 0)).sum().item()",
    ),
    "mean_squared_error": _Words(
        "model",
        "F.mse_loss(scores, targets)",
        "mean absolute error",
        "F.l1_loss(scores, targets).item() * len(targets)",
    ),
}


def loop(given: Loop, backend: str) -> str:
    """The file train.py, for a model.py beside it."""
    words = _KINDS[given.loss]
    return text(title(given, "PyTorch", RUN[backend]), _head(given), _data(given), _epochs(words))


def _head(given: Loop) -> list[str]:
    return [
        "import numpy as np",
        "import torch",
        "import torch.nn.functional as F",
        "from model import build",
        "from torch.utils.data import DataLoader, TensorDataset",
        "",
        given.settings,
        "",
    ]


def _data(given: Loop) -> list[str]:
    first = ".permute(0, 3, 1, 2)" if given.pictures else ""
    return [
        "torch.manual_seed(0)",
        f'rows = np.load("{ROWS}")',
        f'x, y = torch.from_numpy(rows["x"]){first}, torch.from_numpy(rows["y"])',
        "loader = DataLoader(TensorDataset(x, y), batch_size=BATCH_SIZE, shuffle=True)",
        "model = build()",
        "optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)",
        "",
    ]


def _epochs(words: _Words) -> list[str]:
    return [
        "for epoch in range(EPOCHS):",
        "    total, figure = 0.0, 0.0",
        "    for inputs, targets in loader:",
        f"        scores = {words.call}(inputs)",
        f"        loss = {words.loss}",
        *_update(),
        "        total += loss.item() * len(targets)",
        f"        figure += {words.figure}",
        f'    shown = f"loss {{total / len(y):.4f}}, {words.name} {{figure / len(y):.4f}}"',
        '    print(f"epoch {epoch + 1}: {shown}")',
    ]


def _update() -> list[str]:
    return [
        "        optimizer.zero_grad()",
        "        loss.backward()",
        "        optimizer.step()",
    ]
