"""What every room's tests share."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples every time, and no wall-clock limits: other work may share the machine.
settings.register_profile("trimaran", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("trimaran")

# A test's programs run a few times, and XLA compiles four times as long with its optimizations as
# without. `XLA_FLAGS= make test` keeps them on, as every run and ladder of a user has them.
QUICK_XLA = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", QUICK_XLA)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets; tests that need it carry the marker `data`."""
    root = os.environ.get("TRIMARAN_DATA")
    if not root:
        pytest.skip("TRIMARAN_DATA is not set: it names the folder of real data sets")
    return Path(root)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished run, for tests that read and must not change it."""
    from trimaran import workflow
    from trimaran.recipe import load, overrides

    words = ["training.epochs=2", "training.precision=float32", "training.threads=1"]
    out = tmp_path_factory.mktemp("runs") / "digits"
    return workflow.run(load("digits-mlp", overrides(words)), workflow.Options(out=out)).run.path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Where the data sets must be there (CI), a test that misses one has failed."""
    report = yield
    needed = os.environ.get("TRIMARAN_REQUIRE_DATA") and item.get_closest_marker("data")
    if report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although TRIMARAN_REQUIRE_DATA is set: {report.longrepr}"
    return report
