"""A run on texts, from a CSV to its report: the baseline, the telling words, new texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trimaran import layers
from trimaran.cli import main
from trimaran.comparison.ladder import climb
from trimaran.handle import Run
from trimaran.python import train
from trimaran.spec import Input, functional, to_json
from trimaran.spec.padding import leaves_padding_out
from trimaran.steps.parity import Climb, problems, reference, side, subject

NOUNS = ("plot", "cast", "score", "script", "scene", "ending", "camera", "humour")


def reviews(count: int, seed: int) -> pl.DataFrame:
    """Reviews of which one word says whether they are for or against."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    texts = []
    for label in labels:
        words = [f"the {NOUNS[k]} of it" for k in rng.integers(0, len(NOUNS), rng.integers(2, 6))]
        words[rng.integers(0, len(words))] += " was " + ("superb" if label else "awful")
        texts.append(" and ".join(words))
    return pl.DataFrame({"text": texts, "label": ["for" if k else "against" for k in labels]})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("texts")
    reviews(600, 0).write_csv(folder / "reviews.csv")
    return train(
        {"data": {"path": str(folder / "reviews.csv"), "target": "label"},
         "model": {"zoo": "text-lstm", "classes": 1}},
        training={"epochs": 6, "batch_size": 16, "threads": 1,
                  "optimizer": {"name": "adam", "learning_rate": 3e-3}},
        out=folder / "run",
        progress=False,
    )  # fmt: skip


def test_it_learns_the_telling_word(run: Run) -> None:
    assert run.scores["test"]["accuracy"]["value"] > 0.95
    assert run.scores["test"]["roc_auc"]["value"] > 0.95


def test_a_baseline_stands_beside_it_on_the_same_rows(run: Run) -> None:
    found = json.loads((run.path / "artifacts" / "baseline.json").read_text())
    own = found["splits"]["test"]
    assert own["scores"]["n"] == 120 and own["scores"]["metrics"]["accuracy"]["value"] > 0.95
    gain = run.scores["test"]["accuracy"]["value"] - own["scores"]["metrics"]["accuracy"]["value"]
    assert own["verdict"]["gain"] == pytest.approx(gain)
    assert found["text"].replace("&", "&amp;") in run.report.read_text()


