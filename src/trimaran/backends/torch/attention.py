"""Attention in PyTorch's words: a class of the source over `F.scaled_dot_product_attention`; and
positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trimaran.backends.torch.code import Code, Site, step_count
from trimaran.spec import layers as L
from trimaran.spec.layer import Layer


def _attention(layer: L.MultiHeadAttention, site: Site) -> Code:
    number = site.numbers.one
    features, heads = number(site.shapes[0][-1] or 0, "features"), number(layer.num_heads, "heads")
    given = (
        features,
        heads,
        "" if layer.key_dim is None else f"key_dim={number(layer.key_dim, 'key_dim')}",
        "" if layer.use_bias else "bias=False",
        "causal=True" if layer.use_causal_mask else "",
        f"dropout={layer.dropout!r}" if layer.dropout else "",
    )
    kind = "RotaryAttention" if layer.rotary else "MultiHeadAttention"
    kind = "RowAttention" if site.rank == 3 else kind
    module = f"{kind}({', '.join(part for part in given if part)})"
    inputs = ", ".join(f"{{{i}}}" for i in range(len(site.shapes) - len(layer.told)))
    needed = {"MultiHeadAttention", kind, *(["turned"] if layer.rotary else [])}
    if layer.cached:
        return Code(f"one_query(@, {inputs})", module, helpers=(*needed, "one_query"))
    if layer.told:
        return _padded(layer, site, inputs, Code("", module, helpers=tuple(needed)))
    return Code(f"@({inputs})", module, helpers=tuple(needed))


def _padded(layer: L.MultiHeadAttention, site: Site, inputs: str, bare: Code) -> Code:
    """Keys of padding are not seen, and what queries of padding ask for is 0. Padding stands behind
    the data, so that a causal mask over the own sequence hides its keys already."""
    first = len(site.shapes) - len(layer.told)
    counts = {place: step_count(site, first + i) for i, place in enumerate(layer.told)}
    memory = first - 1
    hidden = memory in counts and not (memory == 0 and layer.use_causal_mask)
    keys = f", keys=step_mask({{{memory}}}, {counts[memory]})" if hidden else ""
    call = f"@({inputs}{keys})"
    helpers = (*bare.helpers, "step_mask")
    if not layer.masked:
        return replace(bare, call=call, helpers=helpers)
    cleared = f"zero_padding({call}, {counts[0]})"
    return replace(bare, call=cleared, helpers=(*helpers, "zero_padding"))


def _embedded(layer: L.PositionEmbedding, site: Site) -> Code:
    rows = site.numbers.one(layer.sequence_length, "length")
    module = f"nn.Embedding({rows}, {site.numbers.one(site.shapes[0][-1] or 0, 'features')})"
    if layer.cached:
        return Code("one_position(@, {0}, {1})", module, helpers=("one_position",))
    if site.shapes[0][-2] == layer.sequence_length:
        return Code("{0} + @.weight", module)
    time = "1" if site.rank == 2 else "2"
    return Code(f"{{0}} + @.weight[: {{0}}.shape[{time}]]", module)


def _waves(layer: L.SinePositionEncoding, site: Site) -> Code:
    longest = float(layer.max_wavelength)
    if layer.cached:
        return Code(f"one_wave({{0}}, {longest!r}, {{1}})", helpers=("one_wave", "waves"))
    return Code(f"{{0}} + waves({{0}}, {longest!r})", helpers=("waves",))


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.MultiHeadAttention: _attention,
    L.PositionEmbedding: _embedded,
    L.SinePositionEncoding: _waves,
}
