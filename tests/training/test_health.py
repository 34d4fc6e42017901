import math

from trimaran.training.health import Diagnosis, LayerHealth, diagnose


def layer(name: str, gradient: float = 0.01, **changes: float) -> LayerHealth:
    return LayerHealth(name, gradient, int(changes.pop("size", 100)), **{"update": 1e-3, **changes})


def whats(*layers: LayerHealth) -> list[tuple[str, str]]:
    return [(d.what, d.layer) for d in diagnose(layers)]


def test_a_sound_network_has_no_diagnosis() -> None:
    assert whats(layer("a", 0.002), layer("b", 0.01, dead=0.2), layer("c", saturated=0.1)) == []
    assert whats() == []


def test_the_weakest_of_vanishing_layers_is_named() -> None:
    assert whats(layer("a", 1e-7), layer("b", 1e-6), layer("c", 0.01)) == [("vanishing", "a")]
    assert whats(layer("a", 0.0), layer("b", 0.0)) == []


def test_exploding_by_norm_by_nan_and_by_update() -> None:
    assert whats(layer("a", 1.0), layer("b", 500.0)) == [("exploding", "b")]
    assert whats(layer("a", math.inf), layer("b", 1.0)) == [("exploding", "a")]
    assert ("exploding", "a") in whats(layer("a", math.nan), layer("b", 1.0))
    assert whats(layer("a"), layer("b", update=0.5)) == [("exploding", "b")]


def test_dead_and_saturated_units() -> None:
    assert whats(layer("a", dead=0.9), layer("b", saturated=0.8)) == [
        ("dead", "a"),
        ("saturated", "b"),
    ]


def test_a_diagnosis_reads_as_a_sentence_with_a_remedy() -> None:
    (found,) = diagnose([layer("conv1", dead=0.75)])
    assert isinstance(found, Diagnosis)
    assert str(found).startswith("75% of the ReLU units after conv1 are 0 on every row. ")
    assert "leaky_relu" in str(found)
