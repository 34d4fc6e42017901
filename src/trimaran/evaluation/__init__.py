"""Scores with intervals, and the rows to look at first."""

from trimaran.evaluation.classes import ClassificationScores, score_classes
from trimaran.evaluation.forecasts import ForecastScores, score_forecasts
from trimaran.evaluation.score import Score, scores_json
from trimaran.evaluation.tokens import TokenScores, score_tokens
from trimaran.evaluation.values import ValueScores, score_values
from trimaran.evaluation.worst import Deviation, Mistake, worst_deviations, worst_mistakes

__all__ = [
    "ClassificationScores",
    "Deviation",
    "ForecastScores",
    "Mistake",
    "Score",
    "TokenScores",
    "ValueScores",
    "score_classes",
    "score_forecasts",
    "score_tokens",
    "score_values",
    "scores_json",
    "worst_deviations",
    "worst_mistakes",
]
