"""The printed form of a comparison."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

METRICS = {  # field: title and decimals
    "images_per_second": ("images/s", 0),
    "first_epoch": ("start to epoch 1 (s)", 2),
    "wall": ("whole process (s)", 1),
    "memory": ("peak memory (MiB)", 0),
    "accuracy": ("validation accuracy", 4),
}
RATIOS = ("images_per_second", "first_epoch", "memory")


def table(answer: Mapping[str, Any]) -> str:
    """Medians with their range over the rounds, then Trimaran's ratios to each peer."""
    titles = [METRICS[m][0] for m in METRICS]
    rows = [["", "precision", *titles]]
    for name, measured in answer["results"].items():
        cells = [_cell([m[key] for m in measured], METRICS[key][1]) for key in METRICS]
        rows.append([name, measured[0]["precision"], *cells])
    ratio_rows = [["ratio (ours / peer)", *(METRICS[m][0] for m in RATIOS)]]
    for ours, peers in answer["ratios"].items():
        for peer, values in peers.items():
            cells = [_cell(list(values[m].values()), 2) for m in RATIOS]
            ratio_rows.append([f"{ours} / {peer}", *cells])
    parts = [_facts(answer), _aligned(rows)]
    if len(ratio_rows) > 1:
        parts.append(_aligned(ratio_rows))
    parts += [_apart(name, rows) for name, rows in answer["results"].items() if rows[0]["apart"]]
    return "\n\n".join(parts)


def _apart(name: str, measured: Sequence[Mapping[str, Any]]) -> str:
    """What a process for Keras cost, beside the whole run that it was part of."""
    costs = [m["apart"] for m in measured]
    ready, framework, waited, transport = (
        median(cost[part] for cost in costs)
        for part in ("ready", "framework", "waited", "transport")
    )
    whole = median((m["apart"]["waited"] + m["apart"]["transport"]) / m["wall"] for m in measured)
    beyond = median(_beyond(m["apart"]) / m["wall"] for m in measured)
    return (
        f"{name}: its Keras process was ready after {ready:.2f} s, {framework:.2f} s of them the "
        f"import of Keras and the framework;\nthe run waited {waited:.2f} s for that, transport "
        f"took {transport:.2f} s: {whole:.1%} of the whole process, {beyond:.1%} beyond the import"
    )


def _beyond(cost: Mapping[str, float]) -> float:
    """Seconds that no import of the framework explains: where the run waited, that is first put
    down to the rest of the process's start."""
    return min(cost["waited"], cost["ready"] - cost["framework"]) + cost["transport"]


def _facts(answer: Mapping[str, Any]) -> str:
    machine = answer["machine"]
    measured = [m for rows in answer["results"].values() for m in rows]
    versions = {k: v for m in measured for k, v in m["versions"].items()}
    busy = max(m["busy_before"] for m in measured)
    lines = [
        f"{answer['command']}   (seed {answer['seed']}, {machine['time']})",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; "
        f"{machine['system']}, Python {machine['python']}",
        *([machine["gpu"]] if "gpu" in machine else []),
        ", ".join(f"{name} {number}" for name, number in sorted(versions.items())),
    ]
    if busy > 0.1:
        lines.append(f"WARNING: others used up to {busy:.0%} of the CPU; these times mean little.")
    return "\n".join(lines)


def _cell(values: Sequence[float], decimals: int) -> str:
    middle, low, high = (f"{f(values):.{decimals}f}" for f in (median, min, max))
    return middle if low == high else f"{middle} ({low}-{high})"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = ["-" * width for width in widths]
    lines = [rows[0], rule, *rows[1:]]
    pairs = [zip(line, widths, strict=True) for line in lines]
    return "\n".join(" | ".join(cell.ljust(width) for cell, width in line) for line in pairs)
