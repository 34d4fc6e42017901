"""PyTorch: the source that trains, and its loop.

The environment below is read once, when PyTorch is first imported, so it is set here, before any
module of this room imports it; what the user has set stays.
"""

import os

ENVIRONMENT = {
    # Waiting threads sleep after some 20,000 turns. Measured on the MNIST CNN, 2 threads: spinning
    # that long is 18 % faster than 100 turns where the cores are ours (7,300 against 6,100
    # images/s) and slower where another process takes one (2,450 against 3,400), for which
    # `threads: auto` chooses fewer threads in the first place.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "20000",
    "KMP_BLOCKTIME": "1",
    # PyTorch asks for huge pages behind tensors of 2 MiB and more: fewer page faults.
    "THP_MEM_ALLOC_ENABLE": "1",
}

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
