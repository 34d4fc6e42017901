"""The other end of a `Stream`: `python -m trimaran.data.worker`, one process per worker.

It reads JSON lines from its input, a decoder and then one job a line, and answers each job with a
length (8 bytes, little-endian, signed) and as many bytes: the raw rows, or, after a negative
length, the text of a `DataError`. Nothing is pickled, and no script of the user is imported twice.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from typing import BinaryIO

import numpy as np

from trimaran.data.decode import Decoder, Job, decode
from trimaran.errors import DataError

LENGTH = struct.Struct("<q")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers until the input ends, which it also does when the parent dies."""
    decoder = Decoder.from_json(json.loads(requests.readline()))
    for line in requests:
        try:
            rows = np.ascontiguousarray(decode(decoder, Job.from_json(json.loads(line))))
        except DataError as error:
            text = str(error).encode()
            answers.write(LENGTH.pack(-len(text)) + text)
        else:
            answers.write(LENGTH.pack(rows.nbytes))
            answers.write(rows.data)
        answers.flush()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a decoder prints must not mix with the answers
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # the parent stopped listening; there is nobody to tell


if __name__ == "__main__":
    main()
