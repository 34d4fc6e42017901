"""Random legal models on the ladder: python -m tests.comparison.fuzz --models 2000.

Every model climbs all rungs in float64, with two updates by one of the optimizers; what fails is
written as a model.json, to become a regression test. Each model is compiled once, so XLA compiles
without its optimizations, which takes half the time; a model that fails climbs again with them, as
a user's run has them, and that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.conftest import QUICK_XLA
from tests.random_models import models

from trimaran.backends.keras import process
from trimaran.errors import TrimaranError
from trimaran.spec import Model, to_json
from trimaran.steps.parity import Climb, Subject, ladder
from trimaran.training.optimizers import OPTIMIZERS

# Compiled programs pile up in a worker; so many models, and it is replaced.
_FRESH = 100


def broken(model: Model, backends: tuple[str, ...], optimizer: str) -> str:
    """What the ladder says against the model, or nothing."""
    given = Climb(backends, 2, (optimizer,), ("float64",), batch_size=4)
    try:
        for _, rung in ladder(Subject(model), given):
            if not rung.ok:
                where = f"{rung.name} {rung.deviation:.1e} {rung.first_layer}"
                return f"{rung.backends[1]}: {where}"
    except TrimaranError as error:
        return str(error)
    return ""


def optimized(model: Model, backends: tuple[str, ...], optimizer: str) -> str:
    """The same, of programs as a user's run compiles them."""
    quick = os.environ.pop("XLA_FLAGS")
    process.close_all()  # a worker reads the flags when it starts
    try:
        return broken(model, backends, optimizer)
    finally:
        os.environ["XLA_FLAGS"] = quick
        process.close_all()


def main() -> int:
    """Climb, tell, and leave 1 where a model failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--skip", type=int, default=0, help="go on behind so many, climbed before")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after that long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backends", default="torch,tensorflow,jax")
    parser.add_argument("-o", "--output", type=Path, default=Path("fuzz"))
    args = parser.parse_args()
    args.output.mkdir(exist_ok=True)
    os.environ.setdefault("XLA_FLAGS", QUICK_XLA)  # each model is compiled once
    backends, names = tuple(args.backends.split(",")), list(OPTIMIZERS)
    began, failures, layers = time.monotonic(), [], Counter[str]()
    unoptimized: list[str] = []
    done = 0

    @seed(args.seed)
    @settings(
        max_examples=args.models, phases=(Phase.generate,), deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(models())
    def climb(model: Model) -> None:
        nonlocal done
        if time.monotonic() - began > 60 * args.minutes:
            return
        if done < args.skip:
            done += 1
            return
        optimizer = names[done % len(names)]
        why = broken(model, backends, optimizer)
        if why and not optimized(model, backends, optimizer):
            unoptimized.append(why)
            why = ""
        done += 1
        layers.update({type(leaf.layer).__name__ for leaf in model.leaves})
        if why:
            failures.append(why)
            path = args.output / f"failure-{args.seed}-{done}.json"
            path.write_text(json.dumps(to_json(model)))
            print(f"{done}: {why} ({optimizer}, {path})")
        if done % _FRESH == 0:
            process.close_all()
        if done % 50 == 0:
            print(f"{done} models, {len(failures)} failed, {time.monotonic() - began:.0f} s")
            sys.stdout.flush()

    climb()
    seconds = time.monotonic() - began
    result = {
        "models": done - args.skip,
        "failures": failures,
        "only_unoptimized": unoptimized,
        "seconds": round(seconds),
        "layers": layers,
    }
    print(json.dumps(result))
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
