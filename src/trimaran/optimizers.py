"""The optimizers under Keras's names: `optimizers.Adam(1e-4)`, `optimizers.SGD(momentum=0.9)`."""

from trimaran.training.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    NAdam,
    RMSProp,
)

RMSprop, Nadam = RMSProp, NAdam

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "Nadam",
    "RMSProp",
    "RMSprop",
]
