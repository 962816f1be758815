"""First motions: what an analyst reads off a record for a focal mechanism."""

from __future__ import annotations

import numpy as np

from seisgeo.estimators.records import RecordForm, Records

__all__ = ["COMPONENTS", "first_motions"]

#: What is read, and in this order turned to up, away from the source and across.
COMPONENTS = ("Z", "N", "E")
#: Seconds before and after a pick: motions that begin earlier or later are not those of the wave.
_BEFORE, _AFTER = 0.1, 0.25
#: Motions slower than this (Hz) are of the noise.
_SLOWEST = 1.0
#: The first motion is the first that reaches this part of the largest one in the window.
_PART = 0.5
#: Records filtered at once.
_BLOCK = 256


def first_motions(
    records: Records,
    form: RecordForm,
    p_arrival: np.ndarray,
    s_arrival: np.ndarray,
    back_azimuth: np.ndarray,
) -> np.ndarray:
    """Direction and relative strength of the first motions of P and S.

    Parameters
    ----------
    records : Records
        Waveforms with the components Z, N and E, ground velocity.
    form : RecordForm
        Their form.
    p_arrival, s_arrival : numpy.ndarray
        Picks, s from the first sample; NaN where there is none.
    back_azimuth : numpy.ndarray
        From the station to the event (degrees).

    Returns
    -------
    numpy.ndarray
        Shape (event, 3): P up, S away from the source and S across (clockwise), each positive or
        negative; 0 where there is no pick or the component is dead. The square roots of
        displacements above 1 Hz over the root mean square of all three, so that magnitudes and
        distances cancel.
    """
    from scipy.signal import butter, sosfilt

    rate = 1 / form.dt
    out = np.zeros((len(records), 3))
    before, after = (max(1, round(seconds * rate)) for seconds in (_BEFORE, _AFTER))
    filters = butter(2, min(_SLOWEST, 0.2 * rate), btype="high", fs=rate, output="sos")
    order = [form.components.index(name) for name in COMPONENTS]
    with np.errstate(invalid="ignore"):
        picks = np.round(np.stack([p_arrival, s_arrival, s_arrival], axis=1) * rate)
    angle = np.radians(back_azimuth) + np.pi
    for start in range(0, len(records), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(records)))
        waves = records[rows.tolist()]["waveforms"][:, order].astype(float)
        waves = sosfilt(filters, waves - waves.mean(axis=2, keepdims=True), axis=2)
        up, north, east = waves.transpose(1, 0, 2)
        cosine, sine = np.cos(angle[rows, None]), np.sin(angle[rows, None])
        turned = (up, north * cosine + east * sine, east * cosine - north * sine)
        for i, row in enumerate(rows):
            motions, power = np.zeros(3), 0.0
            for k, wave in enumerate(turned):
                pick = picks[row, k]
                if not (np.isfinite(pick) and before <= pick < form.nt - after):
                    continue
                moved = np.cumsum(wave[i, int(pick) - before : int(pick) + after])
                size = np.abs(moved)
                motions[k] = moved[np.argmax(size >= _PART * size.max())]
                power += float(np.mean(moved**2))
            if power > 0:
                out[row] = np.sign(motions) * np.sqrt(np.abs(motions) / np.sqrt(power))
    return out
