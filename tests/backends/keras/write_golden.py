"""Write the golden files anew: python tests/backends/keras/write_golden.py, then read the diff."""

from __future__ import annotations

from pathlib import Path

from trimaran import zoo
from trimaran.backends.keras.emit import emit

if __name__ == "__main__":
    folder = Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    for name in zoo.ZOO:
        target = folder / f"{name.replace('-', '_')}.py"
        target.write_text(emit(zoo.build(name)))
    for style in ("functional", "subclass"):
        for name in ("mnist-cnn", "resnet18"):
            target = folder / f"{name.replace('-', '_')}_{style}.py"
            target.write_text(emit(zoo.build(name), style))
