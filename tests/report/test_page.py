"""The page says what the run folder holds, escapes what is not its own, and degrades in words."""

import base64
import html
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from trimaran import zoo
from trimaran.errors import RunError
from trimaran.files import write_json
from trimaran.report.page import render, write_report
from trimaran.spec import to_json

VOID = {"meta", "link", "img", "br", "hr", "rect", "path", "circle", "wbr"}


class Balance(HTMLParser):
    """Fails on a tag that is closed before what it holds, and gathers ids and references."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and value:
                self.addresses.append(value)
            if name == "id" and value:
                self.ids.add(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes another tag"


@pytest.mark.parametrize("name", ["image", "value"])
def test_the_page_is_well_formed_and_refers_to_nothing_outside(small_runs, name):
    parser = Balance()
    parser.feed(render(small_runs(name)))
    assert parser.open == []
    inside = {address[1:] for address in parser.addresses if address.startswith("#")}
    assert inside <= parser.ids
    assert all(address.startswith(("data:", "#")) for address in parser.addresses)


def test_the_page_of_a_classifier_tells_everything(image_run):
    page = render(image_run)
    scores = json.loads((image_run / "scores.json").read_text())["splits"]["test"]
    value = scores["metrics"]["accuracy"]
    assert f"{100 * value['value']:.2f} %" in page
    assert f"{100 * value['low']:.2f} – {100 * value['high']:.2f} %" in page
    worst = json.loads((image_run / "artifacts" / "worst.json").read_text())["rows"]
    assert all(f"row {row['id']}" in page for row in worst)
    assert page.count("data:image/png;base64,") == len(worst) + 1 + 32
    for text in ("Confusion matrix", "Reliability", "225\u202f034", "learning_rate: 0.001",
                 "avx512f, amx_bf16", "Lower the learning rate or use leaky_relu.",
                 "Training stopped: early stopping.", "yann.lecun.com", "best</text>",
                 "No row of one split stands in another.", "7\u202f531"):  # fmt: skip
        assert text in page, text
    assert "&lt;edit&gt; the description &amp; emit again" in page


def test_the_page_of_a_regression_has_scatter_and_rows_and_escapes_them(value_run):
    page = render(value_run)
    for text in ("Predicted against true", "R²", "Mean absolute error", "as neurons"):
        assert text in page, text
    assert "<b>Ulm</b>" not in page and "&lt;b&gt;Ulm&lt;/b&gt;" in page
    assert "Confusion matrix" not in page
    assert "3.25" in page and "and 10 more columns" in page
    assert page.count('class="input"') == 3 and page.count('class="unit"') == 6


def test_an_empty_folder_still_gives_a_page_that_says_what_is_missing(empty_run):
    page = write_report(empty_run).read_text(encoding="utf-8")
    for name in (
        "recipe.yaml",
        "environment.json",
        "data.json",
        "model.json",
        "events.jsonl",
        "scores.json",
    ):
        assert f"{name} is missing" in page
    assert [path.name for path in empty_run.iterdir()] == ["report.html"]


PIECES = ["recipe.yaml", "environment.json", "data.json", "model.json", "model_torch.py",
          "events.jsonl", "scores.json", "artifacts/worst.json", "artifacts/worst.npz",
          "artifacts/features.npz"]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_any_piece_may_be_missing(image_run, tmp_path, piece):
    path = tmp_path / "run"
    shutil.copytree(image_run, path)
    (path / piece).unlink()
    assert "</html>" in render(path)


@pytest.mark.parametrize(
    "piece",
    ["environment.json", "data.json", "scores.json", "artifacts/worst.json", "artifacts/worst.npz"],
)
def test_a_damaged_piece_is_named(image_run, tmp_path, piece):
    path = tmp_path / "run"
    shutil.copytree(image_run, path)
    (path / piece).write_bytes((path / piece).read_bytes()[:40])
    with pytest.raises(RunError, match=re.escape(Path(piece).name)):
        render(path)


def test_a_torn_last_event_is_left_out_and_told(image_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(image_run, path)
    with (path / "events.jsonl").open("a") as file:
        file.write('{"kind": "Epo')
    assert "is torn and was left out" in render(path)


def test_a_description_of_another_version_costs_only_the_diagram(image_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(image_run, path)
    (path / "model.json").write_text('{"format": "from the future"}')
    page = render(path)
    assert "model.json cannot be read" in page and "Confusion matrix" in page


def test_the_commands_can_be_pasted_whatever_the_run_is_called(image_run, tmp_path):
    path = shutil.copytree(image_run, tmp_path / "it's $HOME ü")
    shown = render(path).split('<dl class="commands">')[1].split("</dl>")[0]
    commands = [html.unescape(code) for code in re.findall(r"<code>(.*?)</code>", shown)]
    assert [shlex.split(command) for command in commands[:4]] == [
        ["trimaran", "train", f"{path}/recipe.yaml"],
        ["trimaran", "evaluate", str(path)],
        ["trimaran", "predict", str(path), "INPUT"],
        ["trimaran", "report", str(path)],
    ]


def test_no_folder_is_an_error_in_a_sentence(tmp_path):
    with pytest.raises(RunError, match="no such run folder"):
        render(tmp_path / "absent")


def test_undefined_scores_show_their_reason(image_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(image_run, path)
    scores = json.loads((path / "scores.json").read_text())
    reason = "no row of this split belongs to class '7'"
    undefined = {"value": None, "low": None, "high": None, "reason": reason}
    scores["splits"]["test"]["metrics"]["roc_auc"] = undefined
    (path / "scores.json").write_text(json.dumps(scores))
    assert "belongs to class &#39;7&#39;" in render(path)


def test_the_same_folder_gives_the_same_bytes(image_run):
    assert render(image_run) == render(image_run)


def test_a_report_takes_less_than_a_second_of_processor_time(image_run):
    start = time.process_time()
    render(image_run)
    assert time.process_time() - start < 1


def test_the_report_imports_no_framework():
    code = (
        "import sys; import trimaran.report.page, trimaran.report.card, trimaran.evaluation, "
        "trimaran.report.tensorboard; "
        "print([n for n in ('torch','tensorflow','jax','sklearn','matplotlib','scipy') "
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_skip_connections_are_drawn_and_a_chain_stands_in_on_a_phone(image_run, tmp_path):
    assert 'class="card wired"' not in render(image_run)
    copy = shutil.copytree(image_run, tmp_path / "run")
    write_json(copy / "model.json", to_json(zoo.build("resnet18", (32, 32, 3), 10)))
    page = render(copy)
    (uri,) = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="the layers', page)
    drawn = ElementTree.fromstring(base64.b64decode(uri))
    assert sum(one.get("class") == "skip" for one in drawn.iter()) == 8
    assert '<ol class="chain narrow">' in page
