"""A description as the PyTorch source that a good engineer would have written.

The text is the model that trains. Maps are channels-first inside, as PyTorch has them; rank-3
inputs and outputs of the module are (N, C, H, W). Where the model ends in softmax or sigmoid, the
class has `logits`, which training uses, and `forward`, which applies that head.
"""

from __future__ import annotations

from trimaran.backends.torch.block import Writer
from trimaran.backends.torch.helpers import HELPERS
from trimaran.backends.torch.initialise import exceptions, initialiser
from trimaran.emit.calls import port_names
from trimaran.emit.layout import collapse, wrap
from trimaran.emit.plan import Class, plan
from trimaran.spec.codec import digest
from trimaran.spec.layer import Shape
from trimaran.spec.model import Model


def emit(model: Model, instrumented: bool = False, idioms: bool = True) -> str:
    """The source of the model: imports torch alone, and has `build()`.

    Args:
        instrumented: every layer hands its output to `tap`, in the order of the description;
            nothing is rewritten. The numbers are the same.
        idioms: write `nn.Sequential`, and max-pool before ReLU; without, only the generic rules.
    """
    writer = Writer(model, instrumented, idioms and not instrumented)
    classes = plan(model, writer.write, "self.")
    parts = [_class(cls) for cls in classes[:-1]] + [_network(model, classes[-1])]
    helpers = [HELPERS[name] for name in sorted(writer.helpers)]
    code = "\n\n\n".join([*helpers, *parts, *initialiser(model), _build(model, classes[-1])])
    return f"{_docstring(model)}\n\n{_imports(code)}\n\n\n{code}\n"


def torch_shape(shape: Shape) -> str:
    """A batch of that shape as the module sees it."""
    sizes = (shape[-1], *shape[:-1]) if len(shape) == 3 else shape
    return "(" + ", ".join(["N", *("?" if size is None else str(size) for size in sizes)]) + ")"


def _docstring(model: Model) -> str:
    inputs = ", ".join(f"{port.name} {torch_shape(port.shape)}" for port in model.inputs)
    outputs = ", ".join(f"{n} {torch_shape(model.shapes[v])}" for n, v in model.outputs)
    return (
        f'"""{model.name} in PyTorch, {model.size:,} parameters.\n\n'
        f"{inputs} -> {outputs}\n\n"
        f'Written by Trimaran from the description {digest(model)[:12]}.\n"""'
    )


def _imports(code: str) -> str:
    lines = [
        "import torch" if "torch." in code else None,
        "import torch.nn.functional as F" if "F." in code else None,
        "from torch import nn",
    ]
    return "\n".join(line for line in lines if line)


def _constructor(cls: Class) -> list[str]:
    if not cls.init and not cls.kept:
        return []
    arguments = "".join(f", {argument.name}" for argument in cls.arguments)
    head = wrap(f"    def __init__(self{arguments}):")
    return [
        *head,
        "        super().__init__()",
        *(f"        self.{name} = {name}" for name in cls.kept),
        *(w for line in cls.init for w in wrap(collapse(line))),
    ]


def _method(name: str, ports: list[str], lines: tuple[str, ...]) -> list[str]:
    body = [w for line in lines for w in wrap(f"        {line}")]
    return [*wrap(f"    def {name}(self, {', '.join(ports)}):"), *body]


def _join(cls: Class, methods: list[list[str]]) -> str:
    parts = [part for part in [_constructor(cls), *methods] if part]
    text = "\n\n".join("\n".join(part) for part in parts)
    return f"class {cls.name}(nn.Module):\n{text}"


def _class(cls: Class) -> str:
    return _join(cls, [_method("forward", port_names(cls.graph), cls.forward)])


def _network(model: Model, cls: Class) -> str:
    ports = port_names(cls.graph)
    if not model.heads:
        return _join(cls, [_method("forward", ports, cls.forward)])
    logits = _method("logits", ports, cls.forward)
    return _join(cls, [logits, _method("forward", ports, _heads(model, ports))])


def _heads(model: Model, ports: list[str]) -> tuple[str, ...]:
    call = f"self.logits({', '.join(ports)})"
    if len(model.outputs) == 1:
        name = model.outputs[0][0]
        return (f"return {_head(model, name, call)}",)
    entries = [
        f'"{name}": ' + (_head(model, name, f'z["{name}"]') if name in model.heads
                         else f'z["{name}"]')
        for name, _ in model.outputs
    ]  # fmt: skip
    return (f"z = {call}", f"return {{{', '.join(entries)}}}")


def _head(model: Model, name: str, logits: str) -> str:
    if model.heads[name] == "sigmoid":
        return f"torch.sigmoid({logits})"
    dim = 1 if len(model.output_shape(name)) == 3 else -1
    return f"F.softmax({logits}, dim={dim})"


def _build(model: Model, cls: Class) -> str:
    fresh = f"{cls.name}()" + (".apply(initialise)" if initialiser(model) else "")
    special = exceptions(model)
    body = [f"    return {fresh}"]
    if special:
        told = [part for line in special for part in wrap(line)]
        body = [f"    model = {fresh}", *told, "    return model"]
    return "\n".join(["def build():", '    """The network with fresh weights."""', *body])
