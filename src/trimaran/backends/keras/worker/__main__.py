"""Serve one parent over stdin and stdout until it goes away."""

from __future__ import annotations

import os
import signal
import sys
from typing import IO

from trimaran.backends.keras.wire import Message, receive, send
from trimaran.backends.keras.worker.lean import lean
from trimaran.errors import TrimaranError


def main() -> None:
    """Read requests, answer each, end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    requests, answers = _pipes()
    with lean(os.environ["KERAS_BACKEND"]):
        from trimaran.backends.keras.worker.service import Service  # imports the framework

    service = Service()
    while (message := receive(requests)) is not None:
        send(answers, _answered(service, message))


def _answered(service: object, message: Message) -> Message:
    values = dict(message.values)
    name = values.pop("call")
    try:
        answer: Message = getattr(service, name)(Message(values, message.arrays))
        return answer
    except TrimaranError as refused:
        return Message({"error": [type(refused).__name__, str(refused)]})
    except Exception as fault:
        import traceback

        traceback.print_exc()
        text = f"{type(fault).__name__} in the worker's {name}: {str(fault)[:2000]}"
        return Message({"error": ["RunError", text]})


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
