"""Requests in, answers out, until the parent goes away."""

from __future__ import annotations

from typing import IO

from trimaran.backends.keras.wire import Message, Wire
from trimaran.backends.keras.worker.service import Service
from trimaran.errors import TrimaranError


def serve(requests: IO[bytes], answers: IO[bytes], imported: float) -> None:
    """Answer each request; the import of Keras took `imported` seconds."""
    wire = Wire(requests, answers)
    service = Service(wire, imported)
    while (message := wire.receive()) is not None:
        wire.send(_answered(service, message))


def _answered(service: Service, message: Message) -> Message:
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
