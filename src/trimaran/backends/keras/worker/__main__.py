"""Serve one parent over stdin and stdout until it goes away."""

from __future__ import annotations

import os
import signal
import sys
from typing import IO

from trimaran.backends.keras.worker.lean import import_keras, lean


def main() -> None:
    """Read requests, answer each, end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    requests, answers = _pipes()
    framework = os.environ["KERAS_BACKEND"]
    with lean(framework):
        imported = import_keras(framework)
        from trimaran.backends.keras.worker.serving import serve
    serve(requests, answers, imported)


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The parent's pipes, moved away from stdin and stdout, which libraries may write to."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


if __name__ == "__main__":
    main()
