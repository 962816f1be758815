"""The application, and the kinds of option that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter, validators

from seisgeo._version import __version__

__all__ = ["Count", "Flag", "Json", "Neighbours", "Range", "Split", "app"]

app = cyclopts.App(
    name="seisgeo",
    help="From field SEG-Y to the earth models that explain it.",
    version=__version__,
    help_format="markdown",
    default_parameter=Parameter(negative=()),  # no --no-overwrite, no --empty-keys
    suppress_keyboard_interrupt=False,
)

Flag = Annotated[bool, Parameter(show_default=False)]
Json = Annotated[bool, Parameter(name="--json", show_default=False)]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
#: Two numbers, told as they are typed: --snr 5 40.
Range = Annotated[
    tuple[float, float],
    Parameter(show_default=lambda ends: " ".join(f"{end:g}" for end in ends)),
]
#: Part of a data set in SeisBench's format.
Split = Annotated[Literal["train", "dev", "test"] | None, Parameter(show_default=False)]
Neighbours = Annotated[int, Parameter(name=["--k", "-k"], validator=validators.Number(gte=1))]
