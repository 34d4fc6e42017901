"""What there is to compare of PyTorch, by name; nothing here imports it."""

from __future__ import annotations

from collections.abc import Mapping

from trimaran.training.probe import Graph

LABELS = {"torch": "PyTorch"}

GRAPHS: Mapping[str, tuple[Graph, ...]] = {
    "torch": (
        Graph("eager", "each operation runs as Python reaches it", base=True),
        Graph("torch.compile", "TorchDynamo's graph, compiled by Inductor to C++"),
        Graph("torch.export", "an ExportedProgram, called as a module", trains=False),
        Graph("TorchScript", "traced by torch.jit, which PyTorch has deprecated", trains=False),
    )
}
"""The first of a backend is its eager run."""

COMPILED = {"torch": "torch.compile"}
"""The graph that a user gets who asks for a compiled one."""

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {"torch": ("torch",)}
"""What pip is asked to install for a backend; of several names the installed ones count."""

IMPORTS = {"torch": "import torch"}

PROBES = {
    "graphs": "trimaran.backends.torch.graphs",
    "formats": "trimaran.backends.torch.formats",
}


def environment(name: str) -> dict[str, str]:
    """Of a process that runs the framework."""
    return {}


def check_installed(name: str) -> None:
    """PyTorch comes with Trimaran."""
