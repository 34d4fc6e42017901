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
    while _served(service, wire):
        pass  # nothing of a request stays while the next one is awaited


def _served(service: Service, wire: Wire) -> bool:
    """Answer the next request; False where there is none any more."""
    message = wire.receive()
    if message is None:
        return False
    values = dict(message.values)
    name = values.pop("call")
    try:
        # Sending is part of it: arrays may be made only then.
        wire.send(getattr(service, name)(Message(values, message.arrays)))
    except TrimaranError as refused:
        wire.send(Message({"error": [type(refused).__name__, str(refused)]}))
    except Exception as fault:
        import traceback

        traceback.print_exc()
        text = f"{type(fault).__name__} in the worker's {name}: {str(fault)[:2000]}"
        wire.send(Message({"error": ["RunError", text]}))
    return True
