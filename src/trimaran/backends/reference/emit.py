"""What the reference computes, as text: it runs the description itself and has no other source."""

from __future__ import annotations

from dataclasses import fields

from trimaran.spec import Layer, Leaf, Model


def emit(model: Model) -> str:
    """One line per leaf in call order: `v3 = dense1(v2)  # Dense(units=10), (128,) → (10,)`."""
    lines = [f"v{i} = {port.name}  # {port.shape}" for i, port in enumerate(model.inputs)]
    lines += [_line(leaf) for leaf in model.leaves]
    lines += [f"{name} = v{value}" for name, value in model.outputs]
    return "\n".join([f"# {model.name}", *lines, ""])


def _line(leaf: Leaf) -> str:
    given = ", ".join(f"v{i}" for i in leaf.inputs)
    shapes = ", ".join(str(shape) for shape in leaf.in_shapes)
    return (
        f"v{leaf.output} = {leaf.path}({given})  # {_call(leaf.layer)}, {shapes} → {leaf.out_shape}"
    )


def _call(layer: Layer) -> str:
    defaults = {field.name: field.default for field in fields(layer)}
    told = {k: v for k, v in layer.settings().items() if v != defaults[k]}
    return f"{type(layer).__name__}({', '.join(f'{k}={v!r}' for k, v in told.items())})"
