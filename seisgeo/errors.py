"""The errors and warnings that seisgeo raises itself.

Each derives from :class:`SeisgeoError`, so that ``except seisgeo.SeisgeoError`` catches what the
library has to say and nothing else, and from the built-in a careful caller would expect.
"""

__all__ = [
    "ConventionError",
    "DataWarning",
    "FormatError",
    "HeaderWarning",
    "MissingFileError",
    "ModelFileError",
    "OutputExistsError",
    "ParameterError",
    "RemoteFileError",
    "SeisgeoError",
    "SimulationError",
    "SurveyMismatchError",
    "TrainingError",
]


class SeisgeoError(Exception):
    """Base of every error that seisgeo raises on purpose."""


class ConventionError(SeisgeoError, ValueError):
    """A dataset does not follow the cube conventions (see :mod:`seisgeo.conventions`)."""


class FormatError(SeisgeoError, ValueError):
    """A file is not what its format says; the message names the file and the place."""


class MissingFileError(FormatError, FileNotFoundError):
    """There is no such file or folder."""


class RemoteFileError(SeisgeoError, OSError):
    """A remote file cannot be read: the network, the server, or the file has changed."""


class SurveyMismatchError(SeisgeoError, ValueError):
    """Two surveys differ where they must agree; the message says how."""


class SimulationError(SeisgeoError, ValueError):
    """A simulation cannot run as asked (stability, positions, values)."""


class ModelFileError(SeisgeoError, ValueError):
    """A saved estimator cannot be loaded (another version, cut short, altered)."""


class OutputExistsError(SeisgeoError, FileExistsError):
    """An output is already there and holds something else."""


class ParameterError(SeisgeoError, ValueError):
    """A parameter has a value that it cannot have; the message lists those that it can."""


class TrainingError(SeisgeoError, ArithmeticError):
    """Training broke down, for instance in a loss that is not finite."""


class DataWarning(UserWarning):
    """Some data were left out; the message says which, and why."""


class HeaderWarning(UserWarning):
    """Headers contradict each other; the message says which one won, and why."""
