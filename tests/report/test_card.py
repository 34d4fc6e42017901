"""The model card: a YAML head that parses, and a body that agrees with scores.json."""

import json
import shlex
import shutil

import yaml

from trimaran.report.card import write_card


def head_of(text: str) -> dict:
    _, head, _ = text.split("---\n", 2)
    return yaml.safe_load(head)


def test_the_head_carries_every_score(image_run):
    text = write_card(image_run).read_text(encoding="utf-8")
    head = head_of(text)
    assert head["library_name"] == "trimaran"
    assert head["pipeline_tag"] == "image-classification"
    assert head["datasets"] == ["mnist"]
    results = head["model-index"][0]["results"]
    scores = json.loads((image_run / "scores.json").read_text())["splits"]
    for result in results:
        expected = scores[result["dataset"]["split"]]["metrics"]
        found = {metric["type"]: metric["value"] for metric in result["metrics"]}
        assert found == {name: score["value"] for name, score in expected.items()}


def test_the_body_states_the_headline_with_its_interval(image_run):
    text = write_card(image_run).read_text(encoding="utf-8")
    score = json.loads((image_run / "scores.json").read_text())["splits"]["test"]["metrics"]
    assert f"accuracy {100 * score['accuracy']['value']:.2f} %" in text
    assert "95 % interval" in text and "| Log loss |" in text


def test_a_regression_and_an_empty_run_have_cards(value_run, empty_run):
    assert head_of(write_card(value_run).read_text())["pipeline_tag"] == "tabular-regression"
    text = write_card(empty_run).read_text()
    assert "It has not been scored." in text and head_of(text)["model-index"]


def test_the_commands_can_be_pasted_whatever_the_run_is_called(image_run, tmp_path):
    run = shutil.copytree(image_run, tmp_path / "it's $HOME ü")
    shown = write_card(run).read_text(encoding="utf-8").split("```")[1].splitlines()[1:]
    assert [shlex.split(line) for line in shown] == [
        ["trimaran", "predict", run.name, "INPUT"],
        ["trimaran", "report", run.name],
    ]
