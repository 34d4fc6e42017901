"""Trimaran: describe a model once, train it fast, own its source."""
