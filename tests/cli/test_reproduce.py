"""`trimaran reproduce`: subjects, a tiny table 3 from end to end, refusals, progress."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.comparison.planted_table3 import CHOICE, measured, ranked, trial

from trimaran.cli import main
from trimaran.cli.counting import counting
from trimaran.cli.reproduce import SUBJECTS
from trimaran.steps import table3
from trimaran.steps.table3 import Found, Made, Planned, cases
from trimaran.training.events import Notice


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_has_help_with_an_example_and_is_listed(
    subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["reproduce", "--help"])
    assert f"{subject}: {SUBJECTS[subject]}" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit) as end:
        main(["reproduce", subject, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and f"example:\n  trimaran reproduce {subject}" in text
    assert "--json" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name what to reproduce: table-3; 'trimaran reproduce --help' explains it."),
        (("table3",), "There is no reproduction of 'table3'; did you mean table-3?"),
        (("table-3", "--only", "adding", "sorting"), "'sorting' is no memory task"),
        (("table-3", "--seeds", "1"), "an interval needs several runs"),
        (("table-3", "--seeds", "few"), "see 'trimaran reproduce table-3 --help'"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", *words]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "Traceback" not in told.err and sentence in told.err


def test_a_tiny_table_from_end_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ("--only", "parity", "--seeds", "2", "--units", "2", "--updates", "1")
    assert main(["reproduce", "table-3", *tiny, "--out", "page.html", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == "page.html" and len(found["trials"]) == 3 * 3 * 2 + 4 * 3 * 2 + 2 * 2
    assert {cell: own["counts"]["trained"] for cell, own in found["cells"].items()} == {
        "rnn": 8, "lstm": 32, "gru": 30,
    }  # fmt: skip
    assert Path("page.html").read_text().startswith("<!doctype html>")


def planted(choice: table3.Choice) -> Any:
    yield Notice("timing an update of each network")
    yield Planned(1, 90.0)
    yield Made(1, trial(cases(CHOICE)[0], ranked))
    yield Found(measured())


def test_the_table_the_tasks_and_the_verdicts_for_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table3, "study", planted)
    assert main(["reproduce", "table-3"]) == 0
    told = capsys.readouterr()
    assert told.err.splitlines()[:2] == [
        "timing an update of each network",
        "1 runs, at most 1 min 30 s; a network that solves its task is done before",
    ]
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    assert "LSTM 3 352 27 27 88–100 % 3 of 15 9.1e-01 9.00 (8.00–10.00)" in lines
    assert "adding 40 steps 0/3 (0–56 %) 3/3 (44–100 %) 0/3 (0–56 %)" in lines
    assert "10 0, 3 of 3 0, 3 of 3 0, 3 of 3" in lines
    assert "held LSTM Training stability: Excellent" in lines
    assert lines[-1] == "page: table-3.html" and Path("table-3.html").is_file()


def test_an_interruption_ends_cleanly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(choice: table3.Choice) -> Any:
        yield from list(planted(choice))[:3]
        raise KeyboardInterrupt

    monkeypatch.setattr(table3, "study", stopped)
    assert main(["reproduce", "table-3"]) == 130
    assert "nothing was left half written" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_a_quiet_one_nothing() -> None:
    for quiet in (False, True):
        out = Terminal()
        with counting(quiet, out) as told:
            for event in planted(CHOICE):
                told(event)
        text = out.getvalue()
        assert ("1/1" in text) == ("adding 10, rnn, seed 0: solved" in text) == (not quiet)
