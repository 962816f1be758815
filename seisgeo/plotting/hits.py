"""The retrieval sheet: a gather, the models that fit it best, and what they agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import SEQUENTIAL, axis_values, colour_bar, new_figure
from seisgeo.plotting._reading import pick
from seisgeo.plotting.gathers import plot_gather
from seisgeo.plotting.sections import plot_velocity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["is_hits", "plot_hits"]

_WIDTH = 12.0
_RANK_COLOURS = ("#1b6ca8", "#e07b39", "#3b9c6d", "#a34f9e", "#8c6d31")


def is_hits(ds: xr.Dataset) -> bool:
    """Whether a dataset holds the answer of a retrieval: ``score (query, rank)`` and models."""
    return "score" in ds.data_vars and set(ds["score"].dims) == {"query", "rank"}


def plot_hits(
    hits: xr.Dataset,
    query: int | Sequence[int] = 0,
    *,
    gathers: xr.Dataset | None = None,
    source: int | None = None,
    k: int = 5,
    agc: float | None = None,
    cmap: str = SEQUENTIAL,
) -> Figure:
    """Draw the retrieval sheet of one query, or the models of several below each other.

    Above, the query's gather and the physical attributes with their spread; below, the `k` best
    models at true aspect and in one colour scale, each with its rank and its cosine similarity,
    and its probability where hits have one (and the true model first, where it is known). Of
    several queries only the models are drawn, a row for each. The sheet's heading marks a query
    that is no gather of the survey.

    Parameters
    ----------
    hits : xarray.Dataset
        What ``retrieve`` returns: ``score (query, rank)``; and, each where present, ``velocity
        (query, rank, depth, x)`` m/s, ``probability (query, rank)``, ``stranger (query)``,
        ``descriptor_value (query, rank, descriptor)``, ``descriptor_mean`` and ``descriptor_std
        (query, descriptor)``, ``true_velocity (query, depth, x)``, ``amplitude (query, source,
        time, receiver)`` as the encoder saw it.
    query : int or sequence of int, default 0
        Position along ``query``; or several.
    gathers : xarray.Dataset, optional
        The cube that was asked with: its gather number `query` is drawn instead of the one the
        encoder saw.
    source : int, optional
        Which source of the query to draw; by default the middle one.
    k : int, default 5
        How many models to show.
    agc : float, optional
        Length (s) of an automatic gain control window for the gather.
    cmap : str, default a perceptually uniform one
        Colour map of the models.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConventionError
        If `hits` is no answer of a retrieval or has no such query.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> hits = xr.Dataset(
    ...     {"score": (("query", "rank"), [[0.9, 0.7]]),
    ...      "velocity": (("query", "rank", "depth", "x"),
    ...                   2000.0 + 500 * np.random.rand(1, 2, 20, 30), {"units": "m/s"})},
    ...     coords={"depth": np.arange(20) * 10.0, "x": np.arange(30) * 10.0})
    >>> [ax.get_title() for ax in plot_hits(hits).axes if ax.get_title()]
    ['rank 1   0.900', 'rank 2   0.700']
    """
    if not is_hits(hits):
        raise ConventionError(
            "a retrieval sheet needs 'score' along (query, rank); found "
            f"{ {str(n): v.dims for n, v in hits.data_vars.items()} }"
        )
    if not isinstance(query, int | np.integer):
        return _draw_several(hits, list(query), k, cmap)
    one = _answer(hits, query, k)
    gather = gathers if gathers is not None else (hits if "amplitude" in hits else None)
    top = [gather is not None, "descriptor_value" in one or "descriptor_mean" in one]
    panels = _models(one)

    rows = one.sizes.get("descriptor", 0)
    top_height = (3.6 if top[0] else 0.0) if not top[1] else max(3.6, 0.9 + 0.21 * rows)
    grid = _grid(panels)
    heights = [top_height * any(top), grid[2]]
    figure = new_figure(_WIDTH, sum(heights) + 0.35, layout="constrained", returned=True)
    figure.suptitle(_heading(one, query), fontsize=13)
    shown = [h for h in heights if h > 0]
    parts: Any = np.atleast_1d(figure.subfigures(len(shown), 1, height_ratios=shown))  # type: ignore[arg-type]
    if any(top):
        shares = [0.42, 0.58] if all(top) else [1.0]
        axes = list(np.atleast_1d(parts[0].subplots(1, sum(top), width_ratios=shares)))
        if gather is not None:
            _draw_query(axes.pop(0), gather, query, source, agc)
        if axes:
            _draw_attributes(axes[0], one)
    if panels:
        _draw_models(parts[-1], panels, grid[0], grid[1], cmap)
    return figure


def _answer(hits: xr.Dataset, query: int, k: int) -> xr.Dataset:
    """The `k` best hits of one query."""
    return pick(hits, "query", query).isel(rank=slice(None, k)).transpose("rank", ...)


def _draw_several(hits: xr.Dataset, queries: list[int], k: int, cmap: str) -> Figure:
    """A row of models for each query."""
    rows = [_models(_answer(hits, query, k)) for query in queries]
    if not rows or not rows[0]:
        raise ConventionError(
            "a picture of several queries shows their models: expected at least one query and "
            f"'velocity' in the hits, found {len(queries)} and {sorted(map(str, hits.data_vars))}"
        )
    panels = []
    for query, row in zip(queries, rows, strict=True):
        (label, title, ds), *others = row
        name = _name(_answer(hits, query, k), query)
        panels.append((f"{label} of {query}", f"{name}: {title}", ds))
        panels += [(f"{label} of {query}", title, ds) for label, title, ds in others]
    columns = len(rows[0])
    velocity = panels[0][2]["velocity"]
    ratio = np.ptp(axis_values(velocity, "x")) / np.ptp(axis_values(velocity, "depth"))
    lines = 1 + max(title.count("\n") for _, title, _ in panels)
    height = len(rows) * ((_WIDTH - 1.4) / columns / ratio + 0.15 + 0.17 * lines) + 0.5
    figure = new_figure(_WIDTH, height, layout="constrained", returned=True)
    _draw_models(figure, panels, len(rows), columns, cmap)
    return figure


def _models(one: xr.Dataset) -> list[tuple[str, str, xr.Dataset]]:
    """(label, title, velocity) of each model to show."""
    found = []
    if "true_velocity" in one:
        true = one[["true_velocity"]].rename(true_velocity="velocity")
        found.append(("true model", "true model", true))
    if "velocity" in one:
        for i in range(one.sizes["rank"]):
            hit = one[["velocity", "score"]].isel(rank=i)
            title = f"rank {i + 1}   {hit['score'].item():.3f}"
            if "probability" in one:
                title += f"   p {one['probability'].values[i]:.2f}"
            if "family" in one.variables and one["family"].dims == ("rank",):
                title += f"\n{one['family'].values[i]}"
            found.append((f"rank {i + 1}", title, hit))
    return found


def _grid(panels: list[tuple[str, str, xr.Dataset]]) -> tuple[int, int, float]:
    """Rows, columns and height (inches) that show models of this shape at true aspect."""
    if not panels:
        return 0, 0, 0.0
    velocity = panels[-1][2]["velocity"]
    ratio = np.ptp(axis_values(velocity, "x")) / np.ptp(axis_values(velocity, "depth"))
    columns = len(panels) if ratio <= 1.8 or len(panels) < 3 else 3 if ratio <= 4.5 else 2
    rows = -(-len(panels) // columns)
    width = min((_WIDTH - 1.4) / columns - 0.1, 3.6 * ratio)
    lines = 1 + any("\n" in title for _, title, _ in panels)
    short = len(panels) % columns > 0  # then two rows carry the labels of the axis
    height = rows * (width / ratio + 0.15 + 0.17 * lines) + 0.45 * (1 + short)
    return rows, columns, height


def _name(one: xr.Dataset, query: int) -> str:
    if "field_record" in one.variables:
        return f"field record {one['field_record'].item():.0f}"
    return f"query {query}"


def _heading(one: xr.Dataset, query: int) -> str:
    odd = " (unlike the survey's gathers)" if "stranger" in one and bool(one["stranger"]) else ""
    return f"{_name(one, query)}{odd}: best matching velocity models, by cosine similarity"


def _draw_query(
    ax: Axes, gather: xr.Dataset, query: int, source: int | None, agc: float | None
) -> None:
    if source is None:
        source = gather.sizes.get("source", 1) // 2
    plot_gather(
        gather, query, source=source, style="image", agc=agc, colorbar=False, title="", ax=ax
    )
    ax.set_label("query")
    n = gather.sizes.get("source", 1)
    ax.set_title("query gather" + (f", source {source + 1} of {n}" if n > 1 else ""), fontsize=11)


def _draw_models(
    part: Any, panels: list[tuple[str, str, xr.Dataset]], rows: int, columns: int, cmap: str
) -> None:
    """Small multiples in one colour scale, labels at the rim only."""
    values = np.concatenate([p[2]["velocity"].values.ravel() for p in panels])
    low, high = np.nanpercentile(values, [0.5, 99.5])
    cells = list(part.subplots(rows, columns, squeeze=False).ravel())
    for i, (label, title, ds) in enumerate(panels):
        ax = cells[i]
        plot_velocity(ds, vmin=low, vmax=high, cmap=cmap, colorbar=False, title="", ax=ax)
        ax.set_label(label)
        ax.set_title(title, fontsize=10)
        if i % columns:
            ax.tick_params(labelleft=False)
            ax.set_ylabel("")
        if i + columns < len(panels):
            ax.tick_params(labelbottom=False)
            ax.set_xlabel("")
    for ax in cells[len(panels) :]:
        ax.remove()
    image, text = cells[0].images[0], "P-wave velocity (m/s)"
    if rows == 1:
        colour_bar(image, text, cells[-1])
    else:
        bar = part.colorbar(image, ax=cells[: len(panels)], pad=0.01, fraction=0.03, aspect=25)
        bar.set_label(text)
        bar.ax.set_label("colour bar")


def _draw_attributes(ax: Axes, one: xr.Dataset) -> None:
    """Mean and spread as text, the deviation of each hit from the mean as dots.

    Deviations are relative (%), so that attributes of all units share one axis.
    """
    ax.set_label("attributes")
    names = [str(n) for n in one["descriptor"].values]
    units = [str(u) for u in one["units"].values] if "units" in one.variables else [""] * len(names)
    values = np.empty((0, len(names)))  # (rank, descriptor)
    if "descriptor_value" in one:
        values = one["descriptor_value"].values
    mean = one["descriptor_mean"].values if "descriptor_mean" in one else np.nanmean(values, axis=0)
    std = one["descriptor_std"].values if "descriptor_std" in one else np.nanstd(values, axis=0)
    y = np.arange(len(names))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(mean != 0, 100 / np.abs(mean), np.nan)
    spread = std * scale
    reach = _reach(spread)
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.barh(y, 2 * np.minimum(spread, 2 * reach), left=-np.minimum(spread, 2 * reach),
            height=0.62, color="0.88", zorder=0)  # fmt: skip
    for i in range(len(values)):
        away = (values[i] - mean) * scale
        inside = np.abs(away) <= reach
        colour = _RANK_COLOURS[i % len(_RANK_COLOURS)]
        ax.scatter(
            away[inside], y[inside], s=26, color=colour, label=f"rank {i + 1}",
            edgecolors="white", linewidths=0.5, zorder=20 - i,
        )  # fmt: skip
        for side, marker in ((1, ">"), (-1, "<")):  # beyond the axis: an arrow at its end
            out = side * away > reach
            ax.scatter(
                np.full(out.sum(), side * reach), y[out], s=26, color=colour, marker=marker,
                clip_on=False, zorder=20 - i,
            )  # fmt: skip
    ax.set_xlim(-reach, reach)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(y, [n.replace("_", " ") for n in names], fontsize=9)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("deviation from the mean of the hits (%)")
    ax.set_title("physical attributes: mean ± spread of the hits", fontsize=11)
    ax.spines[["top", "right", "left"]].set_visible(False)
    for i in range(len(names)):
        ax.text(
            1.02, y[i], f"{_with_spread(mean[i], std[i])} {'' if units[i] == '1' else units[i]}",
            transform=ax.get_yaxis_transform(), va="center", fontsize=9,
        )  # fmt: skip
    if len(values):
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=len(values), frameon=False,
            fontsize=8, handletextpad=0.1, columnspacing=1.0,
        )  # fmt: skip


def _reach(spread: np.ndarray) -> float:
    """Half-width of the axis (%): most attributes fit, one near zero does not squeeze the rest."""
    finite = spread[np.isfinite(spread)]
    widest = 2.2 * float(np.percentile(finite, 75)) if finite.size else 10.0
    return float(np.clip(widest, 2.0, 100.0))


def _with_spread(mean: float, std: float) -> str:
    """Format ``2345 ± 120``: the spread to two significant digits, the mean to the same place."""
    if not np.isfinite(std) or std == 0:
        return f"{mean:.4g}"
    digits = max(0, 1 - int(np.floor(np.log10(std))))
    if digits > 5:
        return f"{mean:.2e} ± {std:.1e}"
    return f"{mean:.{digits}f} ± {std:.{digits}f}"
