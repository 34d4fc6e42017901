"""Small tables with a time."""

from __future__ import annotations

import numpy as np
import pandas as pd


def hourly(rows: int, seed: int = 0, begin: str = "2020-01-01") -> pd.DataFrame:
    """Two columns with a daily wave and noise."""
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(rows) / 24)
    return pd.DataFrame(
        {
            "date": pd.date_range(begin, periods=rows, freq="h"),
            "load": 10 + 3 * wave + rng.normal(0, 0.3, rows),
            "heat": 5 - wave + rng.normal(0, 0.3, rows),
        }
    )
