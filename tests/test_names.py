"""What `import trimaran` offers, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import trimaran


@pytest.mark.parametrize("name", trimaran.__all__)
def test_every_public_name_is_there(name: str) -> None:
    found = getattr(trimaran, name)
    assert found is not None
    if name in trimaran.MODULES:
        assert isinstance(found, ModuleType)


def test_the_table_and_the_list_agree() -> None:
    assert {*trimaran.NAMES, *trimaran.MODULES, "__version__"} == set(trimaran.__all__)
    assert trimaran.__all__ == sorted(trimaran.__all__) == dir(trimaran)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = trimaran.trian  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, trimaran; "
        "print(sorted({'numpy', 'torch', 'yaml', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"
