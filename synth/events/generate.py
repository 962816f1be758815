"""Bulk generation of events: parallel, resumable, the same bytes for the same seed."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.devices import worker_count
from seisgeo.errors import OutputExistsError, ParameterError
from seisgeo.files import Stage, partial_path, remove, require_same
from seisgeo.synth.events.draw import draw_events
from seisgeo.synth.events.network import at_stations
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import Region, choose_regions
from seisgeo.synth.events.waveforms import simulate_events

__all__ = ["generate_events"]

#: Events of one unit of work; also the shard of the Zarr store, so that no two workers write the
#: same file.
BLOCK = 250
#: Events that are read at once from the store.
CHUNK = 10


def generate_events(
    n: int,
    *,
    kinds: str | Sequence[str] | None = None,
    regions: str | Region | Iterable[str | Region] | None = None,
    recorder: Recorder | None = None,
    stations: int | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> xr.Dataset:
    """Generate three-component records of synthetic events, with all that is true of them.

    Parameters
    ----------
    n : int
        Number of events.
    kinds : str or sequence of str, optional
        Any of "earthquake", "explosion", "icequake", "spike" and "noise"; they take turns, so that
        each is there as often. By default each region has its own mix of them.
    regions : str, Region or iterable of them, optional
        Domains: names of :data:`seisgeo.synth.events.REGIONS`, or regions of your own. They take
        turns, too. By default all that there are (all that have the kinds).
    recorder : Recorder, optional
        What records them: sampling, length, instrument, range of signal-to-noise ratios. By default
        60 s of ground velocity at 100 Hz, 5 to 40 dB.
    stations : int, optional
        Records of each event, by the stations nearest to it, see :func:`at_stations`. By default
        one, by a station drawn at random.
    out : path-like, optional
        Zarr store to write. Without it the result is held in memory.
    seed : int, default 0
        Each event has random streams of its own, made from seed and number: its bytes do not
        depend on `n` or `workers`.
    workers : int, optional
        Processes; by default one for each core where `out` is given, else one.
    overwrite : bool, default False
        Replace what stands under `out`.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Waveforms cube: ``amplitude (event, component, time)`` float32, components Z (up), N and E;
        lazy when `out` is given. Coordinates along ``event``: ``source_type``, ``region``,
        ``station``, ``p_arrival`` and ``s_arrival`` (s from the first sample), ``coda_end``,
        ``magnitude``, ``source_depth``, ``epicentral_distance``, ``azimuth``, ``back_azimuth``,
        latitudes and longitudes, ``strike``, ``dip``, ``rake``, ``p_polarity``, ``stress_drop``,
        ``corner_frequency``, ``snr`` and ``noise_level``; with `stations` also ``event_id`` and
        ``starttime``. What an event does not have is NaN.

    Raises
    ------
    OutputExistsError
        If `out` holds, whole or in part, a run with other settings; the message names them.
    ParameterError
        If a kind or a region is unknown, a region has no such sources, or records are too short;
        with `stations`, also if a region has fewer, or noise and spikes are among the kinds.

    See Also
    --------
    seisgeo.synth.simulate_events : Physics, and records of events with parameters of your own.

    Notes
    -----
    A run that is stopped leaves its finished blocks beside `out`; the same call goes on from
    there. `out` itself appears only when it is whole.

    Examples
    --------
    >>> events = generate_events(6, kinds=["earthquake", "explosion"], regions="craton",
    ...                          seed=1, progress=False)
    >>> dict(events.amplitude.sizes), list(events.source_type.values[:2])
    ({'event': 6, 'component': 3, 'time': 6000}, ['earthquake', 'explosion'])
    """
    if n < 1:
        raise ParameterError(f"nothing to generate: n={n}")
    recorder = recorder or Recorder()
    if regions is None and kinds is not None:
        asked = {kinds} if isinstance(kinds, str) else set(kinds)
        chosen = tuple(r for r in choose_regions(None) if asked <= set(r.kinds)) or None
        chosen = chosen or choose_regions(None)
    else:
        chosen = choose_regions(regions)
    # What is wrong with the arguments shows before anything is written.
    run = _Run(kinds, chosen, recorder, seed, stations)
    first = run.drawn(0, 1)
    settings = {
        "n": n,
        "seed": seed,
        "kinds": [kinds] if isinstance(kinds, str) else kinds and list(kinds),
        "regions": [dataclasses.asdict(region) for region in chosen],
        "recorder": json.loads(first.attrs["recorder"]),
    }
    if stations is not None:
        settings["stations"] = stations
    if out is None:
        blocks = [run.block(a, min(a + BLOCK, n)) for a in _starts(n, progress)]
        cube = xr.concat(blocks, "event", combine_attrs="override", coords="minimal", join="exact")
        return cube.assign_attrs(_attributes(settings))
    final = Path(out)
    if overwrite:
        remove(partial_path(final))
    elif final.exists():
        require_same(settings, _settings_of(final), final)
        return _open(final)
    return _open(_write(final, run, settings, workers, progress))


def _starts(n: int, progress: bool) -> Iterable[int]:
    from tqdm.auto import tqdm

    with tqdm(total=n, desc="events", unit="event", disable=not progress) as bar:
        for start in range(0, n, BLOCK):
            yield start
            bar.update(min(BLOCK, n - start))


@dataclasses.dataclass(frozen=True)
class _Run:
    """What makes a block: the same in every process."""

    kinds: str | Sequence[str] | None
    regions: tuple[Region, ...]
    recorder: Recorder
    seed: int
    stations: int | None

    def drawn(self, start: int, stop: int) -> xr.Dataset:
        """Parameters of events `start` to `stop` - 1, a row for each record."""
        events = draw_events(
            range(start, stop),
            kinds=self.kinds,
            regions=self.regions,
            recorder=self.recorder,
            seed=self.seed,
        )
        if self.stations is None:
            return events
        return at_stations(events, self.stations, recorder=self.recorder, regions=self.regions)

    def block(self, start: int, stop: int) -> xr.Dataset:
        """Records of these events."""
        events = self.drawn(start, stop)
        return simulate_events(events, recorder=self.recorder, regions=self.regions)

    def write(self, stage: Stage, start: int, stop: int) -> int:
        """Write them into the store of `stage`."""
        part = self.block(start, stop).drop_vars(["component", "time"])
        each = self.stations or 1
        rows = slice(start * each, stop * each)
        part.to_zarr(stage.data, region={"event": rows}, consolidated=False)
        stage.mark(str(start))
        return stop - start


def _write(
    final: Path, run: _Run, settings: dict[str, Any], workers: int | None, progress: bool
) -> Path:
    import zarr
    from joblib import Parallel, delayed, parallel_config
    from tqdm.auto import tqdm

    stage = Stage(final)
    found = stage.settings()
    if found is not None:
        require_same(settings, found, final)
    else:
        stage.clear()
        _create_store(stage.data, run, settings)
        stage.start(settings)
    n = settings["n"]
    blocks = [(a, min(a + BLOCK, n)) for a in range(0, n, BLOCK)]
    done = stage.marks()
    todo = [b for b in blocks if str(b[0]) not in done]
    left = sum(b - a for a, b in todo)
    jobs = min(worker_count(workers), max(len(todo), 1))
    with tqdm(
        total=n, initial=n - left, desc="events", unit="event", disable=not progress, smoothing=0.1
    ) as bar:
        work = (delayed(run.write)(stage, *b) for b in todo)
        # loky's processes need no `if __name__ == "__main__"` in the user's script.
        with parallel_config("loky" if jobs > 1 else "sequential", n_jobs=jobs):
            for count in Parallel(return_as="generator_unordered")(work):
                bar.update(count)
    with warnings.catch_warnings():
        # Consolidated metadata are zarr-python's own for now; without them every open warns.
        warnings.simplefilter("ignore", UserWarning)
        zarr.consolidate_metadata(stage.data)
    stage.publish()
    return final


def _create_store(path: Path, run: _Run, settings: dict[str, Any]) -> None:
    import dask.array as da
    from zarr.codecs import BloscCodec

    one, each = run.block(0, 1), run.stations or 1
    n = settings["n"] * each
    block, chunk = (each * min(size, settings["n"]) for size in (BLOCK, CHUNK))
    block -= block % chunk  # a shard holds whole chunks
    shape = one["amplitude"].shape[1:]
    store = one.isel(event=np.zeros(n, int)).drop_vars("amplitude")
    store = store.assign_coords(event=("event", np.arange(n), one["event"].attrs))
    # All numbers and texts along the events are one file each, but a block is written by itself.
    encoding: dict[str, dict[str, Any]] = {
        str(name): {"chunks": (block,)}
        for name, v in store.variables.items()
        if v.dims == ("event",)
    }
    if "starttime" in store:
        # Each block is encoded by itself, and must count from the same time.
        encoding["starttime"] |= {"units": "nanoseconds since 2000-01-01", "dtype": "i8"}
    encoding["amplitude"] = {
        "chunks": (chunk, *shape),
        "shards": (block, *shape),
        "compressors": BloscCodec(cname="lz4", shuffle="bitshuffle"),
    }
    store["amplitude"] = (
        one["amplitude"].dims,
        da.zeros((n, *shape), dtype="f4", chunks=(block, *shape)),
        one["amplitude"].attrs,
    )
    store.attrs = _attributes(settings)
    store.to_zarr(path, compute=False, encoding=encoding, zarr_format=3, consolidated=False)


def _attributes(settings: dict[str, Any]) -> dict[str, Any]:
    return conventions.provenance(
        source="seisgeo.synth.generate_events",
        source_format="synthetic",
        seed=settings["seed"],
        recorder=json.dumps(settings["recorder"]),
        generation=json.dumps(settings),
    )


def _open(path: Path) -> xr.Dataset:
    # Lazy without dask: training reads events in any order, a chunk at a time.
    return conventions.validate(xr.open_zarr(path, chunks=None), "waveforms")


def _settings_of(path: Path) -> dict[str, Any]:
    try:
        return json.loads(xr.open_zarr(path, chunks=None).attrs["generation"])
    except Exception as error:
        raise OutputExistsError(
            f"{path} already exists and holds no events of seisgeo; choose another name or "
            "pass overwrite=True"
        ) from error
