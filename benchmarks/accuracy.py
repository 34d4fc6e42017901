"""Train a recipe with several seeds and print every test accuracy, as docs/results.md has them.

python benchmarks/accuracy.py mnist-cnn --seeds 5
python benchmarks/accuracy.py cifar10-cnn --seeds 3 training.epochs=12
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_intermixed_args()


def train(recipe: str, settings: list[str], seed: int) -> dict[str, Any]:
    """One run of the command line; its final JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "trimaran", "train", recipe, f"training.seed={seed}"]
        command += [*settings, "--json", "--out", str(Path(folder) / "run")]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def main() -> None:
    options = arguments()
    scores = []
    print("seed  test accuracy (95 % interval)       training s  total s  images/s  precision")
    for seed in range(options.seeds):
        run = train(options.recipe, options.settings, seed)
        score = run["scores"]["test"]["accuracy"]
        scores.append(score["value"])
        print(
            f"{seed:4}  {score['value']:.4f} ({score['low']:.4f} to {score['high']:.4f})"
            f"        {run['seconds']['train']:8.1f} {run['seconds']['total']:8.1f}"
            f"  {run['images_per_second']:8.0f}  {run['precision']}",
            flush=True,
        )
    spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
    print(f"mean {statistics.mean(scores):.4f}, standard deviation {spread:.4f}, n = {len(scores)}")


if __name__ == "__main__":
    main()
