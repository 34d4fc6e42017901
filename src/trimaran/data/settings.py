"""The `data:` block of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimaran.data.series.settings import SeriesSettings
from trimaran.errors import RecipeError

_CHOICES = {
    "task": (None, "classify", "regress", "language", "forecast"),
    "resize": ("crop", "pad", "stretch"),
    "normalize": ("auto", "unit", "standard", "none"),
    "on_bad": ("refuse", "drop"),
    "channels": (None, 1, 3),
    "tokens": ("auto", "words", "bpe", "wordpiece", "characters", "bytes"),
}


@dataclass(frozen=True)
class DataSettings:
    """What to learn from and how to prepare it. Exactly one of `set` and `path` names the source.

    set:          a named set: mnist, fashion-mnist, cifar10, digits, iris, tinyshakespeare, ...
    path:         a folder of images or of texts, a .csv, .tsv, .jsonl, .parquet or .npz file, an
                  archive of one, or a .txt to learn to continue
    target:       the column to predict; needed for a table
    task:         "classify", "regress", "language" (to continue a text) or "forecast" (the steps
                  of a series to come); None decides by the source and the target's values
    validation:   fraction of the training rows that validates
    test:         fraction of all rows that tests; None keeps an official test split, else 0.2
    stratify:     keep the shares of the classes in each drawn split
    split_column: column that says train, validation or test
    group:        column whose equal values stay in one split
    weights:      column of sample weights
    drop:         columns that are not used
    keep:         columns that are used although they look like the target or like a row number
    image_size:   side in pixels to which every picture is brought; None keeps or chooses one
    channels:     1 or 3; None follows the pictures
    resize:       how another shape becomes a square: "crop" its centre, "pad" it, or "stretch" it
    normalize:    "unit" maps stored values to 0..1; "standard" gives every channel or column the
                  training mean 0 and deviation 1; "none"; "auto" is unit for pictures, else
                  standard
    on_bad:       "refuse" unreadable pictures and missing targets, or "drop" and count them
    limit:        use this many rows at most, drawn by the seed
    text:         column that holds the text to learn from; None finds it
    tokens:       what a token is: "words", "bpe", "wordpiece", "characters" or "bytes"; "auto" is
                  words for rows of text, and characters for a text to continue
    vocabulary:   tokens at most, padding and the unknown one among them
    length:       tokens that make one row; None is 128 for a text to continue, and else what nine
                  of ten training texts fit into
    keep_end:     of longer texts keep the end, not the start; None measures which says more
    stride:       tokens from the start of one training row to the next; None is the length
    context:      of a text to continue, so many tokens of each validation and test row are read
                  and not scored: what is scored follows at least so many others
    series:       how a table with a time becomes windows; see `SeriesSettings`
    memory:       gigabytes that decoded pictures may take before they are streamed from disk
    """

    set: str | None = None
    path: str | None = None
    target: str | None = None
    task: str | None = None
    validation: float = 0.2
    test: float | None = None
    stratify: bool = True
    split_column: str | None = None
    group: str | None = None
    weights: str | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    image_size: int | None = None
    channels: int | None = None
    resize: str = "crop"
    normalize: str = "auto"
    on_bad: str = "refuse"
    limit: int | None = None
    text: str | None = None
    tokens: str = "auto"
    vocabulary: int = 20_000
    length: int | None = None
    keep_end: bool | None = None
    stride: int | None = None
    context: int = 0
    memory: float = 4.0
    series: SeriesSettings = field(default_factory=SeriesSettings)

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                choices = ", ".join(str(a) for a in allowed if a is not None)
                raise RecipeError(f"data.{name} is {value!r}; expected one of {choices}.")
        for name in ("image_size", "limit", "length", "stride", "vocabulary"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"data.{name} is {value}; expected a whole number of at least 1.")
        if self.context < 0:
            raise RecipeError(f"data.context is {self.context}; expected a whole number from 0 on.")
        if self.memory <= 0:
            raise RecipeError(f"data.memory is {self.memory}; expected gigabytes above 0.")
