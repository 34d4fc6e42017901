"""The chapter's table of frameworks, claim by claim, held against what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trimaran.comparison.claims import CHANGED, HELD, NOT_SHOWN, Claim, Found, Judgement


def _graph(found: Found, backend: str, at: int) -> Mapping[str, Any]:
    """A backend's eager (0) or compiled (1) graph."""
    graph: Mapping[str, Any] = found["backends"][backend]["graphs"][at]
    return graph


def _static(found: Found) -> Judgement:
    eager = _graph(found, "tensorflow", 0)
    if not eager["ok"]:
        why = eager["failed"] or "its answers are not the graph's"
        return Judgement(NOT_SHOWN, f"The eager run could not be judged: {why}.", "graphs")
    return Judgement(
        CHANGED,
        "The same network also runs operation by operation, without a graph; its answers depart "
        f"from PyTorch's by {eager['across']:.1e}. The graph is what tf.function makes on request.",
        "graphs",
    )


def _dynamic(found: Found) -> Judgement:
    eager, compiled = _graph(found, "torch", 0), _graph(found, "torch", 1)
    late = found["backends"]["torch"]["error"]["while"] == "training"
    if not eager["ok"] or not late:
        return Judgement(NOT_SHOWN, "A planted mistake did not show at the first batch.", "errors")
    also = "torch.compile makes a graph on request" if compiled["ok"] else ""
    return Judgement(
        HELD,
        "A planted mistake shows when the first batch reaches its line, not before"
        + (f"; {also}." if also else "."),
        "errors",
    )


def _on_tensorflow(found: Found) -> Judgement:
    loop = found["backends"]["jax"]["loop"]
    if not loop["ran"]:
        return Judgement(NOT_SHOWN, "The source did not run on JAX here.", "sources")
    return Judgement(
        CHANGED, f"The same Keras source also trains on JAX: {loop['said']}.", "sources"
    )


def _lines(*backends: str) -> Callable[[Found], Judgement]:
    def judge(found: Found) -> Judgement:
        told = [
            f"{found['backends'][name]['label']} {found['backends'][name]['model']['lines']} + "
            f"{found['backends'][name]['loop']['lines']}"
            for name in backends
        ]
        text = f"Ease is an opinion. Lines of model + training loop here: {', '.join(told)}."
        return Judgement(NOT_SHOWN, text, "sources")

    return judge


def _written(kind: str, *backends: str) -> Callable[[Found], Judgement]:
    """Held where each of the backends wrote that kind."""

    def judge(found: Found) -> Judgement:
        tried = {name: _format(found, name, kind) for name in backends}
        if all(one and one["written"] for one in tried.values()):
            sizes = ", ".join(
                f"{found['backends'][name]['label']} wrote {one['size']:,} bytes"
                for name, one in tried.items()
                if one
            )
            remark = next((one["remark"] for one in tried.values() if one and one["remark"]), "")
            also = f" (it says: {remark})" if remark else ""
            return Judgement(HELD, f"{kind}: {sizes}{also}.", "formats")
        why = next(
            (one["reason"] if one else "it was not tried")
            for one in tried.values()
            if not (one and one["written"])
        )
        return Judgement(NOT_SHOWN, f"{kind} was not written: {why}.", "formats")

    return judge


def _format(found: Found, backend: str, kind: str) -> Mapping[str, Any] | None:
    formats: Sequence[Mapping[str, Any]] = found["backends"][backend]["formats"]
    return next((one for one in formats if one["name"] == kind), None)


def _torchserve(found: Found) -> Judgement:
    formats = found["backends"]["torch"]["formats"]
    wrote = [one["name"] for one in formats if one["written"] and one["of"] == "deployment"]
    text = f"TorchServe is not tried here; PyTorch wrote {', '.join(wrote) or 'nothing'}."
    return Judgement(NOT_SHOWN, text, "formats")


def _board_via_keras(found: Found) -> Judgement:
    jax = _format(found, "jax", "TensorBoard")
    if jax and jax["written"]:
        text = "Keras's own callback writes event files on JAX too, without tf.keras."
        return Judgement(CHANGED, text, "formats")
    return _written("TensorBoard", "tensorflow")(found)


