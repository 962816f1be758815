"""A field line of our own: simulated, then spoiled the way real ones are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import xarray as xr

from seisgeo import adapters, conventions
from seisgeo.devices import one_thread
from seisgeo.files import whole_output
from seisgeo.synth.engines import simulate
from seisgeo.synth.geology import draw_velocity
from seisgeo.synth.survey import Survey

__all__ = ["write_example_line"]

#: Spread: a streamer of 96 channels every 25 m behind a source that moves 50 m from shot to shot.
CHANNELS, SPACING, NEAR_OFFSET, SHOT_INTERVAL = 96, 25.0, 150.0, 50.0
GRID, DEPTH, MARGIN = 12.5, 1800.0, 125.0
FIRST_RECORD, FIRST_POINT = 1001, 2001
DEAD_CHANNELS, WEAK_CHANNEL, MISSING = (17, 63), 40, (2, 55)
WRONG_SAMPLE_COUNT = 2000


def write_example_line(
    path: str | os.PathLike[str], *, shots: int = 8, seed: int = 0, overwrite: bool = False
) -> xr.Dataset:
    """Write a marine SEG-Y line over a hidden earth model, and give that model back.

    A streamer line is simulated with ghosts over one faulted model, and gets what field data have:
    noise from 3 to 60 Hz at 12 dB, gains that differ by 1 dB, two dead channels, one a hundred
    times too weak, one missing trace, and headers that contradict each other (trace headers that
    count 2000 samples, offsets that are all zero).

    Parameters
    ----------
    path : path-like
        SEG-Y file to write.
    shots : int, default 8
        Shots of the line.
    seed : int, default 0
        Of the earth and the noise.
    overwrite : bool, default False
        Replace the file.

    Returns
    -------
    xarray.Dataset
        The truth under each shot: ``velocity (sample, depth, x)`` with ``field_record (sample)``
        and ``source_x (sample)`` on the same axis as ``x``, which is measured from the left edge
        of each shot's window.

    Raises
    ------
    OutputExistsError
        If the file exists and `overwrite` is False.
    """
    import torch

    from seisgeo.synth import noise

    spread = NEAR_OFFSET + (CHANNELS - 1) * SPACING
    width = spread + 2 * MARGIN
    shape = (round(DEPTH / GRID) + 1, round(width / GRID) + 1)
    source = MARGIN + spread
    survey = Survey(
        source_x=(source,),
        source_depth=(6.0,),
        receiver_x=(tuple(source - NEAR_OFFSET - SPACING * np.arange(CHANNELS)),),
        receiver_depth=((8.0,) * CHANNELS,),
        dt=0.004,
        nt=501,
        peak_frequency=14.0,
        peak_time=0.0,
        grid_spacing=GRID,
        model_shape=shape,
        free_surface=True,
    )
    step = round(SHOT_INTERVAL / GRID)
    earth = draw_velocity(
        "curvefault-a",
        1,
        seed=seed + 90_001,
        shape=(shape[0], shape[1] + step * (shots - 1)),
        grid_spacing=GRID,
        water_depth=(200.0, 300.0),
    )["velocity"].values[0]
    windows = np.stack([earth[:, step * i : step * i + shape[1]] for i in range(shots)])
    truth = xr.Dataset(
        {"velocity": (("sample", "depth", "x"), windows)},
        coords={k: v for k, v in survey.coords().items() if k in ("depth", "x")},
    )
    truth = conventions.describe(truth)
    clean = simulate(truth, survey, device="cpu")["amplitude"].values

    generator = torch.Generator().manual_seed(seed)
    with one_thread():
        data = noise.scale_traces(torch.from_numpy(clean), 1.0, generator=generator)
        data = noise.add_noise(data, 12.0, dt=survey.dt, band=(3.0, 60.0), generator=generator)
    amplitude = data.numpy()[:, 0].transpose(0, 2, 1) * 1000.0  # (shot, receiver, time)
    amplitude[:, list(DEAD_CHANNELS)] = 0.0
    amplitude[:, WEAK_CHANNEL] *= 0.01
    shot = np.arange(shots)
    source_x = 12_000.0 + SHOT_INTERVAL * shot
    live = np.ones((shots, CHANNELS), dtype=bool)
    live[MISSING[0] % shots, MISSING[1]] = False
    gathers = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), np.where(live[..., None], amplitude, np.nan))},
        coords={
            "time": survey.time,
            "field_record": ("shot", FIRST_RECORD + shot),
            "source_point": ("shot", FIRST_POINT + 2 * shot),
            "channel": ("receiver", 1 + np.arange(CHANNELS)),
            "source_x": ("shot", source_x),
            "source_y": ("shot", np.zeros(shots)),
            "source_depth": ("shot", np.full(shots, 6.0)),
            "receiver_x": (("shot", "receiver"), source_x[:, None] + survey.offset),
            "receiver_y": (("shot", "receiver"), np.zeros((shots, CHANNELS))),
            "receiver_depth": (("shot", "receiver"), np.full((shots, CHANNELS), 8.0)),
            "offset": (("shot", "receiver"), np.repeat(survey.offset, shots, axis=0)),
            "live": (("shot", "receiver"), live),
        },
    )
    with whole_output(path, overwrite=overwrite) as part:
        adapters.write_segy(conventions.describe(gathers), part, sample_format=1)
        _spoil_headers(part, survey.nt)
    return truth.assign_coords(
        source_x=("sample", np.full(shots, source), conventions.ATTRS["x"]),
        field_record=("sample", FIRST_RECORD + shot, conventions.ATTRS["field_record"]),
    )


def _spoil_headers(path: Path, nt: int) -> None:
    """Make the headers contradict themselves, as those of real files do."""
    raw = np.memmap(path, dtype=np.uint8, mode="r+")
    traces = raw[3600:].reshape(-1, 240 + 4 * nt)
    traces[:, 114:116] = np.frombuffer(np.array(WRONG_SAMPLE_COUNT, ">i2").tobytes(), np.uint8)
    traces[:, 36:40] = 0  # source-receiver offset
    raw.flush()
