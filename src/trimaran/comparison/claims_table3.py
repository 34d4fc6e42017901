"""The chapter's Table 3 and the words around it (§V), claim by claim, held against measurements.

*Poor*, *Good* and *Excellent* are read as a ranking, the only sense in which a measurement can
decide them: of the runs that share task, length and seed, the better network solves more, beyond
what chance would give (sign test, Holm over the three pairs, 5 %).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimaran.comparison.claims import CHANGED, HELD, NOT_SHOWN, Claim, Found, Judgement

RNN, LSTM, GRU = "rnn", "lstm", "gru"
BETTER, WORSE, OPEN = "solves more than", "solves fewer than", "is not told apart from"
LEVEL = 0.05


def _gates(cell: str, wanted: int) -> Callable[[Found], Judgement]:
    def judge(found: Found) -> Judgement:
        count = found["cells"][cell]["counts"]
        told = (
            f"Counted in its matrices: {count['blocks']} block{'s' * (count['blocks'] > 1)} of "
            f"rows, one of them the new content, so {count['gates']} gates."
        )
        return Judgement(HELD if count["gates"] == wanted else CHANGED, told, "counts")

    return judge


def _size(cell: str, place: int) -> Callable[[Found], Judgement]:
    """Held where the cell's layer is the `place`-th smallest of the three."""

    def judge(found: Found) -> Judgement:
        sizes = {name: own["counts"]["trained"] for name, own in found["cells"].items()}
        ranks = sorted(sizes, key=sizes.__getitem__)
        told = (
            f"{sizes[cell]:,} trained numbers at {found['choice']['units']} units: "
            f"{sizes[cell] / sizes[RNN]:.2f} times the vanilla RNN's."
        )
        return Judgement(HELD if ranks[place] == cell else CHANGED, told, "counts")

    return judge


def relation(found: Found, a: str, b: str, task: str | None = None) -> str:
    """Whether the runs of `a` solve more than those of `b` that share their length and seed, on a
    task or on all."""
    for one in found["pairs"]:
        if set(one["pair"]) == {a, b} and one["task"] == task:
            if one["holm"] >= LEVEL:
                return OPEN
            first, second = one["pair"] if one["first"] > one["second"] else one["pair"][::-1]
            return BETTER if (first, second) == (a, b) else WORSE
    return OPEN


def _stability(
    cell: str, below: tuple[str, ...], above: tuple[str, ...]
) -> Callable[[Found], Judgement]:
    """Held where the cell solves more than each of `below` and fewer than each of `above`, and no
    single task shows the opposite; changed where one of these is shown the other way round."""
    wanted = dict.fromkeys(below, BETTER) | dict.fromkeys(above, WORSE)
    opposite = {BETTER: WORSE, WORSE: BETTER}

    def against(found: Found, task: str | None) -> bool:
        return any(
            relation(found, cell, other, task) == opposite[word] for other, word in wanted.items()
        )

    def judge(found: Found) -> Judgement:
        known = {other: relation(found, cell, other) for other in wanted}
        mixed = any(against(found, task["name"]) for task in found["tasks"])
        held = HELD if known == wanted and not mixed else NOT_SHOWN
        verdict = CHANGED if against(found, None) else held
        own, labels = found["cells"][cell], found["labels"]
        others = " and ".join(f"{word} the {labels[other]}" for other, word in known.items())
        told = (
            f"{own['count']} of {own['runs']} runs solve their task "
            f"({own['low']:.0%} to {own['high']:.0%}). On all tasks it {others}"
            f"{_by_task(found, cell, (*below, *above))}. Over the learning rates "
            f"{own['diverged']['count']} of {own['diverged']['runs']} runs diverge."
        )
        return Judgement(verdict, told, "success")

    return judge


