"""Attention and positions in Keras's words: layers of the source, called as Keras's own are.

`layers.MultiHeadAttention` (3.15) takes its softmax in float32 whatever the type, keeps queries,
keys and values in three arrays (which Muon would take for vectors), and knows neither rotary
positions nor kept keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.backends.keras.code import Code, Site
from trimaran.backends.keras.initialise import argument
from trimaran.spec import layers as L
from trimaran.spec.layer import Layer


def _attention(layer: L.MultiHeadAttention, site: Site) -> Code:
    own, number = site.parameters(layer), site.numbers.one
    given = (
        number(layer.num_heads, "num_heads"),
        None if layer.key_dim is None else f"key_dim={number(layer.key_dim, 'key_dim')}",
        None if layer.use_bias else "use_bias=False",
        "use_causal_mask=True" if layer.use_causal_mask else None,
        f"dropout={layer.dropout!r}" if layer.dropout else None,
        argument("kernel_initializer", own["out_proj.weight"], "glorot_uniform"),
        argument("bias_initializer", own.get("out_proj.bias"), "zeros"),
    )
    kind = "RotaryAttention" if layer.rotary else "MultiHeadAttention"
    kind = "RowAttention" if len(site.shapes[0]) == 3 else kind
    return Code(
        f"{kind}Step" if layer.cached else kind,
        tuple(argument for argument in given if argument),
        masks=tuple((("query_mask", "value_mask")[place], place) for place in layer.told),
    )


def _embedded(layer: L.PositionEmbedding, site: Site) -> Code:
    initial = site.parameters(layer)["weight"]
    drawn = argument("embeddings_initializer", initial, "random_uniform")
    length = site.numbers.one(layer.sequence_length, "length")
    return Code(_kind(layer), (length, *([drawn] if drawn else [])))


def _waves(layer: L.SinePositionEncoding, site: Site) -> Code:
    return Code(_kind(layer), (repr(float(layer.max_wavelength)),))


def _kind(layer: Any) -> str:
    return f"{type(layer).__name__}{'Step' if layer.cached else ''}"


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.MultiHeadAttention: _attention,
    L.PositionEmbedding: _embedded,
    L.SinePositionEncoding: _waves,
}
