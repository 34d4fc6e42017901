"""Starting is cheap: neither `import trimaran` nor `trimaran --help` loads a framework."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax")
HELP_SECONDS = 0.3
"""CPU time (user and system), interpreter included; the best of five, since machines are shared."""

IMPORT = "import trimaran"
HELP = """
from trimaran.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code, end.code
"""
LISTED = f"""
import sys
print([name for name in {FRAMEWORKS} if name in sys.modules], file=sys.stderr)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def frameworks_after(code: str) -> str:
    return run(code + "\n" + LISTED).stderr.strip()


def cpu_seconds(code: str) -> float:
    """The least CPU time of five runs."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(spent)


@pytest.mark.parametrize("code", [IMPORT, HELP])
def test_no_framework_is_loaded(code: str) -> None:
    assert frameworks_after(code) == "[]"


def test_help_is_immediate() -> None:
    assert cpu_seconds(HELP) < HELP_SECONDS


def test_help_says_what_it_is() -> None:
    assert "trimaran" in run(HELP).stdout


def test_the_checks_see_a_planted_framework_and_a_slow_start() -> None:
    planted = "import sys, types; sys.modules['torch'] = types.ModuleType('torch')"
    assert frameworks_after(planted) == "['torch']"
    slow = "import time\nwhile time.process_time() < 0.35: pass"
    assert cpu_seconds(slow) > HELP_SECONDS
