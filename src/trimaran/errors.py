"""What can go wrong through no fault of Trimaran's, told in one sentence each.

    TrimaranError
    ├── DescriptionError   a model that cannot exist: shapes, arguments, wiring
    ├── RecipeError        a recipe or a command line that cannot be followed
    ├── DataError          data that cannot be read, or not be trusted
    ├── RunError           a run folder, checkpoint or file that is missing, foreign or damaged
    ├── TrainingError      training that cannot start or go on
    └── ConversionError    somebody's own model that has no description

Every message says what is wrong, where (file, row, path in the model), what was expected and how
to mend it. The command line prints it without a traceback and exits with status 2.
"""


class TrimaranError(Exception):
    """An error that the user can mend; its text is one complete sentence."""


class DescriptionError(TrimaranError):
    """A model description that breaks a rule of its layers or of its wiring."""


class RecipeError(TrimaranError):
    """A recipe or an override with an unknown key or an impossible value."""


class DataError(TrimaranError):
    """Data that cannot be found, read, decoded or trusted."""


class RunError(TrimaranError):
    """A run folder or checkpoint that is missing, damaged or belongs to something else."""


class TrainingError(TrimaranError):
    """Training that cannot start, or that had to stop."""


class ConversionError(TrimaranError):
    """A framework's model with an operation, or a use of one, that has no description."""
