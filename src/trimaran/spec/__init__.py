"""What a model is: layers, wiring, shapes, parameters, cost and their JSON, without a framework."""

from trimaran.spec.blocks import Composite, Repeat, Sequential
from trimaran.spec.codec import digest, from_json, to_json
from trimaran.spec.graph import Call, Graph, Leaf, Port
from trimaran.spec.layer import Layer, Parameter, Shape
from trimaran.spec.model import Model, functional, sequential
from trimaran.spec.summary import summary
from trimaran.spec.trace import Input, Symbol

__all__ = [
    "Call",
    "Composite",
    "Graph",
    "Input",
    "Layer",
    "Leaf",
    "Model",
    "Parameter",
    "Port",
    "Repeat",
    "Sequential",
    "Shape",
    "Symbol",
    "digest",
    "from_json",
    "functional",
    "sequential",
    "summary",
    "to_json",
]
