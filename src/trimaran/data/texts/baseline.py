"""The honest baseline of texts: TF-IDF with a linear model, which many a network does not beat.

Words and pairs of words, weighted by how rare they are (Spärck Jones 1972), and a logistic
regression on them (a ridge regression for numbers), from scikit-learn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NAME = "TF-IDF of words and pairs of words, logistic regression"
NAME_OF_NUMBERS = "TF-IDF of words and pairs of words, ridge regression"


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline. `answers` gives (N, classes) probabilities, or (N, k) numbers."""

    name: str
    model: Any
    seconds: float

    def answers(self, texts: Sequence[str]) -> np.ndarray:
        numbers = self.name == NAME_OF_NUMBERS
        found = self.model.predict(texts) if numbers else self.model.predict_proba(texts)
        return np.asarray(found).reshape(len(texts), -1)


def fit_baseline(texts: Sequence[str], targets: np.ndarray, classes: bool) -> Baseline:
    """Fitted on the training texts alone; `targets` are (N,) class numbers, or (N, k) values."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    began = time.perf_counter()
    rare = 2 if len(texts) > 1000 else 1
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=rare, sublinear_tf=True, dtype=np.float32)
    linear = LogisticRegression(C=10.0, max_iter=1000) if classes else Ridge()
    model = make_pipeline(words, linear).fit(texts, targets)
    return Baseline(NAME if classes else NAME_OF_NUMBERS, model, time.perf_counter() - began)
