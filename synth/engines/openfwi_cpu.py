"""OpenFWI's scheme on a CPU: one shot on one core, compiled by numba.

Three things make it fast. *Rows stay in cache*: a few time steps are taken in one sweep over the
grid, each two rows behind the last, so that the field is fetched once for all of them. *Only cells
that matter are computed*: a cell waits until waves from the source can be there, and retires when
nothing that leaves it can reach a receiver before the record ends. *Vector registers*: one row is
updated by instructions written out below, with neighbours along the row taken from registers;
what the compiler makes of a plain loop takes twice as long.

Importing this module imports numba. Machine code is kept between runs where numba finds a folder
to keep it in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from seisgeo.synth.engines.openfwi_scheme import PAD, Coefficients

__all__ = ["propagate"]

#: Numbers in a vector: one register of AVX-512, two of AVX2, four of NEON.
LANES = 16
#: Time steps of one sweep: their rows, 2 * (2 * 4 + 5) of 1.3 kB for OpenFWI's grid, fit in L1.
STEPS = 4
#: Time steps after which the cells that matter are found anew; a multiple of STEPS.
SAME_WINDOW = 8
#: Cells by which waves on the grid are allowed to be ahead of the fastest ray. The stencil carries
#: traces of the front ahead of it; beyond this distance they are lost in rounding.
MARGIN = 48.0


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    options: dict[str, Any] = {
        "nogil": True,
        "boundscheck": False,
        "error_model": "numpy",
        "fastmath": {"contract", "nsz"},
    }
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no folder can be written to
        return njit(**options)(function)


@intrinsic
def _update_row(_: Any, first: Any, end: Any, rows: Any) -> Any:
    """Advance columns `first` to `end` (multiples of LANES) of one row.

    `rows` are addresses of the row's new values, its present values, the present rows at -2, -1, +1
    and +2, and of its alpha and keep. In numpy's words, with c the present row and
    l = 16 near - far - 60 c: new = c + keep (c - new) + alpha l. Addresses, because arrays handed
    over in a loop have their references counted each time.
    """
    signature = types.void(first, end, rows)

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.FloatType(), LANES)
        flags = ("contract", "nsz")
        first, end, rows = arguments
        integer = first.type
        new, c0, up2, up1, down1, down2, alpha, keep = (
            builder.inttoptr(builder.extract_value(rows, i), ir.FloatType().as_pointer())
            for i in range(8)
        )

        def place(row: Any, column: Any, ahead: int = 0) -> Any:
            index = builder.add(column, ir.Constant(integer, ahead))
            return builder.bitcast(builder.gep(row, [index]), vector.as_pointer())

        def load(*where: Any) -> Any:
            return builder.load(place(*where), align=4)

        def shifted(left: Any, right: Any, by: int) -> Any:
            lanes = ir.VectorType(ir.IntType(32), LANES)
            return builder.shuffle_vector(left, right, ir.Constant(lanes, [*range(by, by + LANES)]))

        def add(x: Any, y: Any) -> Any:
            return builder.fadd(x, y, flags=flags)

        def sub(x: Any, y: Any) -> Any:
            return builder.fsub(x, y, flags=flags)

        def mul(x: Any, y: Any) -> Any:
            y = ir.Constant(vector, [y] * LANES) if isinstance(y, float) else y
            return builder.fmul(x, y, flags=flags)

        before = builder.append_basic_block("before")
        loop = builder.append_basic_block("columns")
        done = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", first, end), before, done)
        builder.position_at_end(before)
        previous_0, present_0 = load(c0, first, -LANES), load(c0, first)
        builder.branch(loop)

        builder.position_at_end(loop)
        j, previous, c = builder.phi(integer), builder.phi(vector), builder.phi(vector)
        following = load(c0, j, LANES)
        near = add(
            add(load(up1, j), load(down1, j)),
            add(shifted(previous, c, LANES - 1), shifted(c, following, 1)),
        )
        far = add(
            add(load(up2, j), load(down2, j)),
            add(shifted(previous, c, LANES - 2), shifted(c, following, 2)),
        )
        laplacian = sub(sub(mul(near, 16.0), far), mul(c, 60.0))
        moved = add(c, mul(load(keep, j), sub(c, load(new, j))))
        value = add(moved, mul(load(alpha, j), laplacian))
        builder.store(value, place(new, j), align=4)
        after = builder.add(j, ir.Constant(integer, LANES))
        for phi, at_first, later in (
            (j, first, after),
            (previous, previous_0, c),
            (c, present_0, following),
        ):
            phi.add_incoming(at_first, before)
            phi.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", after, end), loop, done)

        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, build


@_compiled
def _around(index: int, first: int, last: int, size: int) -> int:
    """Distance on a ring of `size` from `index` to the nearest of `first` to `last`."""
    if first <= index <= last:
        return 0
    return min((first - index) % size, (index - last) % size)


@_compiled
def _window(
    columns: np.ndarray,
    n_cols: int,
    source: np.ndarray,
    receivers: np.ndarray,
    forward: float,
    backward: float,
) -> None:
    """Find the columns of each row that matter.

    Cells within `forward` of the source have seen its waves; cells within `backward` of the
    rectangle of receivers (first and last row, first and last column) still count. On each row both
    are arcs of a ring. `columns` (row, 4) holds begin and end of two ranges, of which the second is
    empty unless what they share goes around the edge.
    """
    n_rows = columns.shape[0]
    width = (n_cols + LANES - 1) // LANES * LANES
    for row in range(n_rows):
        for i in range(4):
            columns[row, i] = 0
        away = float(_around(row, source[0], source[0], n_rows))
        back = float(_around(row, receivers[0], receivers[1], n_rows))
        if away > forward or back > backward:
            continue
        reach = math.ceil(math.sqrt(forward * forward - away * away))
        first, last = source[1] - reach, source[1] + reach
        reach = math.ceil(math.sqrt(backward * backward - back * back))
        first_back, last_back = receivers[2] - reach, receivers[3] + reach
        if last - first >= n_cols - 1:
            first, last = first_back, last_back
        elif last_back - first_back < n_cols - 1:
            # Both are arcs: what they share, or what lies between two shared pieces.
            begin, end = last + 1, first - 1
            for turn in range(-n_cols, 2 * n_cols, n_cols):
                if max(first, first_back + turn) <= min(last, last_back + turn):
                    begin = min(begin, max(first, first_back + turn))
                    end = max(end, min(last, last_back + turn))
            first, last = begin, end
        if first > last:
            continue
        length = last - first + 1
        begin = first % n_cols
        end = begin + length
        begin = begin // LANES * LANES
        if end <= n_cols:
            columns[row, 0] = begin
            columns[row, 1] = (end + LANES - 1) // LANES * LANES
            continue
        end = (end - n_cols + LANES - 1) // LANES * LANES
        if length >= n_cols or end >= begin:
            columns[row, 1] = width
            continue
        columns[row, 1] = end
        columns[row, 2] = begin
        columns[row, 3] = width


@_compiled
def _active_rows(columns: np.ndarray) -> tuple[int, int]:
    """First row after the longest gap of rows without columns, and rows from there to the gap."""
    n_rows = columns.shape[0]
    first, longest, gap = 0, 0, 0
    for i in range(2 * n_rows):  # twice around, for a gap that lies across the end
        row = i if i < n_rows else i - n_rows
        if columns[row, 1] > 0:
            gap = 0
            continue
        gap = min(gap + 1, n_rows)
        if gap > longest:
            longest, first = gap, row + 1
    return first % n_rows, n_rows - longest


@_compiled
def _shot(
    wave: np.ndarray,
    alpha: np.ndarray,
    keep: np.ndarray,
    columns: np.ndarray,
    n_cols: int,
    source: np.ndarray,
    emitted: np.ndarray,
    receivers: np.ndarray,
    first_receiver: np.ndarray,
    receiver_column: np.ndarray,
    receiver_number: np.ndarray,
    speed: float,
    record: np.ndarray,
) -> None:
    """Simulate one shot; `record` (step, receiver) is zero where no wave has been yet."""
    n_rows, n_steps = columns.shape[0], emitted.size
    width = (n_cols + LANES - 1) // LANES * LANES
    stride = LANES + (n_cols + 2 + LANES - 1) // LANES * LANES
    half = n_rows * stride
    n_inner = alpha.size // width
    # A row begins with the halo at its left, which fills a vector.
    at_wave = wave.ctypes.data + 4 * LANES
    at_alpha, at_keep = alpha.ctypes.data, keep.ctypes.data
    active_first, active = 0, n_rows
    for i in range(wave.size):
        wave[i] = 0
    for start in range(0, n_steps, STEPS):
        steps = min(STEPS, n_steps - start)
        if start % SAME_WINDOW == 0:
            forward = speed * (start + SAME_WINDOW) + MARGIN
            backward = speed * (n_steps - start) + MARGIN
            _window(columns, n_cols, source, receivers, forward, backward)
            active_first, active = _active_rows(columns)
        # Each time step sweeps the rows two behind the one before. Around the whole ring, it also
        # begins two rows further, so that what it overwrites has been used by then.
        ring = active > n_rows - 4
        if ring:
            count, first, lag, later = n_rows, 0, 4, 2
        else:
            count, first, lag, later = active, active_first, 2, 0
        for position in range(count + lag * (steps - 1)):
            for t in range(steps):
                i = position - lag * t
                if i < 0 or i >= count:
                    continue
                row = first + i + later * t
                if row >= n_rows:
                    row -= n_rows
                step = start + t
                now, new = half * (step & 1), half * (1 - (step & 1))
                up2, up1 = row - 2, row - 1
                if row < 2:
                    up2 += n_rows
                    if row < 1:
                        up1 += n_rows
                down1, down2 = row + 1, row + 2
                if down2 >= n_rows:
                    down2 -= n_rows
                    if down1 >= n_rows:
                        down1 -= n_rows
                inner = min(max(row - PAD, 0), n_inner - 1)
                outside = max(0, PAD - 1 - row, row - PAD - n_inner)
                rows = (
                    np.uintp(at_wave + 4 * (new + row * stride)),
                    np.uintp(at_wave + 4 * (now + row * stride)),
                    np.uintp(at_wave + 4 * (now + up2 * stride)),
                    np.uintp(at_wave + 4 * (now + up1 * stride)),
                    np.uintp(at_wave + 4 * (now + down1 * stride)),
                    np.uintp(at_wave + 4 * (now + down2 * stride)),
                    np.uintp(at_alpha + 4 * inner * width),
                    np.uintp(at_keep + 4 * outside * width),
                )
                r = np.uintp(row)
                for part in range(0, 4, 2):
                    begin, end = columns[r, np.uintp(part)], columns[r, np.uintp(part + 1)]
                    _update_row(np.uintp(begin), np.uintp(end), rows)
                o = np.uintp(LANES + new + row * stride)
                e = o + np.uintp(n_cols)
                if row == source[0]:
                    wave[o + np.uintp(source[1])] += emitted[np.uintp(step)]
                wave[o - np.uintp(2)] = wave[e - np.uintp(2)]
                wave[o - np.uintp(1)] = wave[e - np.uintp(1)]
                wave[e] = wave[o]
                wave[e + np.uintp(1)] = wave[o + np.uintp(1)]
                for i in range(first_receiver[r], first_receiver[r + np.uintp(1)]):
                    at = np.uintp(i)
                    record[np.uintp(step), np.uintp(receiver_number[at])] = wave[
                        o + np.uintp(receiver_column[at])
                    ]


def propagate(coefficients: Coefficients, sources: np.ndarray, receivers: np.ndarray) -> np.ndarray:
    """Record of every shot over one model.

    Parameters
    ----------
    coefficients : Coefficients
        Of one model.
    sources : numpy.ndarray of int
        Row and column of each source on the padded grid, shape (source, 2).
    receivers : numpy.ndarray of int
        The same of its receivers, shape (source, receiver, 2).

    Returns
    -------
    numpy.ndarray
        float32, shape (source, step, receiver).
    """
    n_rows, n_cols = coefficients.padded_shape
    blank = ((0, 0), (0, -n_cols % LANES))
    alpha, keep = (
        np.pad(field, blank).astype(np.float32).ravel()
        for field in (coefficients.alpha, coefficients.keep)
    )
    stride = LANES + -(-(n_cols + 2) // LANES) * LANES
    wave = _aligned(2 * n_rows * stride + LANES)
    columns = np.empty((n_rows, 4), np.int64)
    emitted = coefficients.emitted.astype(np.float32)
    record = np.zeros((len(sources), emitted.shape[1], receivers.shape[1]), np.float32)
    for shot, (source, spread) in enumerate(zip(sources, receivers, strict=True)):
        order = np.argsort(spread[:, 0], kind="stable")
        _shot(
            wave,
            alpha,
            keep,
            columns,
            n_cols,
            source,
            emitted[shot],
            np.array(
                [spread[:, 0].min(), spread[:, 0].max(), spread[:, 1].min(), spread[:, 1].max()]
            ),
            np.searchsorted(spread[order, 0], np.arange(n_rows + 1)),
            spread[order, 1],
            order,
            coefficients.courant,
            record[shot],
        )
    return record


def _aligned(size: int) -> np.ndarray:
    """Floats that begin where a vector may."""
    buffer = np.empty(size + LANES, np.float32)
    skip = -buffer.ctypes.data % (4 * LANES) // 4
    return buffer[skip : skip + size]
