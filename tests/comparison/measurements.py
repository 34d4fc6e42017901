"""What `compare frameworks` could have measured: planted values, for tests of what comes after."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.comparison import frameworks as compared
from trimaran.comparison.claims import judged
from trimaran.comparison.claims_frameworks import CLAIMS
from trimaran.comparison.student import METHOD, spread

LABELS = {"torch": "PyTorch", "tensorflow": "Keras on TensorFlow", "jax": "Keras on JAX"}


def call(steady: float, compiled: float) -> dict[str, Any]:
    """The median of a call with its range, and the time to compile."""
    found = {"steady": spread([0.9 * steady, steady, 1.1 * steady]), "compile": spread([compiled])}
    return found | {"pays": None}


def graph(name: str, ok: bool | None, steady: float, compiled: float) -> dict[str, Any]:
    found: dict[str, Any] = {"backend": "", "graph": name, "about": "about <it>", "failed": ""}
    if ok is None:
        return found | {"failed": "no compiler here", "ok": None}
    pays = {
        "median": 90,
        "best": 80,
        "worst": None,
        "faster": 2.0,
        "text": "90 calls (80 to never)",
    }
    step = call(steady, compiled) | ({"pays": pays} if compiled else {})
    return found | {
        "ok": ok, "deviation": 1e-7, "across": 2e-7, "loss_deviation": 0.0, "step": step,
        "batch": call(steady / 3, compiled), "memory": spread([5e8]), "made": spread([0.1]),
    }  # fmt: skip


def wrote(name: str, written: bool, of: str = "deployment") -> dict[str, Any]:
    return {
        "name": name, "about": "about", "of": of, "written": written, "size": 4000 * written,
        "seconds": 0.5, "reason": "" if written else "ModuleNotFoundError: No module named 'x'",
        "remark": "it is deprecated" if name == "TorchScript" else "",
    }  # fmt: skip


def run(backend: str, seed: int, seconds: float) -> dict[str, Any]:
    """What a training run answered."""
    rng = np.random.default_rng((seed, len(backend)))
    accuracy = 0.97 + 0.002 * seed + 1e-5 * float(rng.normal())
    epochs = [
        {"epoch": i, "seconds": seconds * (3 if i == 1 else 1) * (1 + 0.01 * seed),
         "loss": 0.5 / i, "accuracy": accuracy - 0.05 / i, "val_loss": 0.4 / i + 0.001 * seed,
         "val_accuracy": accuracy - 0.04 / i + 0.0001 * float(rng.normal())}
        for i in (1, 2, 3)
    ]  # fmt: skip
    return {
        "seconds": {"start": 3.0 + seconds, "train": 9.0, "total": 14.0}, "epochs": epochs,
        "memory": {"framework": 500_000_000, "together": 700_000_000}, "seed": seed,
        "scores": {"accuracy": accuracy, "log_loss": 0.1}, "split": "test",
        "folder": f"runs/{backend}-{seed}", "parameters": 101_770, "notices": [],
        "data": {"name": "digits", "rows": {"train": 1000, "test": 300}}, "execution": {},
    }  # fmt: skip


def backend(name: str) -> dict[str, Any]:
    """Everything of a backend but its runs."""
    torch = name == "torch"
    formats = {
        "torch": [wrote("TorchScript", True), wrote("ONNX", False),
                  wrote("TensorBoard", True, "visualization"),
                  wrote("Visdom", False, "visualization")],
        "tensorflow": [wrote("SavedModel", True), wrote("LiteRT", True),
                       wrote("TensorFlow.js", False), wrote("TensorBoard", True, "visualization")],
        "jax": [wrote("SavedModel", True), wrote("LiteRT", False),
                wrote("TensorBoard", True, "visualization")],
    }[name]  # fmt: skip
    error = {
        "planted": True, "line": 19, "mistake": "x = x.reshape(<129>)", "named": torch,
        "while": "training" if torch else "building", "lines": 9, "says": "RuntimeError: no",
        "frames": {"own": 2, "framework": 5}, "text": "Traceback (most recent call last):\n ...",
    }  # fmt: skip
    return {
        "label": LABELS[name],
        "model": {"text": "import x\n\n\nclass A: ...\n", "lines": 2, "file": "model.py"},
        "loop": {"text": "for i in range(3):\n    print(i < 2)\n", "lines": 2, "file": "train.py",
                 "ran": True, "said": "epoch 2: loss 0.1000, accuracy 0.9000", "seconds": 4.0,
                 "run": "python train.py"},
        "error": error,
        "graphs": [graph("eager", True, 0.01, 0.0), graph("compiled", True, 0.004, 2.0)],
        "formats": formats,
        "import_seconds": spread([2.0, 2.1]),
        "install": {"bytes": 9e8, "own_bytes": 7e8, "own": {name: 7e8}, "shared": ["numpy"],
                    "versions": {name: "1.0"}},
    }  # fmt: skip


def measured(seeds: int = 3) -> dict[str, Any]:
    """All of it, as `--json` prints it."""
    paces = {"torch": 1.0, "tensorflow": 2.0, "jax": 1.5}
    runs = {name: [run(name, seed, pace) for seed in range(seeds)] for name, pace in paces.items()}
    backends = {name: backend(name) for name in paces}
    for name, own in backends.items():
        own |= compared.times(runs[name])
        own["runs"] = runs[name]
    rng = np.random.default_rng(0)
    given = [rng.random((50, 10)).astype(np.float32) for _ in range(seeds)]
    differences = compared.differences(runs, LABELS)
    found = {
        "model": "mnist-mlp-128", "parameters": 101_770, "split": "test", "score": "accuracy",
        "data": {"name": "digits", "rows": {"train": 1000, "test": 300}}, "method": METHOD,
        "seeds": list(range(seeds)), "epochs": 3, "batch_size": 128, "threads": 2, "repeats": 3,
        "cpu": {"model": "a CPU", "cores": 2, "features": []}, "seconds": 200.0,
        "curves": compared.curves(runs), "scores": compared.scores(runs),
        "differences": differences, "verdict": compared.summary(differences, "accuracy"),
        "agreement": compared.agreement(dict.fromkeys(paces, given)), "backends": backends,
    }  # fmt: skip
    return found | {"claims": judged(found, CLAIMS)}