def test_new_texts_are_read_in_every_form(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["the plot of it was superb", "the cast of it was awful", ""]
    wanted = run.predict(texts).values.tolist()
    assert wanted[:2] == ["for", "against"]
    assert run.predict(texts[0]).values.tolist() == ["for"]
    pl.DataFrame({"text": texts[:2]}).write_csv(tmp_path / "new.csv")
    (tmp_path / "one.txt").write_text(texts[1])
    name = str(run.path)
    assert main(["predict", name, "--text", texts[0], "--text", texts[1], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["predictions"]
    assert [row["class"] for row in said] == ["for", "against"]
    assert main(["predict", name, "--csv", str(tmp_path / "new.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"] == said
    assert main(["predict", name, str(tmp_path / "one.txt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["class"] == "against"
    assert main(["predict", name]) == 2


def test_a_padded_row_is_answered_as_it_is_alone(run: Run) -> None:
    short, long = "awful", "the plot of it and " * 20 + "superb"
    together = run.predict([short, long]).probabilities
    alone = [run.predict([text]).probabilities[0] for text in (short, long)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_several_files_are_several_texts(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, word in zip(files, ("superb", "awful"), strict=True):
        path.write_text(f"the plot of it was {word}")
    assert main(["predict", str(run.path), *map(str, files), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["predictions"]
    assert [row["class"] for row in said] == ["for", "against"]
    assert [row["input"] for row in said] == list(map(str, files))
    assert main(["predict", str(run.path), str(tmp_path / "missing.txt")]) == 2
    assert "missing.txt does not exist" in capsys.readouterr().err


def test_other_reviews_score_it(run: Run, tmp_path: Path) -> None:
    reviews(200, 1).write_csv(tmp_path / "other.csv")
    scores = run.evaluate(str(tmp_path / "other.csv"))
    assert scores["data"]["accuracy"]["value"] > 0.9


def test_the_worst_rows_show_their_words(tmp_path: Path) -> None:
    """A planted mistake: one review in which the label is wrong."""
    frame = reviews(300, 2)
    frame[7, "label"] = "for" if frame[7, "label"] == "against" else "against"
    frame = frame.with_columns(part=pl.Series(["test" if k < 60 else "train" for k in range(300)]))
    frame.write_csv(tmp_path / "reviews.csv")
    run = train(
        {"data": {"path": str(tmp_path / "reviews.csv"), "target": "label", "text": "text",
                  "split_column": "part"}, "model": {"zoo": "text-lstm", "classes": 1}},
        training={"epochs": 10, "batch_size": 16, "threads": 1,
                  "optimizer": {"name": "adam", "learning_rate": 3e-3}},
        out=tmp_path / "run",
        progress=False,
    )  # fmt: skip
    found = json.loads((run.path / "artifacts" / "worst.json").read_text())["rows"]
    (wrong,) = [row for row in found if row["id"] == 7]
    shares = {}
    for word, share in wrong["words"]:
        shares[word] = max(share, shares.get(word, -1.0))
    assert max(shares, key=shares.__getitem__) in ("superb", "awful")
    assert "integrated gradients" in run.report.read_text()


def trained(frame: pl.DataFrame, folder: Path, model: Any, **data: Any) -> Run:
    frame.write_csv(folder / "rows.csv")
    given = {"path": str(folder / "rows.csv"), "target": "label", "text": "text", **data}
    return train(
        {"data": given, "model": model},
        training={"epochs": 2, "batch_size": 16, "threads": 1},
        out=folder / "run",
        progress=False,
    )


def test_stars_are_numbers_to_predict(tmp_path: Path) -> None:
    """Regression: the baseline's errors are in stars, and the report shows the worst texts."""
    frame = reviews(200, 3).with_columns(
        label=pl.when(pl.col("label") == "for").then(8.5).otherwise(2.5)
        + pl.Series(np.random.default_rng(0).normal(0, 0.5, 200))
    )
    run = trained(frame, tmp_path, {"zoo": "text-lstm"}, task="regress")
    found = json.loads((run.path / "artifacts" / "baseline.json").read_text())["splits"]["test"]
    own = run.scores["test"]["mae"]["value"]
    theirs = found["scores"]["metrics"]["mae"]["value"]
    assert found["verdict"]["gain"] == pytest.approx(theirs - own, rel=1e-6)
    assert "Worst rows" in run.report.read_text()


def test_a_model_that_reads_the_padding_trains_on_whole_rows(tmp_path: Path) -> None:
    """A batch is cut to its longest row only where the model leaves the padding out: this one has a
    fixed length, and takes no other."""
    tokens = Input((12,), dtype="int32", name="input")
    x = layers.Flatten()(layers.Embedding(500, 4)(tokens))
    model = functional(tokens, {"output": layers.Dense(2, activation="softmax")(x)}, "flat")
    assert not leaves_padding_out(model, 0)
    (tmp_path / "flat.json").write_text(json.dumps(to_json(model)))
    spec = {"spec": str(tmp_path / "flat.json")}
    run = trained(reviews(120, 4), tmp_path, spec, length=12)
    assert run.scores["test"]["accuracy"]["value"] > 0


def test_texts_without_a_word_have_no_baseline(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("acgt"), 12)) for _ in range(80)]
    frame = pl.DataFrame({"text": texts, "label": [t[0] for t in texts]})
    run = trained(frame, tmp_path, {"zoo": "text-lstm"}, tokens="characters")
    assert not (run.path / "artifacts" / "baseline.json").exists()
    assert run.report.exists()


def test_a_run_on_padded_texts_climbs_the_ladder(run: Run) -> None:
    """Its rows are longer than an unknown size is taken for, and so are its dropouts' masks."""
    given = Climb(("torch", "jax"), 1, ("adam",), ("float64",), 4)
    (problem,) = problems(subject(str(run.path)), given)
    rungs = list(climb(problem, (side("torch"), reference())))
    assert {rung.name for rung in rungs} >= {"forward", "gradients"}
    assert all(rung.ok for rung in rungs)


def test_texts_of_bytes_are_shown_as_texts(tmp_path: Path) -> None:
    frame = reviews(60, 5).with_columns(
        pl.col("text").str.replace_all("it", "ïü"), label=pl.Series(["for", "against"] * 30)
    )
    run = trained(frame, tmp_path, {"zoo": "text-lstm"}, tokens="bytes", length=24)
    texts = {text.encode()[:24].decode(errors="replace") for text in frame["text"]}
    rows = json.loads((run.path / "artifacts" / "worst.json").read_text())["rows"]
    assert rows and {"".join(word for word, _ in row["words"]) for row in rows} <= texts
    assert all(word for row in rows for word, _ in row["words"])
    page = run.report.read_text()
    assert "Ġ" not in page and "␣" in page
