"""Cubes to draw, and what to ask of a picture."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from xarray.backends import BackendArray
from xarray.core import indexing

from seisgeo import conventions


class CountingArray(BackendArray):
    """A lazy array that counts the values that are asked of it."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.read = self.largest = 0

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._get
        )

    def _get(self, key):
        part = self.values
        for axis in reversed(range(len(key))):  # from the last on: an integer drops its axis
            part = part[(slice(None),) * axis + (key[axis],)]
        self.read += part.size
        self.largest = max(self.largest, part.size)
        return part


def field_cube(shots=3, receivers=24, samples=100, amplitude=None):
    rng = np.random.default_rng(0)
    if amplitude is None:
        amplitude = rng.standard_normal((shots, receivers, samples)).astype(np.float32)
    source_x = 3000.0 + 25 * np.arange(shots)
    offset = np.tile(-(200.0 + 25 * np.arange(receivers))[::-1], (shots, 1))
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), amplitude)},
        coords={
            "time": np.arange(samples) * 0.004,
            "field_record": ("shot", 3 + np.arange(shots)),
            "source_point": ("shot", 101 + np.arange(shots)),
            "source_x": ("shot", source_x),
            "channel": ("receiver", 1 + np.arange(receivers)),
            "receiver_x": (("shot", "receiver"), source_x[:, None] + offset),
            "offset": (("shot", "receiver"), offset),
        },
    )
    return conventions.describe(ds)


def training_cube(samples=2, n=20):
    rng = np.random.default_rng(1)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("sample", "source", "time", "receiver"),
                rng.standard_normal((samples, 5, 50, n)),
            ),
            "velocity": (("sample", "depth", "x"), rng.uniform(1500, 4500, (samples, n, 2 * n))),
        },
        coords={
            "time": np.arange(50) * 0.001,
            "depth": np.arange(n) * 10.0,
            "x": np.arange(2 * n) * 10.0,
            "source_x": ("source", np.linspace(0, 190, 5)),
            "source_depth": ("source", np.full(5, 10.0)),
            "receiver_x": ("receiver", np.arange(n) * 10.0),
            "receiver_depth": ("receiver", np.full(n, 10.0)),
            "family": ("sample", ["flatvel-a", "style-b"]),
        },
    )
    return conventions.describe(ds)


def stack_cube(vertical="time", name="amplitude"):
    rng = np.random.default_rng(2)
    inline, crossline = np.arange(100, 106), np.arange(300, 318, 2)
    i, j = np.meshgrid(np.arange(6), np.arange(9), indexing="ij")
    values = rng.standard_normal((6, 9, 40))
    ds = xr.Dataset(
        {
            name: (
                ("inline", "crossline", vertical),
                3000 + values if name == "velocity" else values,
            )
        },
        coords={
            "inline": inline,
            "crossline": crossline,
            vertical: np.arange(40) * (0.004 if vertical == "time" else 20.0),
            "cdp_x": (("inline", "crossline"), 5e5 + 25.0 * j),
            "cdp_y": (("inline", "crossline"), 6e6 + 50.0 * i),
        },
    )
    return conventions.describe(ds)


def hits_cube(ratio=1, **extra):
    rng = np.random.default_rng(3)
    nz, nx, k = 20, 20 * ratio, 7
    names = ["mean", "lateral_gradient", "minimum"]
    values = np.stack(
        [rng.uniform(2000, 3000, (2, k)), rng.normal(0, 1e-3, (2, k)), np.full((2, k), 1500.0)],
        axis=-1,
    )
    ds = xr.Dataset(
        {
            "score": (("query", "rank"), np.linspace(0.9, 0.3, 2 * k).reshape(2, k)),
            "gallery_index": (("query", "rank"), np.arange(2 * k).reshape(2, k)),
            "velocity": (("query", "rank", "depth", "x"), rng.uniform(1500, 4500, (2, k, nz, nx))),
            "descriptor_value": (("query", "rank", "descriptor"), values),
            "descriptor_mean": (("query", "descriptor"), values.mean(1)),
            "descriptor_std": (("query", "descriptor"), values.std(1)),
            "amplitude": (
                ("query", "source", "time", "receiver"),
                rng.standard_normal((2, 1, 50, 24)),
            ),
        },
        coords={
            "descriptor": names,
            "units": ("descriptor", ["m/s", "1/s", "m/s"]),
            "depth": np.arange(nz) * 10.0,
            "x": np.arange(nx) * 10.0,
            "time": np.arange(50) * 0.01,
            "offset": (("source", "receiver"), -(200.0 + 25 * np.arange(24))[None]),
            "field_record": ("query", [3, 4]),
        },
    )
    return conventions.describe(ds.assign(extra))


def draw(thing):
    """Render, so that nothing fails only when somebody looks."""
    figure = thing if isinstance(thing, Figure) else thing.get_figure(root=True)
    figure.draw_without_rendering()
    return thing


def bar_label(ax):
    return next(c for c in ax.child_axes if c.get_label() == "colour bar").get_ylabel()