def _optimized(found: Found) -> Judgement:
    eager, graph = _graph(found, "tensorflow", 0)["step"], _graph(found, "tensorflow", 1)["step"]
    if eager is None or graph is None:
        return Judgement(NOT_SHOWN, "One of the two could not be measured.", "graphs")
    a, b = eager["steady"], graph["steady"]
    times = f"{1e3 * b['median']:.2f} ms a training step as a graph, {1e3 * a['median']:.2f} eager"
    apart = b["high"] < a["low"]
    verdict = HELD if apart else NOT_SHOWN
    runs = f" (medians of {a['runs']:.0f} processes each)"
    return Judgement(verdict, times + runs + ("." if apart else "; ranges overlap."), "graphs")


def _debugging(found: Found) -> Judgement:
    names = ("torch", "tensorflow")
    torch, other = (found["backends"][name]["error"] for name in names)
    told = [
        f"{found['backends'][name]['label']} {'names' if one['named'] else 'does not name'} the "
        f"planted line, in {one['lines']} lines of traceback"
        for name, one in zip(names, (torch, other), strict=True)
    ]
    clearer = torch["named"] and not other["named"]
    return Judgement(HELD if clearer else NOT_SHOWN, f"{'; '.join(told)}.", "errors")


def _opinion(what: str, section: str = "differences") -> Callable[[Found], Judgement]:
    def judge(found: Found) -> Judgement:
        text = {
            "purpose": f"What a framework is best for is an opinion. {found['verdict']}",
            "community": "A community cannot be measured by running a network.",
        }[what]
        return Judgement(NOT_SHOWN, text, section)

    return judge


_GRAPH, _EASE, _OUT, _SEE = "Computation graph", "Ease of use", "Deployment", "Visualization"
_BEST, _PEOPLE, _PROSE = "Best for", "Community", "The text beside it"
_TF, _PT, _KERAS = "TensorFlow", "PyTorch", "Keras"

CLAIMS: tuple[Claim, ...] = (
    Claim(_GRAPH, _TF, "Static (define-and-run)", _static),
    Claim(_GRAPH, _PT, "Dynamic (define-by-run)", _dynamic),
    Claim(_GRAPH, _KERAS, "High-level API (on TensorFlow)", _on_tensorflow),
    Claim(_EASE, _TF, "Moderate, improved with Keras", _lines("tensorflow", "torch")),
    Claim(_EASE, _PT, "Very Pythonic, intuitive", _lines("torch")),
    Claim(_EASE, _KERAS, "Extremely user-friendly", _lines("tensorflow", "jax")),
    Claim(_OUT, _TF, "Excellent: Serving", _written("SavedModel", "tensorflow")),
    Claim(_OUT, _TF, "Excellent: Lite", _written("LiteRT", "tensorflow")),
    Claim(_OUT, _TF, "Excellent: JS", _written("TensorFlow.js", "tensorflow")),
    Claim(_OUT, _PT, "Good (TorchServe)", _torchserve),
    Claim(_OUT, _KERAS, "Excellent via TensorFlow", _written("SavedModel", "tensorflow")),
    Claim(_BEST, _TF, "Production, scalability", _opinion("purpose")),
    Claim(_BEST, _PT, "Research, prototyping", _opinion("purpose")),
    Claim(_BEST, _KERAS, "Rapid prototyping, education", _opinion("purpose")),
    Claim(_SEE, _TF, "TensorBoard", _written("TensorBoard", "tensorflow")),
    Claim(_SEE, _PT, "Visdom", _written("Visdom", "torch")),
    Claim(_SEE, _PT, "TensorBoard support", _written("TensorBoard", "torch")),
    Claim(_SEE, _KERAS, "TensorBoard via tf.keras", _board_via_keras),
    Claim(_PEOPLE, _TF, "Large, mature", _opinion("community", "claims")),
    Claim(_PEOPLE, _PT, "Fast-growing, strong in academia", _opinion("community", "claims")),
    Claim(_PEOPLE, _KERAS, "Large, especially for beginners", _opinion("community", "claims")),
    Claim(_PROSE, _TF, "Static graphs enable graph optimizations", _optimized),
    Claim(_PROSE, _PT, "Eager execution makes debugging more straightforward", _debugging),
)
