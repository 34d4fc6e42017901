"""Emitted text as a module that runs, with its lines visible to tracebacks and debuggers."""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType


def load(source: str) -> ModuleType:
    """The text as a module, named after its digest, so that equal texts are one module."""
    name = f"trimaran_source_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = f"<{name}>"
    lines = source.splitlines(keepends=True)
    linecache.cache[module.__file__] = (len(source), None, lines, module.__file__)
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    sys.modules[name] = module
    return module
