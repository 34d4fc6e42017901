"""Write the golden files anew: python tests/backends/torch/write_golden.py, then read the diff."""

from __future__ import annotations

from pathlib import Path

from trimaran import zoo
from trimaran.backends.torch.emit import emit

if __name__ == "__main__":
    for name in zoo.ZOO:
        target = Path(__file__).parent / "golden" / f"{name.replace('-', '_')}.py"
        target.write_text(emit(zoo.build(name)))
