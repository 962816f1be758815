"""One run of the command line: its exit code, and what it says when something is wrong."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import cyclopts

from seisgeo.cli.base import app
from seisgeo.console import as_options, explain

__all__ = ["main"]


def _print_warning(message: Warning | str, *args: Any, **kwargs: Any) -> None:
    print(f"seisgeo: warning: {as_options(str(message))}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit.

    Parameters
    ----------
    arguments : list of str, optional
        What was typed after ``seisgeo``; by default the process's own.

    Raises
    ------
    SystemExit
        Always. The code is 0 when all went well, 1 when it did not, 2 for arguments that make no
        command, 130 when interrupted.
    """
    # Remarks on code, not on data, are for developers: those of numpy and others, and those of
    # Python about the workers that Ctrl-C has ended.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    for category in (FutureWarning, RuntimeWarning):
        warnings.simplefilter("ignore", category)
    warnings.showwarning = _print_warning
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        print(f"seisgeo: error: {error}\nsee seisgeo COMMAND --help", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        hint = f"; {interrupt}" if str(interrupt) else ""
        print(f"\nseisgeo: interrupted{hint}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `| head` has seen enough: what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("SEISGEO_TRACEBACK"):
            raise
        print(f"seisgeo: error: {explain(error)}", file=sys.stderr)
        sys.exit(1)
