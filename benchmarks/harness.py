"""Runs contenders, each in its own process, in turn (A B C A B C ...), and compares them.

A contender is a command that ends by printing one JSON line (see `peers/common.py`). From outside
the harness adds the wall time since the process was spawned, its CPU time and its peak memory.
Its own memory stays small, because Linux starts a child's peak at the parent's size.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import psutil
from table import RATIOS, table

HERE = Path(__file__).resolve().parent
OURS = HERE / "ours" / "train.py"
PEERS = HERE / "peers"


@dataclass(frozen=True)
class Contender:
    name: str
    script: Path
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """One process. Times in seconds, memory in MiB."""

    images_per_second: float  # training alone, median over the epochs after the first
    first_epoch: float  # from spawning the process to the end of epoch 1, validation included
    wall: float  # the whole process
    cpu: float  # user and system time of the process and its children
    memory: float  # peak resident set
    accuracy: float  # on the validation rows, after the last epoch
    busy_before: float  # share of the machine's CPU that others used just before the start
    parameters: int
    precision: str
    versions: Mapping[str, str]
    apart: Mapping[str, float]  # what a process for Keras cost: see backends.keras.process.Spent


def arguments(description: str, batch: int, epochs: int) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=style)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument(
        "--epochs", type=int, default=epochs, help="2 or more (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="for every contender; default: its own choice")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="that load for a PyTorch peer")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these contenders")
    parser.add_argument("--json", action="store_true", help="print one JSON object, not a table")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options, refused where nothing could be measured with them."""
    options = parser.parse_args()
    if options.epochs < 2 or options.rounds < 1:
        parser.error("it takes at least 2 epochs (the first warms up) and 1 round")
    if "TRIMARAN_DATA" not in os.environ:
        parser.error("set TRIMARAN_DATA to the folder of the data sets")
    return options


def prepare_rows(
    data: str, options: argparse.Namespace, folder: str, limit: int = 0, network: str = ""
) -> str:
    """Writes the rows of Trimaran's own split for the peers, so that all train on the same."""
    path = str(Path(folder) / "rows.npz")
    command = [str(HERE / "ours" / "rows.py"), data, path, "--network", network]
    command += ["--seed", str(options.seed), "--limit", str(limit)]
    subprocess.run([sys.executable, *command], check=True)
    return path


def shared(options: argparse.Namespace, rows: str) -> tuple[str, ...]:
    """The arguments that every contender takes."""
    names = ("batch", "epochs", "seed", "device", "workers")
    numbers = [part for name in names for part in (f"--{name}", str(getattr(options, name)))]
    return (*numbers, "--rows", rows)


def torch_peers(
    name: str, script: Path, given: tuple[str, ...], mixed: bool = False
) -> list[Contender]:
    """A peer at its default, and on a GPU, or where it is asked for, also in the mixed precision
    that Trimaran chooses there."""
    both = [Contender(name, script, given)]
    if mixed or given[given.index("--device") + 1] == "cuda":
        both.append(Contender(f"{name} bfloat16", script, (*given, "--precision", "bfloat16")))
    return both


def compare(contenders: Sequence[Contender], options: argparse.Namespace) -> None:
    """Runs all rounds, then prints the table or the JSON object."""
    known = [contender.name for contender in contenders]
    unknown = set(options.only or ()) - set(known)
    if unknown:
        raise SystemExit(f"There is no contender {min(unknown)}; choose from {', '.join(known)}.")
    chosen = [c for c in contenders if options.only is None or c.name in options.only]
    results: dict[str, list[Measured]] = {c.name: [] for c in chosen}
    for number in range(options.rounds):
        for contender in chosen:
            _say(f"round {number + 1} of {options.rounds}: {contender.name}")
            found = measure(contender, options)
            results[contender.name].append(found)
            # Said at once: what a comparison that is cut off has measured is not lost.
            _say(
                f"    {found.images_per_second:.0f} images/s, epoch 1 at {found.first_epoch:.2f} s"
            )
    _check_same_network(results)
    answer = {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "seed": options.seed,
        "machine": machine() | gpu(options.device),
        "results": {name: [asdict(m) for m in rows] for name, rows in results.items()},
        "ratios": ratios(results),
    }
    print(json.dumps(answer, indent=2) if options.json else table(answer))


def measure(contender: Contender, options: argparse.Namespace) -> Measured:
    """Runs one process to its end. Raises RuntimeError with its last words if it fails."""
    busy = psutil.cpu_percent(interval=1.0)
    command = [sys.executable, str(contender.script), *contender.arguments]
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        started = time.time()
        environment = _environment(options.threads, options.device)
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.time() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{contender.name} failed:\n{errors.read()[-3000:]}")
        said = json.loads(output.read().strip().splitlines()[-1])
    epochs = said["epochs"]
    speeds = [e["images"] / e["train_seconds"] for e in epochs[1:]]
    return Measured(
        images_per_second=median(speeds),
        first_epoch=epochs[0]["ended"] - started,
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        accuracy=epochs[-1]["val_accuracy"],
        busy_before=busy / 100,
        parameters=said["parameters"],
        precision=said["precision"],
        versions=said["versions"],
        apart=said.get("apart", {}),
    )


def _environment(threads: int | None, device: str) -> dict[str, str]:
    environment = dict(os.environ)
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""  # none takes what the others have not
    if threads is not None:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            environment[name] = str(threads)
    return environment


def _check_same_network(results: Mapping[str, Sequence[Measured]]) -> None:
    counts = {name: rows[0].parameters for name, rows in results.items()}
    if len(set(counts.values())) > 1:
        raise RuntimeError(f"The contenders trained different networks: parameters {counts}.")


def ratios(results: Mapping[str, Sequence[Measured]]) -> dict[str, dict[str, dict[str, Any]]]:
    """ours -> peer -> metric -> median, low, high of ours / peer, paired within each round."""
    ours = [name for name in results if name.startswith("Trimaran")]
    answer: dict[str, dict[str, dict[str, Any]]] = {}
    for name in ours:
        peers = [peer for peer in results if peer not in ours]
        answer[name] = {peer: _ratio(results[name], results[peer]) for peer in peers}
    return answer


def _ratio(ours: Sequence[Measured], peer: Sequence[Measured]) -> dict[str, Any]:
    answer = {}
    for metric in RATIOS:
        pairs = zip(ours, peer, strict=True)
        answer[metric] = _spread([getattr(a, metric) / getattr(b, metric) for a, b in pairs])
    return answer


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "low": min(values), "high": max(values)}


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "time": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def gpu(device: str) -> dict[str, str]:
    """The GPU and its driver, where one is measured."""
    if device == "cpu":
        return {}
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    name, driver = said.strip().splitlines()[0].split(", ")
    return {"gpu": f"{name} (driver {driver})"}


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def scratch() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="trimaran-benchmark-")
