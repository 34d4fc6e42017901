"""The kinds of graph that JAX runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import keras

from trimaran.backends.keras.worker.subject import Subject
from trimaran.training.probe import Ready

Call = Callable[..., Any]
Wrap = Callable[[Call], Call]


def _eager(subject: Subject) -> Ready:
    return _ready(subject, lambda f: f)


def _jit(subject: Subject) -> Ready:
    return _ready(subject, jax.jit)


def _exported(subject: Subject) -> Ready:
    arguments = _arguments(subject)
    call = jax.jit(jax.export.deserialize(serialized(subject)).call)
    return Ready(lambda: _done(call(*arguments)), subject.fetch)


def serialized(subject: Subject) -> bytearray:
    """The whole network's program as StableHLO; its weights are arguments."""
    exported = jax.export.export(jax.jit(_answer(subject)))(*_arguments(subject))
    found: bytearray = exported.serialize()
    return found


KINDS: dict[str, Callable[[Subject], Ready]] = {
    "eager": _eager,
    "jax.jit": _jit,
    "jax.export": _exported,
}


def _given(subject: Subject) -> Any:
    inputs = [jnp.asarray(values) for values in subject.inputs]
    return inputs[0] if len(inputs) == 1 else inputs


def _done(found: Any) -> Any:
    """JAX returns before it has computed."""
    return jax.block_until_ready(found)  # type: ignore[no-untyped-call]


def _arguments(subject: Subject) -> tuple[Any, ...]:
    """Trained weights, other weights and inputs, as the whole network is called."""
    network = subject.whole
    groups = (network.trainable_variables, network.non_trainable_variables)
    return (*([v.value for v in group] for group in groups), _given(subject))


def _answer(subject: Subject) -> Call:
    def answer(weights: Any, others: Any, inputs: Any) -> Any:
        return subject.whole.stateless_call(weights, others, inputs, training=False)[0]

    return answer


def _ready(subject: Subject, wrap: Wrap) -> Ready:
    arguments = _arguments(subject)
    answer = wrap(_answer(subject))
    return Ready(
        lambda: _done(answer(*arguments)),
        subject.fetch,
        _training(subject, wrap, arguments[-1]),
    )


def _training(subject: Subject, wrap: Wrap, given: Any) -> Call:
    """One update by Keras's own Adam, whose state goes from call to call."""
    network = subject.scored
    optimizer = keras.optimizers.Adam(subject.rate)
    optimizer.build(network.trainable_variables)
    step = wrap(_step(subject, optimizer))
    groups = (network.trainable_variables, network.non_trainable_variables, optimizer.variables)
    state = [[variable.value for variable in group] for group in groups]
    targets = {name: jnp.asarray(values) for name, values in subject.targets.items()}

    def train() -> float:
        state[:], loss = step(state, given, targets)
        return float(_done((state, loss))[1])

    return train


def _step(subject: Subject, optimizer: keras.optimizers.Optimizer) -> Call:
    network = subject.scored

    def loss_of(weights: Any, others: Any, inputs: Any, targets: Any) -> Any:
        found, others = network.stateless_call(weights, others, inputs, training=True)
        return subject.loss(found, targets), others

    slopes_of = jax.value_and_grad(loss_of, has_aux=True)

    def step(state: Any, inputs: Any, targets: Any) -> Any:
        weights, others, slots = state
        (loss, others), slopes = slopes_of(weights, others, inputs, targets)
        weights, slots = optimizer.stateless_apply(slots, slopes, weights)
        return [weights, others, slots], loss

    return step
