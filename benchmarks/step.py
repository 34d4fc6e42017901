"""What each execution setting gives the MNIST CNN's training step, one after another, interleaved.

python benchmarks/step.py            # images/s, 2 threads, batch 128, float32
python benchmarks/step.py --busy     # the same while another process takes one core
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

BATCH, STEPS = 128, 60
PLAIN = {"THP_MEM_ALLOC_ENABLE": "0", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "100"}
HUGE = PLAIN | {"THP_MEM_ALLOC_ENABLE": "1"}
SETTINGS = {
    "as it comes": (PLAIN, False, 2),
    "+ freed memory kept": (PLAIN, True, 2),
    "+ huge pages": (HUGE, True, 2),
    "+ 20,000 spins": (HUGE | {"GOMP_SPINCOUNT": "20000"}, True, 2),
    "one thread": (HUGE, True, 1),
}


def step(keep: bool, threads: int) -> None:
    """Images per second of the plain step: channels-last, pool before ReLU, fused Adam."""
    from trimaran import zoo
    from trimaran.backends.torch.allocator import keep_memory
    from trimaran.backends.torch.build import module
    from trimaran.weights import draw

    import torch  # isort: skip (its environment is set by the room above)
    import torch.nn.functional as F  # noqa: N812

    torch.set_num_threads(threads)
    if keep:
        keep_memory()
    model = zoo.build("mnist-cnn")
    network = module(model, draw(model, 0)).to(memory_format=torch.channels_last)
    x, y = torch.rand(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    for number in range(STEPS + 5):
        if number == 5:
            began = time.perf_counter()
        F.cross_entropy(network.logits(x), y).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    print(BATCH * STEPS / (time.perf_counter() - began))


def child(name: str) -> float:
    environment, _, _ = SETTINGS[name]
    command = [sys.executable, __file__, "--one", name]
    ran = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, check=True)
    return float(ran.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--one", choices=SETTINGS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _, keep, threads = SETTINGS[options.one]
        return step(keep, threads)
    spinning = [sys.executable, "-c", "while True: pass"]
    other = subprocess.Popen(spinning) if options.busy else None
    try:
        found = [{name: child(name) for name in SETTINGS} for _ in range(options.rounds)]
    finally:
        if other:
            other.kill()
    for name in SETTINGS:
        values = sorted(each[name] for each in found)
        print(f"{name:<22} {values[0]:6.0f} to {values[-1]:6.0f} images/s")
    return None


if __name__ == "__main__":
    main()
