"""A small survey as a field line has it."""

import numpy as np
import xarray as xr

from seisgeo import conventions


def marine_shots(receivers=12):
    """Three marine shots of a direct wave: a survey small enough to simulate in milliseconds."""
    shots, nt, dt = 3, 126, 0.004
    source_x = 1000.0 + 50 * np.arange(shots)
    offset = 100.0 + 50 * np.arange(receivers)
    time_ = np.arange(nt) * dt
    arrival = np.hypot(0.05, offset / 2000) + 0.03
    b = (np.pi * 12 * (time_ - arrival[:, None])) ** 2
    both = (shots, receivers)
    return conventions.describe(
        xr.Dataset(
            {
                "amplitude": (
                    ("shot", "receiver", "time"),
                    np.broadcast_to((1 - 2 * b) * np.exp(-b), (*both, nt)).astype(np.float32),
                )
            },
            coords={
                "time": time_,
                "field_record": ("shot", 11 + np.arange(shots)),
                "channel": ("receiver", 1 + np.arange(receivers)),
                "source_x": ("shot", source_x),
                "source_y": ("shot", np.zeros(shots)),
                "source_depth": ("shot", np.full(shots, 5.0)),
                "receiver_x": (("shot", "receiver"), source_x[:, None] + offset),
                "receiver_y": (("shot", "receiver"), np.zeros(both)),
                "receiver_depth": (("shot", "receiver"), np.full(both, 5.0)),
                "offset": (("shot", "receiver"), np.broadcast_to(offset, both)),
            },
        )
    )
