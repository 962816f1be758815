"""The command line: ``seisgeo COMMAND``, with COMMAND from info to demo.

A command is a function with its options; its help is its docstring. Whatever is heavy loads inside.
"""

from __future__ import annotations

from seisgeo.cli import (  # noqa: F401 - the commands
    cluster,
    convert,
    demo,
    detect,
    fit,
    info,
    predict,
    retrieve,
    synth,
    synth_events,
)
from seisgeo.cli.base import app
from seisgeo.cli.run import main

__all__ = ["app", "main"]
