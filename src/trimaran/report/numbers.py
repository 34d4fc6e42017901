"""Numbers as people read them."""

import math

PERCENT = (
    "accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "expected_calibration_error",
)  # fmt: skip
NAMES = {
    "accuracy": "Accuracy", "precision_macro": "Precision, macro", "recall_macro": "Recall, macro",
    "f1_macro": "F1, macro", "precision_weighted": "Precision, weighted",
    "recall_weighted": "Recall, weighted", "f1_weighted": "F1, weighted", "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC", "log_loss": "Log loss", "mae": "Mean absolute error", "r2": "R²",
    "expected_calibration_error": "Expected calibration error", "rmse": "Root mean squared error",
    "bits_per_character": "Bits per character", "cross_entropy": "Cross-entropy (nats)",
    "mase": "Mean absolute scaled error (MASE)", "mse": "Mean squared error",
    "mse_standardized": "MSE, standardised", "mae_standardized": "MAE, standardised",
    "smape": "sMAPE, in per cent", "pinball_standardized": "Pinball loss, standardised",
    "loss": "Loss", "learning_rate": "Learning rate",
}  # fmt: skip
LOWER_IS_BETTER = ("log_loss", "expected_calibration_error", "mae", "rmse", "loss",
                   "bits_per_character", "cross_entropy", "perplexity", "mase", "mse",
                   "mse_standardized", "mae_standardized", "smape",
                   "pinball_standardized")  # fmt: skip


def metric_name(key: str) -> str:
    return NAMES.get(key, key.replace("_", " ").capitalize())


def is_share(key: str) -> bool:
    return any(key == name or key.startswith(name + "_") for name in PERCENT)


def metric(key: str, value: float | None) -> str:
    """A metric's value: shares as per cent, all else with four significant digits."""
    if value is None:
        return "–"
    return f"{100 * value:.2f} %" if is_share(key) else short(value)


def bounds(key: str, low: float | None, high: float | None) -> str:
    """An interval, the unit written once."""
    if low is None or high is None:
        return ""
    if is_share(key):
        return f"{100 * low:.2f} – {100 * high:.2f} %"
    return f"{short(low)} – {short(high)}"


def short(value: float | int | None) -> str:
    """Four significant digits, thousands grouped, powers of ten for the very small and large."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u202f")
    if abs(value) >= 1e5 or abs(value) < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4g}"


def seconds(value: float) -> str:
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round numbers that lie in [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def tick(value: float) -> str:
    """A tick's label without needless digits."""
    if value == 0:
        return "0"
    if 1e4 <= abs(value) < 1e7 and value == int(value):
        return short(value)
    if abs(value) >= 1e4 or abs(value) < 1e-3:
        mantissa, power = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(power)}"
    return f"{value:.10g}"
