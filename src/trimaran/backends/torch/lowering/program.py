"""A step as calls of NumPy, in their order, over memory that is theirs from the beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Program:
    """Arrays, and the calls that fill them.

    What a call makes it writes into the same array each time, so that views of it (parts, other
    sizes, other orders of axes) are made once, while the program is written, and cost a step
    nothing. To know what a call makes, the program makes the call as it is written.

    inputs: the arrays that stand for what is given to a step
    """

    def __init__(self, inputs: Sequence[np.ndarray]) -> None:
        self.inputs = tuple(inputs)
        self._calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def make(self, function: Callable[..., Any], *given: Any) -> np.ndarray:
        """What the function makes of these, which it also writes into an array that it is given
        behind them."""
        out = np.asarray(function(*given))
        self._calls.append((function, (*given, out)))
        return out

    def do(self, function: Callable[..., object], *given: Any) -> None:
        """The function writes into what it is given."""
        function(*given)
        self._calls.append((function, given))

    def reshaped(self, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The array by other sizes: a view where one can be had."""
        view = array.reshape(shape)
        if np.may_share_memory(view, array):
            return view
        copy = np.empty_like(array, order="C")
        self.do(np.copyto, copy, array)
        return copy.reshape(shape)

    def run(self, given: Sequence[np.ndarray]) -> None:
        """A step from these inputs, of the sizes of the program's own."""
        for own, array in zip(self.inputs, given, strict=True):
            if own is not array:
                np.copyto(own, array)
        for function, arguments in self._calls:
            function(*arguments)
