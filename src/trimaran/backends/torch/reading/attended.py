"""Tables of rows by number and by position, and attention."""

from __future__ import annotations

from typing import Any

from trimaran.backends.torch.reading.attention import ATTENTION
from trimaran.backends.torch.reading.nodes import Key
from trimaran.backends.torch.reading.shaping import full
from trimaran.backends.torch.reading.site import Rules, Site
from trimaran.backends.torch.reading.tables import WAVES
from trimaran.backends.torch.reading.values import Value
from trimaran.spec import layers as L


def _embedding(site: Site) -> Value:
    weight, path = site.array("weight"), site.path("weight")
    assert weight is not None
    still = None if site["padding_idx"] == -1 else site["padding_idx"]
    value = site.value(site["indices"], tokens=True)
    layer = L.Embedding(
        weight[0], weight[1], embeddings_initializer="unit_normal", padding_index=still
    )
    return site.add(layer, value, axes=(*value.axes, len(value.axes) + 1), path=path)


def _attention(site: Site) -> Value:
    seen = site["seen"]
    site.require(
        seen != "padding", "its key_padding_mask takes keys out row by row",
        "leave the mask out, or describe the padding: trimaran.layers.Embedding(mask_zero=True)",
    )  # fmt: skip
    site.require(
        seen != "some", "its attn_mask is neither empty nor causal",
        "let a query see all keys, or those up to its own place",
    )  # fmt: skip
    query, keys, values = (_sequence(site, site[name]) for name in ("query", "key", "value"))
    site.require(
        keys == values, "its keys and values are made of two tensors",
        "give it one tensor as key and value",
    )  # fmt: skip
    key = site["arrays"][0]
    site.require(isinstance(key, Key), "its arrays are computed", "use nn.MultiheadAttention")
    width, features = site.reading.traced.arrays[key.text][0] // 3, query.shape[-1]
    layer = L.MultiHeadAttention(
        site["heads"],
        None if width == features else width // site["heads"],
        use_bias=len(site["arrays"]) > 2,
        use_causal_mask=seen == "causal",
        dropout=site["rate"],
    )
    given = (query,) if query == keys else (query, keys)
    return site.add(layer, *given, path=key.text.rpartition(".")[0])


def _sequence(site: Site, given: Any) -> Value:
    """(time, features)."""
    value = site.value(given)
    rank = len(site.sizes(given.name)) - 1
    site.require(
        rank == 2, f"it takes {rank} axes behind the batch", "give (batch, time, features)"
    )
    return site.arranged(full(site, value, 2), (1, 2))


def _positions(site: Site) -> Value:
    """Of `patterns`: to step t row t of a table, or its sines and cosines."""
    key = site["weight"].text
    if key.rpartition(".")[0].endswith(WAVES):
        return site.add(L.SinePositionEncoding(), _sequence(site, site["self"]))
    site.require(
        key.endswith(".weight"), f"it adds rows of the buffer {key!r}, which no layer has",
        "keep positions in an nn.Embedding or nn.Parameter, or let them be sine and cosine of "
        "t / 10000^(2i/features) side by side",
    )  # fmt: skip
    weight, path = site.array("weight"), site.path("weight")
    assert weight is not None
    layer = L.PositionEmbedding(weight[0], embeddings_initializer="unit_normal")
    return site.add(layer, _sequence(site, site["self"]), path=path)


RULES: Rules = {ATTENTION: _attention, "embedding": _embedding, "positions": _positions}
