"""The encoder of waveforms that SeisCLIP and the event heads share, made for records of a form."""

from __future__ import annotations

from typing import Any

import numpy as np

from seisgeo.errors import ConventionError, ParameterError
from seisgeo.estimators.records import RecordForm

__all__ = ["make_spectrum_encoder"]


def make_spectrum_encoder(encoder: str, window: int, form: RecordForm) -> tuple[Any, Any]:
    """A waveform encoder for records of a form, and its size; weights from torch's generator.

    Raises
    ------
    ParameterError
        If the size or the window does not exist.
    ConventionError
        If the records are shorter than one patch of the spectrum.
    """
    from seisgeo.encoders import TRANSFORMER_SIZES, SpectrumEncoder
    from seisgeo.encoders.spectrum import N_FFT
    from seisgeo.encoders.spectrum_transformer import shortest_record

    if encoder not in TRANSFORMER_SIZES:
        raise ParameterError(
            f"encoder must be one of {', '.join(TRANSFORMER_SIZES)}; found {encoder!r}"
        )
    if not (isinstance(window, int | np.integer) and 2 <= window <= N_FFT and window % 2 == 0):
        raise ParameterError(
            f"window must be an even number of samples from 2 to {N_FFT}; found {window!r}"
        )
    if form.nt < shortest_record(int(window)):
        raise ConventionError(
            f"records of {form.nt} samples are too short: windows of {window} samples need at "
            f"least {shortest_record(int(window))}; take longer records or a shorter window"
        )
    size = TRANSFORMER_SIZES[encoder]
    return SpectrumEncoder(len(form.components), form.nt, int(window), size), size
