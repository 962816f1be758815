"""The curves of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_training"]

_LOSSES = {"train_loss": ("training loss", "0.45"), "val_loss": ("validation loss", "black")}
_RECALL_COLOURS = ("#d95f02", "#1b9e77", "#7570b3")


def plot_training(history: Any, *, best: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw losses, recalls and learning rate of a training run, with its best epoch marked.

    Parameters
    ----------
    history : mapping of lists, list of mappings, or pandas.DataFrame
        A value an epoch of any of ``epoch``, ``train_loss``, ``val_loss``, ``val_recall_<k>`` and
        ``learning_rate``; missing values may be None or NaN. An estimator's ``history_``.
    best : int, optional
        The epoch kept; by default that of the lowest validation loss.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure. Recall goes on a second axis to the right, with
        the learning rate as a share of its largest, which the legend tells.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the losses.

    Raises
    ------
    ConventionError
        If there is no loss in `history`.

    Examples
    --------
    >>> ax = plot_training({"train_loss": [4.0, 2.0, 1.0], "val_loss": [4.1, 2.5, 2.7]})
    >>> [line.get_label() for line in ax.lines]
    ['training loss', 'validation loss', 'best epoch: 1']
    """
    from matplotlib.ticker import MaxNLocator

    columns = _columns(history)
    losses = {name: columns[name] for name in _LOSSES if name in columns}
    if not losses:
        raise ConventionError(
            f"training history: expected 'train_loss' or 'val_loss', found {sorted(columns)}"
        )
    epoch = columns.get("epoch", np.arange(len(next(iter(losses.values()))), dtype=float))
    ax = new_axes(ax, 6.4, 4.0)
    for name, values in losses.items():
        text, colour = _LOSSES[name]
        ax.plot(epoch, values, color=colour, label=text, marker=_marker(epoch), markersize=3)
    judged = losses.get("val_loss")  # without it the last epoch is what is kept
    if best is None and judged is not None and np.isfinite(judged).any():
        best = int(epoch[int(np.nanargmin(judged))])
    if best is not None:
        ax.axvline(best, color="0.3", linestyle=":", linewidth=1.2, label=f"best epoch: {best}")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    ax.set_ylim(bottom=min(0.0, *(float(np.nanmin(v)) for v in losses.values() if v.size), 0.0))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, _ = ax.get_legend_handles_labels()
    handles += _draw_shares(ax, epoch, columns)
    ax.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False,
        ncols=3, fontsize="small",
    )  # fmt: skip
    return ax


def _draw_shares(ax: Axes, epoch: np.ndarray, columns: Mapping[str, np.ndarray]) -> list[Any]:
    """What lies between 0 and 1, on an axis of its own."""
    prefix = "val_recall_"
    names = [n for n in columns if n.startswith(prefix) and n[len(prefix) :].isdigit()]
    names.sort(key=lambda n: int(n[len(prefix) :]))
    rate = columns.get("learning_rate", np.empty(0))
    peak = float(np.nanmax(rate)) if np.isfinite(rate).any() else 0.0
    if not names and not peak:
        return []
    twin = ax.twinx()
    twin.set_label("recall" if names else "learning rate")
    for i, name in enumerate(names):
        twin.plot(
            epoch, columns[name], color=_RECALL_COLOURS[i % len(_RECALL_COLOURS)],
            linestyle="--", label=f"recall at {name[len(prefix) :]}", marker=_marker(epoch),
            markersize=3,
        )  # fmt: skip
    said = ["validation recall"] if names else []
    if peak:
        label = f"learning rate / {peak:.2g}"
        twin.plot(epoch, rate / peak, color="#8da0cb", linewidth=1, linestyle="-.", label=label)
        said.append("share of the learning rate")
    twin.set_ylim(0, 1.02)
    twin.set_ylabel(", ".join(said))
    return list(twin.get_legend_handles_labels()[0])


def _marker(epoch: np.ndarray) -> str:
    """One or few epochs would be invisible as a line alone."""
    return "o" if len(epoch) <= 30 else ""


def _columns(history: Any) -> dict[str, np.ndarray]:
    """Columns of floats by name, whatever container the history came in."""
    if hasattr(history, "to_dict") and hasattr(history, "columns"):
        history = history.to_dict(orient="list")
    if isinstance(history, Mapping):
        columns = {str(name): list(values) for name, values in history.items()}
    elif isinstance(history, Sequence) and all(isinstance(row, Mapping) for row in history):
        names = list(dict.fromkeys(name for row in history for name in row))
        columns = {str(name): [row.get(name) for row in history] for name in names}
    else:
        raise ConventionError(
            "training history: expected a mapping of lists, a list of mappings or a DataFrame, "
            f"found {type(history).__name__}"
        )
    found = {}
    for name, values in columns.items():
        if name in ("epoch", "learning_rate", *_LOSSES) or name.startswith("val_recall_"):
            found[name] = np.array([np.nan if v is None else v for v in values], dtype=float)
    lengths = {name: len(values) for name, values in found.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ConventionError(f"training history: expected columns of one length, found {lengths}")
    return found
