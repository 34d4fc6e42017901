"""What a training loop is written from: the shared half of each backend's `loops`."""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.errors import RecipeError
from trimaran.spec.model import Model

ROWS = "rows.npz"
LOSSES = ("sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error")


@dataclass(frozen=True)
class Loop:
    """A loop over the rows in ROWS (`x`, channels-last, and `y`), for a network in `model.py`.

    Raises `RecipeError` for a network with several inputs or outputs, or another loss.
    """

    model: Model
    loss: str
    epochs: int = 1
    batch_size: int = 128
    rate: float = 1e-3

    def __post_init__(self) -> None:
        if len(self.model.inputs) != 1 or len(self.model.outputs) != 1:
            raise RecipeError(
                f"{self.model.name} has several inputs or outputs; its loop is not one that can "
                "be written here. Choose a model with one of each, such as mnist-mlp-128."
            )
        if self.loss not in LOSSES:
            raise RecipeError(f"There is no loop for the loss {self.loss}; one of {LOSSES}.")

    @property
    def pictures(self) -> bool:
        """Whether a row is a picture, which PyTorch takes channels-first."""
        return len(self.model.inputs[0].shape) == 3

    @property
    def settings(self) -> str:
        """The line of constants."""
        return (
            f"EPOCHS, BATCH_SIZE, LEARNING_RATE = {self.epochs}, {self.batch_size}, {self.rate:g}"
        )


def title(loop: Loop, framework: str, run: str) -> list[str]:
    """The docstring of a loop's file."""
    return [
        f'"""Train {loop.model.name} with {framework}.',
        "",
        f"{ROWS} beside this file holds x (channels-last) and y. Run it with:",
        "",
        f"    {run}",
        '"""',
        "",
    ]


def text(*parts: list[str]) -> str:
    """The lines of all parts as a file."""
    return "\n".join([line for part in parts for line in part]) + "\n"
