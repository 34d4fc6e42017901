"""Characters a second that `trimaran generate` writes for one reader, beside plain PyTorch loops.

charlstm is the chapter's model of characters; chargpt six blocks of 128 features over a context of
256, whose keys and values are kept. Beside them stand loops as users write them: the LSTM with its
state, the GPT over its whole context again for each character (peers/generation_torch.py). Both
draw at temperature 1, in turn in one process that is up and warm; each figure is the median over
the rounds, with their range, between two places of the text. The models saw little text, since
what they write costs the same.

    python benchmarks/generation.py --rounds 5 --threads 1
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import harness

sys.path.insert(0, str(harness.PEERS))

PLACES = {"charlstm": (20, 500, 1000, 2000), "chargpt": (10, 64, 128, 192, 240, 496, 1000)}
"""Between each two of these characters the speed is measured."""
PROMPT = "First Citizen:\n"
Write = Callable[[int], Iterable[Any]]


@dataclass(frozen=True)
class Speed:
    """Characters a second from one character of the text to another."""

    writer: str
    begin: int
    end: int
    rounds: list[float]


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("networks", nargs="*", help="charlstm, chargpt; default: both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of PyTorch; default: its own choice")
    parser.add_argument("--json", action="store_true", help="print one JSON object, not a table")
    options = parser.parse_args()
    networks = options.networks or list(PLACES)
    if options.rounds < 1 or set(networks) - set(PLACES) or "TRIMARAN_DATA" not in os.environ:
        parser.error(
            f"it takes 1 round or more, networks of {', '.join(PLACES)}, and in TRIMARAN_DATA the "
            "folder of the data sets"
        )
    found = {}
    if not options.json:
        print(", ".join(f"{name} {value}" for name, value in harness.machine().items()))
    for network in networks:
        found[network] = measured(network, options)
        if not options.json:  # said at once: what a run that is cut off has measured is not lost
            print(f"\n{table(network, found[network])}", flush=True)
    if options.json:
        speeds = {network: [asdict(speed) for speed in found[network]] for network in found}
        print(json.dumps({"machine": harness.machine(), "speeds": speeds}, indent=2))


def measured(network: str, options: argparse.Namespace) -> list[Speed]:
    """The speeds of both writers between each two places."""
    with harness.scratch() as folder:
        writers = contenders(network, Path(folder))
        times: dict[str, list[list[float]]] = {name: [] for name in writers}
        set_threads(options.threads)
        for number in range(options.rounds + 1):
            for name, write in writers.items():
                took = seconds(write, PLACES[network])
                if number:  # the first warms up
                    times[name].append(took)
    pairs = list(zip(PLACES[network], PLACES[network][1:], strict=False))
    return [
        Speed(name, begin, end, [(end - begin) / row[i] for row in rows])
        for i, (begin, end) in enumerate(pairs)
        for name, rows in times.items()
    ]


def set_threads(threads: int | None) -> None:
    """After training, which has put back those that the process began with."""
    import torch

    if threads:
        torch.set_num_threads(threads)


def contenders(network: str, folder: Path) -> dict[str, Write]:
    """Trimaran's writer, and the plain loop of a network of as many parameters."""
    from characters_torch import GPT, LENGTH, CharLSTM
    from generation_torch import by_context, by_state
    from text_torch import counted

    import trimaran
    from trimaran.steps.generation import Sampling, Writer, known

    text = (Path(os.environ["TRIMARAN_DATA"]) / "tinyshakespeare" / "input.txt").read_text()
    (folder / "text.txt").write_text(text[:20_000])
    data = {"path": str(folder / "text.txt"), "task": "language", "length": 256}
    run = trimaran.train(
        {"data": data, "model": network}, training={"epochs": 1}, out=folder / "run", progress=False
    )
    writer = Writer(run)

    def ours(length: int) -> Iterable[str]:
        writer.begin()
        return writer.write(PROMPT, length, Sampling())

    prompt = known(writer.tokenizer, PROMPT)
    size = writer.tokenizer.size
    net = CharLSTM(size) if network == "charlstm" else GPT(size, 0.0, 128, 4)
    places = 0 if network == "charlstm" else LENGTH * 128  # a vector for each; ours turns by them
    if counted(net) != run.model.size + places:
        raise RuntimeError(f"The networks differ: {counted(net)} and {run.model.size} parameters.")
    loop = by_state if network == "charlstm" else by_context
    return {"Trimaran": ours, "PyTorch": lambda length: loop(net, prompt, length)}


def seconds(write: Write, places: tuple[int, ...]) -> list[float]:
    """Between each two places of one text."""
    marks = []
    for number, _ in enumerate(write(places[-1]), start=1):
        if number in places:
            marks.append(time.perf_counter())
    return [end - begin for begin, end in zip(marks, marks[1:], strict=False)]


def table(network: str, speeds: list[Speed]) -> str:
    """A line for each two places."""
    lines = [f"{network:12s}{'Trimaran':>24s}{'PyTorch':>24s}{'ratio':>20s}"]
    for ours, peer in zip(speeds[::2], speeds[1::2], strict=True):
        ratios = [a / b for a, b in zip(ours.rounds, peer.rounds, strict=True)]
        cells = f"{_cell(ours.rounds, 0):>24s}{_cell(peer.rounds, 0):>24s}{_cell(ratios, 2):>20s}"
        lines.append(f"{ours.begin:5d} to {ours.end:<4d}{cells}")
    return "\n".join(lines)


def _cell(values: list[float], digits: int) -> str:
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


if __name__ == "__main__":
    main()
