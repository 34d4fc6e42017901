"""The optimizers under Keras's names: `optimizers.Adam(1e-4)`, `optimizers.SGD(momentum=0.9)`."""

from trimaran.training.optimizers import SGD, Adagrad, Adam, AdamW, RMSProp

RMSprop = RMSProp

__all__ = ["Adagrad", "Adam", "AdamW", "RMSProp", "RMSprop", "SGD"]
