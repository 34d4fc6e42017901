"""Ejected source and the loop beside it, run as they stand: in clean processes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.emit.loops import ROWS, Loop
from trimaran.emit.planting import Planted
from trimaran.files import write_arrays, write_text
from trimaran.spec import Model
from trimaran.spec.layers import Dense
from trimaran.steps import probing
from trimaran.steps.implementation import source

MODEL, LOOP, SAID, ERROR = "model.py", "train.py", "said.txt", "error.txt"
_EPOCH = re.compile(r"^epoch \d+: loss (\S+), ", re.MULTILINE)


@dataclass(frozen=True)
class Rows:
    """What the loops read: (n, *shape) float32, channels-last, and their targets."""

    x: np.ndarray
    y: np.ndarray


def write(folder: Path, model: str, loop: str, rows: Rows) -> None:
    """A folder that an engineer could have been given."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / MODEL, model)
    write_text(folder / LOOP, loop)
    write_arrays(folder / ROWS, {"x": rows.x, "y": rows.y})


def trained(folder: Path, backend: str, given: Loop, rows: Rows, threads: int) -> dict[str, Any]:
    """Write the source and its loop, run the loop, keep what it said.

    `ran` only where the process ended well and told the loss of every epoch.
    """
    model = source(given.model, backend)
    loop: str = probing.loops(backend).loop(given, backend)
    write(folder, model, loop, rows)
    began = time.monotonic()
    done = probing.launched([LOOP], _plain(backend, threads), folder)
    seconds = time.monotonic() - began
    said = done.stdout.strip()
    write_text(folder / SAID, f"{said}\n{_last(done.stderr)}\n" if done.returncode else f"{said}\n")
    told = _EPOCH.findall(said)
    ran = done.returncode == 0 and len(told) == given.epochs and _finite(told)
    return {
        "model": {"text": model, "lines": code_lines(model), "file": MODEL},
        "loop": {
            "text": loop,
            "lines": code_lines(loop),
            "file": LOOP,
            "ran": ran,
            "said": said.splitlines()[-1] if said else _last(done.stderr),
            "seconds": seconds,
            "run": probing.loops(backend).RUN[backend],
        },
    }


def _finite(losses: list[str]) -> bool:
    return all(np.isfinite(float(loss)) for loss in losses)


def _plain(backend: str, threads: int) -> dict[str, str]:
    """The environment of a user who has no Trimaran at hand."""
    return {**probing.environment(backend, threads), "PYTHONNOUSERSITE": "1"}


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else ""


def code_lines(text: str) -> int:
    """Lines that hold code: neither blank, nor of the docstring at the top."""
    body = text.split('"""', 2)[2] if text.startswith('"""') else text
    return sum(1 for line in body.splitlines() if line.strip())


def failed(folder: Path, backend: str, given: Loop, rows: Rows, threads: int) -> dict[str, Any]:
    """Plant the mistake, run the loop, keep the traceback.

    `while`: "building" where the network could not be made, "training" where the first batch met
    the mistake, "" where there was no error;  `named`: the traceback shows the planted line;
    `frames`: how many of its frames lie in the user's files and in the framework
    """
    planted = plant(given.model, backend)
    if planted is None:
        return {"planted": False, "while": "", "named": False, "lines": 0, "text": ""}
    write(folder, planted.source, probing.loops(backend).loop(given, backend), rows)
    done = probing.launched([LOOP], _plain(backend, threads), folder)
    text = tidied(done.stderr)
    write_text(folder / ERROR, text)
    return {"planted": True, "line": planted.line, "mistake": planted.text, **told(text, planted)}


def plant(model: Model, backend: str) -> Planted | None:
    """The mistake in the model's source, before its last Dense."""
    widths = [int(leaf.in_shapes[0][-1] or 0) for leaf in model.leaves if _dense(leaf.layer)]
    if not widths:
        return None
    found: Planted | None = probing.planted(backend).plant(source(model, backend), widths[-1])
    return found


def _dense(layer: object) -> bool:
    return isinstance(layer, Dense)


def tidied(text: str) -> str:
    """A traceback without colours, paths cut to what lies below `site-packages` or the folder."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    at = text.find("Traceback (most recent call last)")
    text = text[at:] if at >= 0 else text
    text = re.sub(r'File "[^"]*/site-packages/', 'File ".../', text)
    return re.sub(rf'File "[^"]*/({MODEL}|{LOOP})"', r'File "\1"', text)


def told(text: str, planted: Planted) -> dict[str, Any]:
    """What a traceback tells of a planted mistake."""
    frames = re.findall(r'^  File "([^"]+)", line (\d+)', text, re.MULTILINE)
    own = [(name, int(line)) for name, line in frames if name in (MODEL, LOOP)]
    building = any(name == MODEL for name, _ in own) and "build()" in text
    errors = [line for line in text.splitlines() if re.match(r"^\w[\w.]*(Error|Exception)\b", line)]
    return {
        "while": "" if not frames else ("building" if building else "training"),
        "named": (MODEL, planted.line) in own,
        "lines": len(text.strip().splitlines()),
        "frames": {"own": len(own), "framework": len(frames) - len(own)},
        "says": errors[-1][:300] if errors else "",
        "text": text,
    }
