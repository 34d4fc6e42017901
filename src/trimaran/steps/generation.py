"""Text from a language model, a token at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimaran.backends.protocol import Array
from trimaran.data.batches import Rows
from trimaran.data.preprocess import INPUT, OUTPUT, Preprocess
from trimaran.data.stream import Stream
from trimaran.data.targets import Tokens
from trimaran.data.textfield import TextField
from trimaran.data.tokens import Tokenizer
from trimaran.errors import DataError, DescriptionError, RecipeError
from trimaran.files import write_json
from trimaran.runs import RunFiles
from trimaran.spec.stepping import Stepwise, stepwise
from trimaran.steps.implementation import implementation
from trimaran.weights import check_seed


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn.

    temperature: the logarithms of the probabilities are divided by it; 0 takes the likeliest
    top_k: only among so many of the likeliest;  top_p: only among the likeliest that together have
        this probability (Holtzman et al. 2020)
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise RecipeError(f"temperature is {self.temperature}; it must be 0 or more.")
        if self.top_k is not None and self.top_k < 1:
            raise RecipeError(f"top-k is {self.top_k}; it must be 1 or more.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise RecipeError(f"top-p is {self.top_p}; it must be above 0 and at most 1.")
        check_seed(self.seed)


ROOM = 256
"""Steps for which keys and values have room at first."""

FAR = 1 << 16
"""Steps over which an angle in float32 tells one place from the next to a hundredth."""


class Writer:
    """A language model that keeps its states from token to token: the cost of each is the same,
    and with attention grows with what is attended to alone.

    Attention looks back no farther than it was trained to, since nothing taught it what stands
    there: keys and values of that many steps are kept, and each step takes the place of the
    oldest. A model that adds something to each step for its place cannot go on like that: where
    its places are full it goes on from the last quarter of what it read, which costs a third of
    the steps until they are full once more, where the last half would cost as many again."""

    def __init__(self, run: RunFiles, backend: str | None = None) -> None:
        self.tokenizer = _tokenizer(run.preprocess)
        steps = stepwise(run.model)
        chosen = implementation(backend or run.recipe.backend)
        self._step = chosen.stepper(steps.model, run.weights)
        self._shapes = steps.states
        self._window, self._end = _reach(steps, run.preprocess.inputs[INPUT].shape[0])
        self.begin()

    def begin(self) -> None:
        """Forget all that was read."""
        self._tokens: list[int] = []
        self._room = ROOM if self._window is None else min(ROOM, self._window)
        zeros = {
            name: tuple(self._room if n is None else n for n in shape)
            for name, shape in self._shapes.items()
        }
        self._states: dict[str, Array] = {
            name: np.zeros((1, *s), np.float32) for name, s in zeros.items()
        }

    def read(self, tokens: Sequence[int]) -> np.ndarray:
        """The probabilities of the token after these, which follow all that was read before."""
        found: np.ndarray | None = None
        for token in tokens:
            if len(self._tokens) == self._end:
                self._begin_again()
            found = self._follow(token)
        if found is None:
            raise DataError("The prompt is empty; give at least one character to go on from.")
        return found

    def _begin_again(self) -> None:
        """From the last quarter of what can be seen."""
        assert self._window is not None
        again = self._tokens[-max(1, self._window // 4) :]
        self.begin()
        for token in again:
            self._follow(token)

    def _follow(self, token: int) -> np.ndarray:
        """The probabilities of the token after this one."""
        if len(self._tokens) == self._room != self._window:
            self._widen()
        outputs = self._step({INPUT: np.array([[token]], np.int32), **self._states})
        found: np.ndarray = outputs.pop(OUTPUT)[0, -1].astype(np.float64)
        self._states = outputs
        self._tokens.append(token)
        return found

    def _widen(self) -> None:
        """Twice the room for keys and values: so few sizes, since JAX compiles for each."""
        more = self._room if self._window is None else min(self._room, self._window - self._room)
        for name, shape in self._shapes.items():
            if shape[0] is None:
                kept = np.asarray(self._states[name])
                self._states[name] = np.pad(kept, ((0, 0), (0, more), (0, 0)))
        self._room += more

    def write(self, prompt: str, length: int, sampling: Sampling) -> Iterator[str]:
        """`length` tokens that go on from the prompt, as they come.

        Raises `RecipeError` or `DataError` at once, before the first of them is asked for.
        """
        if length < 1:
            raise RecipeError(f"length is {length}; it must be 1 or more.")
        return self._written(known(self.tokenizer, prompt), length, sampling)

    def _written(self, prompt: list[int], length: int, sampling: Sampling) -> Iterator[str]:
        rng = np.random.default_rng(sampling.seed)
        chances = self.read(prompt)
        for number in range(length):
            token = draw(chances, sampling, rng)
            yield self.tokenizer.decode([token])
            if number + 1 < length:
                chances = self.read([token])


def _reach(steps: Stepwise, trained: int) -> tuple[int | None, int | None]:
    """(of how many steps keys and values are kept, after how many the model must begin again); what
    attends learned from windows of `trained` steps."""
    attends = any(shape[0] is None for shape in steps.states.values())
    window = trained if attends and steps.longest is None else steps.longest
    return window, FAR if attends and not steps.placed else window


SAMPLE, PROMPT, TEMPERATURE = 400, 40, 0.8
"""Tokens that the report shows, those that they go on from, and how boldly they are drawn."""


def write_sample(folder: Path, run: RunFiles, rows: Rows | Stream) -> None:
    """artifacts/sample.json: what a language model makes of the beginning of the split; nothing
    where the run learned no language, or its model cannot go on a step at a time."""
    if not isinstance(run.preprocess.outputs[OUTPUT], Tokens):
        return
    try:
        writer = Writer(run)
    except DescriptionError:
        return
    beginning = rows.take(np.zeros(1, np.int64)).inputs[INPUT][0, :PROMPT].tolist()
    prompt = writer.tokenizer.decode([token for token in beginning if token])
    sampling = Sampling(TEMPERATURE, seed=run.recipe.training.seed)
    text = "".join(writer.write(prompt, SAMPLE, sampling))
    folder.mkdir(exist_ok=True)
    sample = {"prompt": prompt, "text": text, "temperature": TEMPERATURE}
    write_json(folder / "sample.json", sample)


def _tokenizer(preprocess: Preprocess) -> Tokenizer:
    field = preprocess.inputs.get(INPUT)
    if not isinstance(field, TextField) or not isinstance(preprocess.outputs[OUTPUT], Tokens):
        raise RecipeError(
            "This run learned no language; generate with one that did, for example after: trimaran "
            "train shakespeare-charlstm."
        )
    return field.tokenizer


def known(tokenizer: Tokenizer, prompt: str) -> list[int]:
    """The prompt's tokens.

    Raises:
        DataError: it is empty, or holds characters that training never met; names each once.
    """
    tokens: list[int] = tokenizer.encode(prompt).tolist()
    if not tokens:
        raise DataError("The prompt is empty; give at least one character to go on from.")
    strange = dict.fromkeys(
        letter for letter, token in zip(prompt, tokens, strict=True) if token == 0
    )
    if strange:
        listed, them = ", ".join(map(repr, strange)), "it" if len(strange) == 1 else "them"
        raise DataError(
            f"The prompt holds {listed}, which the training text never does; leave {them} out."
        )
    return tokens


def draw(chances: np.ndarray, sampling: Sampling, rng: np.random.Generator) -> int:
    """A token by its probability; never the one that stands for the unknown (number 0)."""
    chances = np.array(chances)
    chances[0] = 0.0
    likeliest = int(chances.argmax())
    if sampling.temperature == 0:
        return likeliest
    # The same as to divide the logarithms by the temperature; over the largest, so that none of
    # those that matter becomes nothing.
    shares = (chances / chances[likeliest]) ** (1.0 / sampling.temperature)
    chosen = _likeliest(shares, sampling)
    total = np.cumsum(shares if chosen is None else shares[chosen])
    at = min(int(total.searchsorted(rng.random() * total[-1], side="right")), len(total) - 1)
    return at if chosen is None else int(chosen[at])


def _likeliest(shares: np.ndarray, sampling: Sampling) -> np.ndarray | None:
    """The tokens to draw among, the likeliest first; None are all."""
    if sampling.top_k is None and sampling.top_p is None:
        return None
    order = np.argsort(-shares, kind="stable")
    kept = len(order) if sampling.top_k is None else min(sampling.top_k, len(order))
    if sampling.top_p is not None:
        sure = shares[order] / shares.sum()
        before = np.cumsum(sure) - sure
        kept = min(kept, max(1, int((before < sampling.top_p).sum())))
    return order[:kept]
