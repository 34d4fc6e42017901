"""Trains in forked processes, one of which is killed with SIGKILL ten times and resumed.

Run as `killed_run.py FOLDER PRECISION`; leaves FOLDER/whole and FOLDER/killed with a
model.safetensors each, and tells what happened in JSON. PyTorch is imported once, and computes
nothing before the forks.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from trimaran.backends.torch.loop import fit
from trimaran.data.batches import Affine, Rows
from trimaran.tasks.loss import Loss, Objective
from trimaran.training import saving
from trimaran.training.checkpoint import Place
from trimaran.training.events import EventLog, Started, read
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

SETTINGS = {
    "epochs": 10,
    "batch_size": 32,
    "accumulate": 2,
    "ema": 0.99,
    "clip_norm": 1.0,
    "augment": {"flip": True, "crop": 2, "rotate": 10, "brightness": 0.1},
    "schedule": {"name": "one-cycle", "warm_up": 5},
    "early_stopping": {"patience": 100},
    "checkpoint_seconds": 0.02,
}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.deep = nn.Conv2d(16, 24, 3)
        self.out = nn.Linear(24 * 25, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.norm(self.conv(x)), 2))
        x = F.dropout(F.relu(self.deep(x)).flatten(1), 0.25, self.training)
        return self.out(x)


def rows(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 14, 14, 3)).astype(np.uint8)
    affine = {"input": Affine((1 / 255,) * 3, (-0.5,) * 3)}
    return Rows({"input": images}, {"output": rng.integers(0, 4, n)}, None, np.arange(n), affine)


def train(folder: Path, precision: str) -> None:
    """One session: from the start, or from where the last one was killed."""
    torch.manual_seed(0)
    network = Network()
    events = folder / "events.jsonl"
    place = Place(folder / "checkpoints", events, resume=True)
    objective = Objective({"output": Loss("sparse_categorical_crossentropy")})
    splits = {"train": rows(400, 0), "validation": rows(100, 1)}
    training = Training.from_json(SETTINGS)
    with EventLog(events) as log:
        for event in fit(
            network, objective, splits, training, Execution("cpu", precision, 2), place
        ):
            log.append(event)
            if isinstance(event, Started):
                with (folder / "resumed").open("a") as file:
                    file.write(f"{event.step}\n")
    save_file(
        {k: v.contiguous() for k, v in network.state_dict().items()},
        folder / "model.safetensors.part",
    )
    os.replace(folder / "model.safetensors.part", folder / "model.safetensors")


def sessions(folder: Path) -> int:
    """How many sessions have begun to train, by the file that they write to."""
    path = folder / "resumed"
    return len(path.read_text().split()) if path.exists() else 0


def session(folder: Path, precision: str, seconds: float | None) -> bool:
    """Runs a session and kills it so long after its start; whether it was killed."""
    before = sessions(folder)
    child = os.fork()
    if child == 0:
        try:
            train(folder, precision)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        while sessions(folder) == before:
            time.sleep(0.005)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit("a session failed")
    return os.WIFSIGNALED(status)


def main() -> None:
    saving._SAVING = math.inf  # a checkpoint may take all the time it wants
    root, precision = Path(sys.argv[1]), sys.argv[2]
    for name in ("whole", "killed"):
        (root / name).mkdir()
    began = time.monotonic()
    session(root / "whole", precision, None)
    length = time.monotonic() - began
    told = kill_ten_times(root, precision, length)
    told["equal"] = told.pop("ends") == {(root / "whole" / "model.safetensors").read_bytes()}
    print(json.dumps(told))


def kill_ten_times(root: Path, precision: str, length: float) -> dict[str, object]:
    """Kills sessions at random moments; a run that ends in between is kept and begun anew."""
    moments, folder = random.Random(1), root / "killed"
    kills, ends, resumed = 0, set(), []
    while kills < 10 or not (folder / "model.safetensors").exists():
        if (folder / "model.safetensors").exists():
            shutil.rmtree(folder)
            folder.mkdir()
        wait = moments.uniform(0.0, 0.12) * length if kills < 10 else None
        kills += session(folder, precision, wait)
        resumed.append(int((folder / "resumed").read_text().split()[-1]))
        if (folder / "model.safetensors").exists():
            ends.add((folder / "model.safetensors").read_bytes())
            read(folder / "events.jsonl")
    return {"kills": kills, "ends": ends, "resumed": resumed}


if __name__ == "__main__":
    main()
