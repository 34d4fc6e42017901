"""The `data.series:` block of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.errors import RecipeError

FILLS = ("refuse", "forward")
ROWS = "rows"


@dataclass(frozen=True)
class SeriesSettings:
    """How rows with a time become windows. What is forecast are number columns: `targets`, else
    all of them; every other number column goes in as it was up to the time of the forecast.

    time:      the column of times: dates, or whole numbers that count steps; None takes the one
               that is called like it
    key:       the column that tells several series apart; None is one series
    keys:      the series to use; () is all
    targets:   the columns to forecast; () is every number column
    known:     columns whose future is known when the forecast is made (holidays, prices that were
               announced): a window holds each `horizon` steps ahead of the others
    calendar:  add the hour, the day of the week and the day of the year, as sine and cosine
    length:    steps of the past in a window;  horizon: steps to forecast, all at once
    stride:    steps from one training window to the next; every window of the others is scored
    step:      "1h", "10min", "1D" averages what falls into each such step; "rows" takes the rows
               as they follow one another (trading days); None finds the step and refuses times
               that do not keep it
    fill:      what stands for missing values: "refuse" them, or "forward", the last known value in
               what goes in, while windows that would have to forecast them are left out
    marks:     numbers that stand for a missing value, such as -9999
    returns:   forecast the logarithm of each value over the one before, not the value
    season:    steps of a season, for the seasonal baseline and MASE; None finds a day or a week
    gap:       steps left out of the forecasts at the end of training and validation
    quantiles: levels between 0 and 1, such as 0.1, 0.5 and 0.9, forecast instead of the mean; 0.5,
               which must be one of them, is the point forecast
    """

    time: str | None = None
    key: str | None = None
    keys: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    calendar: bool = False
    length: int = 96
    horizon: int = 24
    stride: int = 1
    step: str | None = None
    fill: str = "refuse"
    marks: tuple[float, ...] = ()
    returns: bool = False
    season: int | None = None
    gap: int = 0
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise RecipeError(f"data.series.fill is {self.fill!r}; expected {' or '.join(FILLS)}.")
        for name in ("length", "horizon", "stride", "season"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(
                    f"data.series.{name} is {value}; expected a whole number of at least 1."
                )
        if self.gap < 0:
            raise RecipeError(f"data.series.gap is {self.gap}; expected 0 steps or more.")
        if self.keys and self.key is None:
            raise RecipeError(
                "data.series.keys names series, but no column tells them apart; name it with "
                "data.series.key=COLUMN."
            )
        if self.calendar and self.step == ROWS:
            raise RecipeError(
                "data.series.calendar needs the times of the steps ahead, which step=rows does not "
                "know; give a step such as 1D, or leave the calendar out."
            )
        levels = self.quantiles
        if any(not 0 < q < 1 for q in levels) or list(levels) != sorted(set(levels)):
            raise RecipeError(
                f"data.series.quantiles is {list(levels)}; expected levels between 0 and 1 in "
                "rising order, such as [0.1, 0.5, 0.9]."
            )
        if levels and 0.5 not in levels:
            raise RecipeError(
                f"data.series.quantiles is {list(levels)}, without 0.5, the median, which is the "
                "point forecast; add 0.5."
            )
        ahead = bool(self.known) or self.calendar
        if ahead and self.length < self.horizon:
            raise RecipeError(
                f"data.series.length is {self.length}, but what is known in advance stands "
                f"{self.horizon} steps ahead in the window; give a length of at least the horizon."
            )
