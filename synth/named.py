"""Surveys by name: a usual one, the one in a JSON file, or the one of field data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from seisgeo.errors import ConventionError, FormatError, MissingFileError, ParameterError
from seisgeo.synth.survey import Survey

__all__ = ["SURVEYS", "named_survey"]

#: Usual surveys by name, with the spacings that their constructors have by default.
SURVEYS: Final = {
    "openfwi": Survey.openfwi,
    "land": Survey.land,
    "streamer": Survey.streamer,
    "ocean-bottom": Survey.ocean_bottom,
    "crosswell": Survey.crosswell,
    "vsp": Survey.vsp,
    "areal": Survey.areal,
}


def named_survey(name: str | os.PathLike[str], *, wavelet: str | float = "ricker") -> Survey:
    """Survey of a name or a file.

    Parameters
    ----------
    name : str or path-like
        A key of :data:`SURVEYS`; a file ``*.json`` that holds what :meth:`Survey.to_json` gives; or
        field gathers in any format that seisgeo opens (:meth:`Survey.from_gathers`).
    wavelet : {"ricker", "minimum-phase", "zero-phase"} or float, default "ricker"
        Of field gathers, what the source emits; see :meth:`Survey.from_gathers`.

    Returns
    -------
    Survey

    Raises
    ------
    ParameterError
        If the name is none, or a wavelet is asked for that there are no field data for.
    MissingFileError
        If there is no such file.
    FormatError
        If a JSON file holds no survey.

    Examples
    --------
    >>> named_survey("vsp").n_sources
    3
    """
    usual = str(name).strip().lower().replace("_", "-")
    file = Path(name)
    if usual not in SURVEYS and file.suffix.lower() != ".json":
        from seisgeo.adapters import open_cube

        if not file.exists() and not file.suffix and file.name == str(name):
            raise ParameterError(
                f"no survey {str(name)!r}; there are {', '.join(SURVEYS)}, or name a file"
            )
        return Survey.from_gathers(open_cube(file), wavelet=wavelet)
    if wavelet != "ricker":
        raise ParameterError(
            f"wavelet={wavelet!r} is estimated from field data, and the survey {str(name)!r} has "
            "none; name a file of gathers, or leave the wavelet out"
        )
    if usual in SURVEYS:
        return SURVEYS[usual]()
    try:
        return Survey.from_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"{file}: no such file") from error
    except ConventionError as error:
        raise ConventionError(f"{file}: {error}") from error
    except (ValueError, TypeError) as error:
        raise FormatError(
            f"{file}: expected a survey as Survey.to_json writes it, found something else ({error})"
        ) from error
