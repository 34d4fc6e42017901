"""The command line: each verb for people and for programs, and its exit statuses."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from trimaran.cli import VERBS, main

FAST = ("training.epochs=1", "training.precision=float32", "training.threads=1")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIMARAN_RUNS", str(tmp_path / "runs"))
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.setenv(name, "set here so that main leaves no trace")


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The object that a verb with --json ends with."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence of a refused command."""
    assert main(list(words)) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err and told.out == ""
    lines = told.err.strip().splitlines()
    assert lines[-1].startswith("trimaran: ")
    return lines[-1]


def test_a_refusal_as_json_is_an_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "no-recipe", "--json"]) == 2
    told = capsys.readouterr()
    (line,) = told.out.splitlines()
    assert told.err == f"trimaran: {json.loads(line)['error']}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "example:\n  trimaran " in text and "--json" in text


def test_the_overview_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert main([]) == 2


def test_python_dash_m_is_the_same() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "trimaran", "--version"], capture_output=True, text=True, check=True
    )
    assert made.stdout.startswith("trimaran ")


@pytest.mark.parametrize("words", ["--help", "train --help", "show models"])
def test_a_reader_that_has_seen_enough_is_no_error(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    made = subprocess.run(
        [sys.executable, "-m", "trimaran", *words.split()],
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert made.stderr == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("trian",), "did you mean train?"),
        (("train",), "Name a recipe"),
        (("train", "mnist-cn"), "did you mean mnist-cnn?"),
        (("train", "digits-mlp", "training.epoch=1"), "did you mean 'training.epochs'?"),
        (("train", "digits-mlp", "epochs"), "write KEY=VALUE"),
        (("train", "--data", "/nowhere"), "/nowhere does not exist"),
        (("train", "digits-mlp", "--model", "resnet19"), "did you mean"),
        (("train", "--resume", "x", "training.epochs=3"), "cannot be given"),
        (("train", "--resume", "x"), "There is no run 'x'"),
        (("train", "digits-mlp", "--colour"), "unrecognized arguments: --colour"),
        (("evaluate",), "There is no run"),
        (("evaluate", "nosuch"), "There is no run 'nosuch'"),
        (("predict", "x"), "Name what to predict: pictures, a folder, --csv FILE, or --text TEXT"),
        (("eject", "resnet5"), "did you mean 'resnet50'"),
        (("eject", "mlp", "--to", "caffe"), "invalid choice: 'caffe'"),
        (("eject", "mlp", "--input-shape", "big"), "write it as 28,28,1"),
        (("show", "model"), "'show models' lists them"),
        (("show", "settings", "training.epoch_s"), "did you mean training.epochs?"),
        (("explain", "features"), "needs a run"),
        (("report", "/"), "is not a run"),
        (("parity", "nope"), "resnet152); name one of them."),
        (("parity", "mlp", "--backends", "torch,numpy"), "'reference', climbs unasked: in float64"),
        (("parity", "mnist-mlp", "--seed", "-1"), "seed must be a whole number from 0 to"),
        (("explain", "backprop", "--seed", "-1"), "seed: expected a whole number from 0 to"),
        (
            ("compare", "graphs", "mlp", "--backends", "torch", "--seed", "-1"),
            "seed: expected a whole",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refusal(capsys, *words)


def test_settings_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, "show", "settings")
    assert found["data.limit"] == {"default": None, "about": "use this many rows at most, drawn by "
                                   "the seed"}  # fmt: skip
    assert main(["show", "settings", "data.series.s"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "data.series.stride  1" in lines and "data.series.season  null" in lines
    assert not any(line.startswith("data.limit") for line in lines)


def test_training_says_its_plan_epochs_score_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "digits-mlp", *FAST, "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    plan, about, epoch, *_ = told.err.splitlines()
    assert "17,226 parameters" in plan and about.startswith("about ") and " of memory " in about
    assert epoch.startswith("epoch 1/1  loss ") and "images/s" in epoch
    score, seconds, report = told.out.splitlines()
    assert score.startswith("test accuracy ") and seconds.startswith("time: start ")
    assert Path(report.removeprefix("report: ")).is_file()


def test_training_as_json_has_the_promised_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ask(capsys, "train", "digits-mlp", *FAST, "--out", str(tmp_path / "run"))
    assert found["run"] == str(tmp_path / "run") and Path(found["report"]).is_file()
    assert set(found["scores"]["test"]["accuracy"]) >= {"value", "low", "high"}
    assert found["data"]["name"] == "digits" and set(found["data"]) == {"name", "rows", "notices"}
    assert sum(found["data"]["rows"].values()) == 1797
    assert set(found["seconds"]) == {"start", "train", "total"}
    assert found["images_per_second"] > 0
    assert (found["backend"], found["precision"]) == ("torch", "float32")


def test_options_may_stand_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--out", str(tmp_path / "run"), "digits-mlp", "--json", *FAST)
    assert main(["train", *words]) == 0
    assert json.loads(capsys.readouterr().out)["backend"] == "torch"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures in a sub-folder per class."""
    root = tmp_path_factory.mktemp("pictures")
    digits = load_digits()
    for number in range(120):
        folder = root / str(digits.target[number] % 2)
        folder.mkdir(exist_ok=True)
        pixels = (digits.images[number] * 15).astype(np.uint8)
        Image.fromarray(pixels).resize((24, 24)).save(folder / f"{number}.png")
    return root


def test_a_folder_of_pictures_from_training_to_prediction(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert main(["train", "--data", str(pictures), "--out", out, *FAST]) == 0
    told = capsys.readouterr()
    assert "120 pictures" in told.err and "Model: mnist-cnn, because" in told.err
    one = str(next((pictures / "0").iterdir()))
    found = ask(capsys, "predict", out, one)
    assert found["predictions"][0]["input"] == one
    assert found["predictions"][0]["class"] in ("0", "1")
    assert main(["predict", out, str(pictures)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 120 and set(rows[0]) == {
        "row", "input", "class", "probability", "p(0)", "p(1)",
    }  # fmt: skip
    found = ask(capsys, "evaluate", out, "--data", str(pictures))
    assert found["scores"]["data"]["accuracy"]["value"] >= 0
    assert "not a readable picture" in refusal(capsys, "predict", out, __file__)
    names = tmp_path / "names.csv"
    names.write_text(f"file,note\n{one},x\n")
    found = ask(capsys, "predict", out, str(names))
    assert [row["input"] for row in found["predictions"]] == [one]
    names.write_text("file,note\nnone.png,x\n")
    assert "names.csv row 2 names the picture 'none.png'" in refusal(
        capsys, "predict", out, str(names)
    )
    names.write_text("a,b\n1,2\n")
    assert "no column of picture files" in refusal(capsys, "predict", out, str(names))
    larger = tmp_path / "larger"
    for name, side in (("0", 40), ("7", 30)):
        (larger / name).mkdir(parents=True)
        Image.new("L", (side, side)).save(larger / name / "a.png")
    told = refusal(capsys, "evaluate", out, "--data", str(larger))
    assert f"{larger / '7' / 'a.png'} has the label '7', which training never saw" in told
    shutil.rmtree(larger / "7")
    assert ask(capsys, "evaluate", out, "--data", str(larger))["scores"]["data"]["accuracy"]


def test_what_was_found_in_the_data_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{x:.3f},{'yes' if x > 0 else 'no'}" for x in rng.normal(size=60)]
    lines[5] = ",no"
    file = tmp_path / "own.csv"
    file.write_text("\n".join(["x,answer", *lines]))
    words = ["--data", str(file), "--target", "answer", "--out", str(tmp_path / "run")]
    assert main(["train", *words, *FAST]) == 0
    told = capsys.readouterr().err.splitlines()
    assert len([line for line in told if "median of the training rows stands in" in line]) == 1
    saved = json.loads((tmp_path / "run" / "data.json").read_text())["notices"]
    assert any("median of the training rows stands in" in text for text in saved)
    empty = tmp_path / "empty.csv"
    empty.write_text("x,answer\n")
    for verb in (("predict", str(empty)), ("evaluate", "--data", str(empty))):
        words = (verb[0], str(tmp_path / "run"), *verb[1:])
        assert "There is no row to" in refusal(capsys, *words)


def test_an_archive_of_pictures_is_trained_and_scored(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", pictures.parent, pictures.name)
    out = str(tmp_path / "run")
    assert main(["train", "--data", archive, "--out", out, *FAST]) == 0
    assert "120 pictures" in capsys.readouterr().err
    assert ask(capsys, "evaluate", out, "--data", archive)["scores"]["data"]
    assert len(ask(capsys, "predict", out, archive)["predictions"]) == 120


def test_predictions_into_a_file(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = load_digits().images[:4].astype(np.uint8)[..., None]
    np.savez(tmp_path / "x.npz", x=images)
    out = tmp_path / "answers.csv"
    assert main(["predict", str(digits_run), str(tmp_path / "x.npz"), "-o", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 5 and "4 rows" in capsys.readouterr().out
    np.savez(tmp_path / "two.npz", a=images, b=images)
    assert "name the inputs x" in refusal(
        capsys, "predict", str(digits_run), str(tmp_path / "two.npz")
    )


def test_evaluating_and_reporting_a_run(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ask(capsys, "evaluate", str(digits_run), "--split", "validation")
    assert main(["evaluate", str(digits_run)]) == 0
    assert capsys.readouterr().out.startswith(f"{digits_run}\n")  # "latest" may be any
    saved = json.loads((digits_run / "scores.json").read_text())["splits"]["validation"]
    assert found["scores"] == {"validation": saved["metrics"]}
    page = (digits_run / "report.html").read_bytes()
    assert ask(capsys, "report", str(digits_run))["report"] == str(digits_run / "report.html")
    assert (digits_run / "report.html").read_bytes() == page


def test_ejected_source_is_the_source_that_trained(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model.py"
    assert main(["eject", str(digits_run), "--to", "torch", "-o", str(out)]) == 0
    assert out.read_bytes() == (digits_run / "model_torch.py").read_bytes()
    capsys.readouterr()
    assert main(["eject", "mlp", "--input-shape", "8,8,1"]) == 0
    assert capsys.readouterr().out.rstrip() == out.read_text().rstrip()
    found = ask(capsys, "eject", "mlp", "--classes", "3")
    assert "trimaran" not in found["source"].split("import", 1)[1] and found["lines"] > 10


def test_lists(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "mnist-cnn" in ask(capsys, "show", "recipes")
    models = ask(capsys, "show", "models")
    assert models["resnet50"]["parameters"] == 25_557_032
    assert ask(capsys, "show", "runs") == []
    assert ask(capsys, "show", "recipe", "mnist-cnn")["training"]["optimizer"]["name"] == "adam"
    assert ask(capsys, "show", "run", str(digits_run))["scores"]["test"]
    assert set(ask(capsys, "show")) == {"recipes", "models", "runs"}
    assert main(["show", "runs"]) == 0 and "There is no run" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "skips"), [("xor-mlp", 0), ("lenet5", 0), ("resnet18", 8)])
def test_diagrams_stand_alone(
    name: str, skips: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from xml.etree import ElementTree

    out = tmp_path / "model.svg"
    found = ask(capsys, "show", "model", name, "--diagram", "-o", str(out))
    assert found["diagram"] == str(out) and found["parameters"] > 0
    root = ElementTree.fromstring(out.read_text())
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and len(root) > 3
    assert sum(one.get("class") == "skip" for one in root.iter()) == skips


def test_lessons(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = tmp_path / "figure.svg"
    found = ask(capsys, "explain", "backprop", "xor-mlp", "-o", str(figure))
    assert found["worst"]["autograd"] < 1e-10 and found["worst"]["differences"] < 1e-6
    assert figure.read_text().startswith("<svg")
    assert ask(capsys, "explain", "backprop", str(digits_run))["worst"]["autograd"] < 1e-10
    learned = ask(capsys, "explain", "perceptron")["learned"]
    assert [one["wrong"] == 0 for one in learned] == [True, True, True, False, False, True]
    slopes = ask(capsys, "explain", "activations")["functions"]["sigmoid"]["slopes"]
    assert slopes[1] == pytest.approx(0.25)
    assert "there are no feature maps" in refusal(capsys, "explain", "features", str(digits_run))


def test_the_doctor_looks_at_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, "doctor")
    assert found["cpu"]["cores"] >= 1 and found["speed"]["float32_gflops"] > 0
    assert found["packages"]["torch"] and found["problems"] == []
    assert "digits" in found["data"]["bundled"]


def test_the_doctor_says_no(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMARAN_DATA", "/nowhere")
    assert main(["doctor"]) == 1
    assert "TRIMARAN_DATA is /nowhere" in capsys.readouterr().out


def interrupted(out: Path, *options: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of a real training that got a Ctrl-C in its second epoch."""
    words = ["train", "digits-mlp", "training.epochs=100000", "training.early_stopping=null"]
    process = subprocess.Popen(
        [sys.executable, "-m", "trimaran", *words, *FAST[1:], "--out", str(out), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    events = out / "events.jsonl"
    deadline = time.monotonic() + 120
    while not (events.is_file() and "Epoch" in events.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=120)
    return process.returncode, said, told


def test_ctrl_c_on_the_real_command_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    status, said, told = interrupted(out)
    assert status == 130 and said == "" and f"trimaran train --resume {out}" in told
    assert "Traceback" not in told and list((out / "checkpoints").iterdir())


def test_ctrl_c_as_json_ends_with_one_object(tmp_path: Path) -> None:
    out = tmp_path / "run"
    status, said, _ = interrupted(out, "--json")
    assert status == 130 and said.count("\n") == 1
    assert json.loads(said) == {
        "run": str(out),
        "stopped": "interrupted",
        "advice": f"Go on with: trimaran train --resume {out}",
    }


@pytest.mark.parametrize("begun", [False, True])
def test_ctrl_c_before_or_after_training_as_json(
    begun: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimaran import workflow

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workflow, "_judge" if begun else "prepare", interrupt)
    out = str(tmp_path / "my run")
    assert main(["train", "digits-mlp", *FAST, "--out", out, "--json"]) == 130
    found = json.loads(capsys.readouterr().out)
    assert (found["run"], found["stopped"]) == (out if begun else None, "interrupted")
    assert (f"--resume '{out}'" if begun else "Nothing was trained yet") in found["advice"]