def _by_task(found: Found, cell: str, others: tuple[str, ...]) -> str:
    """What single tasks show, where they show something."""
    shown = [
        f"; on {task['name']} it {word} {' and '.join(apart)}"
        for task in found["tasks"]
        for word in (BETTER, WORSE)
        if (
            apart := [
                f"the {found['labels'][other]}"
                for other in others
                if relation(found, cell, other, task["name"]) == word
            ]
        )
    ]
    return "".join(shown)


def _vanishing(found: Found) -> Judgement:
    """By the first step's gradient over the last one's, the LSTM's beside the RNN's."""
    ratio = found["gradients"]["ratio"]
    ways = {name: _apart(ratio[name][LSTM], ratio[name][RNN]) for name in ("initial", "trained")}
    told = "; ".join(
        f"{words} {_ratio(ratio[name][LSTM])} in the LSTM, {_ratio(ratio[name][RNN])} in the RNN"
        for name, words in (("initial", "before training"), ("trained", "after it"))
    )
    text = f"The first step's gradient over the last one's: {told}."
    if ways["trained"] > 0 and ways["initial"] >= 0:
        return Judgement(HELD, text, "gradients")
    if ways["trained"] < 0:
        return Judgement(CHANGED, text, "gradients")
    return Judgement(NOT_SHOWN, text, "gradients")


def _apart(a: Mapping[str, float], b: Mapping[str, float]) -> int:
    """1 where the interval of `a` lies above that of `b`, -1 below, 0 where they meet."""
    if not a["runs"] or not b["runs"]:
        return 0
    return int(a["low"] > b["high"]) - int(a["high"] < b["low"])


def _ratio(value: Mapping[str, float]) -> str:
    if not value["runs"]:
        return "nothing finite"
    return f"{value['mean']:.1e} ({value['low']:.0e} to {value['high']:.0e})"


def _simpler(found: Found) -> Judgement:
    gru, lstm = (found["cells"][cell]["counts"] for cell in (GRU, LSTM))
    fewer = gru["gates"] == lstm["gates"] - 1 and gru["states"] == lstm["states"] - 1
    told = (
        f"The GRU has {gru['gates']} gates and {gru['states']} state, the LSTM {lstm['gates']} "
        f"gates and {lstm['states']} states."
    )
    return Judgement(HELD if fewer else CHANGED, told, "counts")


def _reused(found: Found) -> Judgement:
    same = all(own["same_at_all_lengths"] for own in found["cells"].values())
    lengths = ", ".join(str(n) for n in found["tasks"][0]["lengths"])
    told = f"As many parameters at the lengths {lengths}" if same else "Parameters grow with length"
    return Judgement(HELD if same else CHANGED, f"{told}, in all three.", "counts")


_GATES, _SIZE, _STABLE, _PROSE = "Gates", "Parameters", "Training stability", "The text beside it"

CLAIMS: tuple[Claim, ...] = (
    Claim(_GATES, "Vanilla RNN", "0", _gates(RNN, 0)),
    Claim(_GATES, "LSTM", "3", _gates(LSTM, 3)),
    Claim(_GATES, "GRU", "2", _gates(GRU, 2)),
    Claim(_SIZE, "Vanilla RNN", "Low", _size(RNN, 0)),
    Claim(_SIZE, "LSTM", "High", _size(LSTM, 2)),
    Claim(_SIZE, "GRU", "Medium", _size(GRU, 1)),
    Claim(_STABLE, "Vanilla RNN", "Poor", _stability(RNN, (), (LSTM, GRU))),
    Claim(_STABLE, "LSTM", "Excellent", _stability(LSTM, (RNN, GRU), ())),
    Claim(_STABLE, "GRU", "Good", _stability(GRU, (RNN,), (LSTM,))),
    Claim(_PROSE, "RNNs", "Reuse parameters across time steps", _reused),
    Claim(_PROSE, "LSTM", "Addresses vanishing gradients in vanilla RNNs", _vanishing),
    Claim(_PROSE, "GRU", "Simplifies LSTMs: forget and input gates combined, states merged",
          _simpler),
)  # fmt: skip
