"""Layers of sequences: what Keras says of them, and how it keeps their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from trimaran.backends.keras.reading.words import Config, Refused, activation, initializer, refuse
from trimaran.spec import layers as L
from trimaran.spec.layer import Layer, Shape

Layers = tuple[tuple[str, Layer], ...]
EACH = ("Activation", "Dense", "Dropout", "LayerNormalization", "Rescaling")
"""Layers of Keras that work over the last axis alone, or on each entry."""


def embedding(config: Config, shapes: tuple[Shape, ...]) -> Layers:
    """Keras's mask_zero, with the padding behind each row's last step."""
    refuse(bool(config.get("lora_rank")), "its LoRA matrices have no description; merge them first")
    drawn = initializer(config.get("embeddings_initializer"), "random_uniform")
    own = L.Embedding(config["input_dim"], config["output_dim"], drawn, bool(config["mask_zero"]))
    return (("", own),)


def recurrent(kind: type[Any]) -> Callable[[Config, tuple[Shape, ...]], Layers]:
    """SimpleRNN, LSTM or GRU."""

    def rule(config: Config, shapes: tuple[Shape, ...]) -> Layers:
        _hold_usual(kind, config)
        given: dict[str, Any] = {
            "kernel_initializer": initializer(config.get("kernel_initializer"), "glorot_uniform"),
            "recurrent_initializer": initializer(config.get("recurrent_initializer"), "orthogonal"),
            "bias_initializer": initializer(config.get("bias_initializer"), "zeros"),
        }
        if kind is L.SimpleRNN:
            given["nonlinearity"] = activation(config["activation"])
        if kind is L.LSTM:
            given["unit_forget_bias"] = config["unit_forget_bias"]
        for name in ("return_sequences", "return_state", "use_bias"):
            given[name] = config[name]
        return (("", kind(config["units"], **given)),)

    return rule


def _hold_usual(kind: type[Any], config: Config) -> None:
    for name in ("dropout", "recurrent_dropout"):
        remedy = "put a Dropout before the layer" if name == "dropout" else "leave it out"
        refuse(bool(config.get(name)), f"{name}={config.get(name)} has no description; {remedy}")
    for name in ("go_backwards", "stateful"):
        refuse(bool(config.get(name)), f"{name}=True has no description; leave it out")
    usual = ("tanh", "relu") if kind is L.SimpleRNN else ("tanh",)
    found = activation(config["activation"])
    refuse(found not in usual, f"activation={found!r} has no description, only {usual[0]!r} has")
    gates = config.get("recurrent_activation", "sigmoid")
    refuse(
        gates != "sigmoid",
        f"recurrent_activation={gates!r} has no description, only 'sigmoid' has",
    )
    refuse(
        kind is L.GRU and not config.get("reset_after", True),
        "reset_after=False has no description, only the form with two biases has",
    )


def bidirectional(config: Config, shapes: tuple[Shape, ...]) -> Layers:
    """A recurrent layer read from both ends, the outputs side by side."""
    mode = config["merge_mode"]
    refuse(mode != "concat", f"merge_mode={mode!r} has no description, only 'concat' has")
    inner, other = config["layer"], config.get("backward_layer") or config["layer"]
    kinds = {"GRU": L.GRU, "LSTM": L.LSTM, "SimpleRNN": L.SimpleRNN}
    refuse(
        inner["class_name"] not in kinds,
        f"its {inner['class_name']} has no description; use one of {', '.join(kinds)}",
    )
    for name in ("units", "activation", "use_bias", "return_sequences", "return_state"):
        refuse(
            other["config"].get(name) != inner["config"][name],
            f"its backward_layer has another {name} than its layer; use one layer for both ways",
        )
    ((_, layer),) = recurrent(kinds[inner["class_name"]])(inner["config"], shapes)
    return (("", L.Bidirectional(layer)),)  # type: ignore[arg-type]


def attention(config: Config, shapes: tuple[Shape, ...]) -> Layers:
    """Keras's layer where queries and values are as wide as each other."""
    told = (("value_dim", config["key_dim"]), ("output_shape", None), ("attention_axes", None))
    for name, usual in told:
        found = config.get(name)
        odd = found not in (None, usual, [1])
        refuse(odd, f"{name}={found} has no description; leave it out")
    gates = bool(config.get("use_gate"))
    refuse(gates, "use_gate=True has no description; leave it out")
    return (
        (
            "",
            L.MultiHeadAttention(
                config["num_heads"],
                config["key_dim"],
                use_bias=config["use_bias"],
                dropout=float(config["dropout"]),
                kernel_initializer=_drawn(config, shapes),
                bias_initializer=initializer(config.get("bias_initializer"), "zeros"),
            ),
        ),
    )


def _drawn(config: Config, shapes: tuple[Shape, ...]) -> Any:
    """Keras draws each head; the description draws each matrix, by a distribution that knows which
    way it goes only where it is square."""
    found = initializer(config.get("kernel_initializer"), "glorot_uniform")
    return found if isinstance(found, str) and found.startswith("glorot") else "glorot_uniform"


def timed(rules: Mapping[str, Any]) -> Callable[[Config, tuple[Shape, ...]], Layers]:
    """TimeDistributed: a layer that works over the last axis alone, as it is."""

    def rule(config: Config, shapes: tuple[Shape, ...]) -> Layers:
        inner = config["layer"]
        if inner["class_name"] not in EACH:
            raise Refused(
                f"its {inner['class_name']} looks at more than the last axis, and has no "
                "description; call it before the steps are put together"
            )
        found: Layers = rules[inner["class_name"]](inner["config"], shapes)
        return found

    return rule


def own_arrays(layer: Any) -> dict[str, Any]:
    """The variables of a layer by name; those of the way back are told by "_reverse", and those of
    attention by the part that has them."""
    if hasattr(layer, "forward_layer") and hasattr(layer, "backward_layer"):
        back = {f"{v.name}_reverse": v for v in layer.backward_layer.weights}
        return {v.name: v for v in layer.forward_layer.weights} | back
    if type(layer).__name__ == "MultiHeadAttention" and hasattr(layer, "_query_dense"):
        return {f"{v.path.split('/')[-2]}/{v.name}": v for v in layer.weights}
    return {v.name: v for v in getattr(layer, "weights", ())}


def joined(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Keras's arrays of an attention, a head at a time, as the matrices of a description."""
    if "query/kernel" not in arrays:
        return dict(arrays)
    parts = [arrays[f"{name}/kernel"] for name in ("query", "key", "value")]
    out = arrays["attention_output/kernel"]
    found = {
        "in_proj_kernel": np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1),
        "out_proj_kernel": out.reshape(-1, out.shape[-1]),
    }
    if "query/bias" in arrays:
        biases = [arrays[f"{name}/bias"].reshape(-1) for name in ("query", "key", "value")]
        found["in_proj_bias"] = np.concatenate(biases)
        found["out_proj_bias"] = arrays["attention_output/bias"]
    return found
