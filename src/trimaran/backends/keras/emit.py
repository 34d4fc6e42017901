"""A description as the Keras 3 source that a good engineer would have written.

Every layer is named by its path in the description. A plain chain is a `Sequential`, all else is
functional; subclassing on request. Maps are channels-last. The text imports keras alone.
"""

from __future__ import annotations

from trimaran.backends.keras.block import CALL, CLASS, CLOSURE, Writer, function_name, maker_name
from trimaran.backends.keras.helpers import HELPERS
from trimaran.backends.keras.styles import chain, collapsed, input_of, style_of
from trimaran.emit.calls import port_names
from trimaran.emit.layout import wrap
from trimaran.emit.plan import Class, plan
from trimaran.spec.codec import digest
from trimaran.spec.layer import Shape
from trimaran.spec.model import Model


def emit(model: Model, style: str | None = None, instrumented: bool = False) -> str:
    """The source of the model; it has `build()`.

    Args:
        style: "sequential", "functional" or "subclass"; by default sequential for a plain chain,
            else functional.
        instrumented: every layer of the description is a layer of its own (no activation is
            written into the layer before it), so that each output can be read.

    Raises:
        DescriptionError: a sequential style was asked for, but the model is no plain chain.
    """
    chosen = style_of(model, style)
    writer = Writer(model, idioms=not instrumented, subclass=chosen == "subclass")
    classes = plan(model, writer.write)
    root = chain(model, writer) if chosen == "sequential" else _root(model, classes[-1], writer)
    blocks = [_block(cls, model.name) for cls in classes[:-1]]
    helpers = [HELPERS[name] for name in sorted(writer.helpers)]
    code = "\n\n\n".join([*helpers, *blocks, root])
    return f"{_docstring(model)}\n\nimport keras\nfrom keras import layers\n\n\n{code}\n"


def keras_shape(shape: Shape) -> str:
    """A batch of that shape."""
    return "(" + ", ".join(["N", *("?" if size is None else str(size) for size in shape)]) + ")"


def _docstring(model: Model) -> str:
    inputs = ", ".join(f"{port.name} {keras_shape(port.shape)}" for port in model.inputs)
    outputs = ", ".join(f"{n} {keras_shape(model.shapes[v])}" for n, v in model.outputs)
    return (
        f'"""{model.name} in Keras 3, {model.size:,} parameters.\n\n'
        f"{inputs} -> {outputs}\n\n"
        f'Written by Trimaran from the description {digest(model)[:12]}.\n"""'
    )


def _indented(lines: list[str] | tuple[str, ...], depth: int) -> list[str]:
    return [w for line in lines for w in wrap(" " * depth + line)]


def _block(cls: Class, package: str) -> str:
    form, *made = cls.init
    ports = port_names(cls.graph)
    names = [argument.name for argument in cls.arguments]
    if form == CLASS:
        return _class(cls, made, names, package)
    if form == CALL:
        head = f"def {function_name(cls.name)}({', '.join([*ports, *names, 'name'])}):"
        return "\n".join([*wrap(head), *_indented([*made, *collapsed(cls.forward)], 4)])
    assert form == CLOSURE
    head = f"def {maker_name(cls.name)}({', '.join([*names, 'name'])}):"
    inner = ["", f"    def call({', '.join(ports)}):", *_indented(cls.forward, 8), ""]
    return "\n".join([*wrap(head), *_indented(made, 4), *inner, "    return call"])


def _registered(package: str) -> str:
    """What lets `keras.saving.load_model` find a class; its package keeps models apart."""
    return f'@keras.saving.register_keras_serializable("{package}")'


def _class(cls: Class, made: list[str], names: list[str], package: str) -> str:
    arguments = "".join(f", {name}" for name in names)
    return "\n".join(
        [
            _registered(package),
            f"class {cls.name}(layers.Layer):",
            *wrap(f"    def __init__(self{arguments}, **kwargs):"),
            "        super().__init__(**kwargs)",
            *_indented(made, 8),
            "",
            f"    def call(self, {', '.join(port_names(cls.graph))}):",
            *_indented(cls.forward, 8),
        ]
    )


def _root(model: Model, cls: Class, writer: Writer) -> str:
    form, *made = cls.init
    if form == CLASS:
        return _subclassed(model, cls, made)
    *lines, last = collapsed(cls.forward)
    ports = writer.ports("", cls.graph)
    again = {name for line in lines for name in line.partition(" = ")[0].split(", ")}
    kept = [f"{port}_input" if port in again else port for port in ports]
    inputs = [
        " = ".join([*dict.fromkeys((name, port)), input_of(given)])
        for name, port, given in zip(kept, ports, model.inputs, strict=True)
    ]
    taken = kept[0] if len(kept) == 1 else f"[{', '.join(kept)}]"
    outputs = f"outputs = {last.removeprefix('return ')}"
    if lines and lines[-1].startswith(f"{last.removeprefix('return ')} = "):
        outputs = f"outputs = {lines.pop().partition(' = ')[2]}"
    model_line = f'return keras.Model({taken}, outputs, name="{model.name}")'
    body = _indented([*inputs, *made, *lines, outputs, model_line], 4)
    return "\n".join(["def build():", '    """The network with fresh weights."""', *body])


def _subclassed(model: Model, cls: Class, made: list[str]) -> str:
    ports = port_names(cls.graph)
    single = len(ports) == 1
    unpacked = [] if single else [f"        {', '.join(ports)} = inputs"]
    inputs = ", ".join(input_of(port) for port in model.inputs)
    lines = [
        _registered(model.name),
        f"class {cls.name}(keras.Model):",
        f'    def __init__(self, name="{model.name}", **kwargs):',
        "        super().__init__(name=name, **kwargs)",
        *_indented(made, 8),
        "",
        f"    def call(self, {ports[0] if single else 'inputs'}):",
        *unpacked,
        *_indented(cls.forward, 8),
        "",
        "",
        "def build():",
        '    """The network with fresh weights."""',
        f"    model = {cls.name}()",
        *wrap(f"    model({inputs if single else f'[{inputs}]'})"),
        "    return model",
    ]
    return "\n".join(lines)
