"""Blocks of work on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from seisgeo.errors import ParameterError

__all__ = ["run"]

#: Seconds that the scheduler has to answer, and the first worker to be there.
_PATIENCE = 10


def run(
    function: Callable[..., Any], blocks: Sequence[Any], *shared: Any, scheduler: str
) -> Iterator[Any]:
    """Results of ``function(block, *shared)`` of each block, in the order in which they come.

    Parameters
    ----------
    function : callable
        What to do; doing it twice must do no harm.
    blocks : sequence
        First argument of each call.
    *shared
        The others, sent to each worker once.
    scheduler : str
        Address of the scheduler, for instance ``tcp://127.0.0.1:8786``.

    Yields
    ------
    object
        What the function returns. Blocks of workers that are lost are done again by others; an
        error of a block is raised here.

    Raises
    ------
    ParameterError
        If dask.distributed is not installed, or no scheduler with workers is there.
    """
    try:
        from distributed import Client, as_completed
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise ParameterError(
            f"scheduler={scheduler}: a Dask cluster needs dask.distributed, which is not "
            "installed; pip install 'seisgeo[cluster]'"
        ) from error
    try:
        if not scheduler.startswith("inproc://"):
            get_address_host_port(scheduler)  # a client of no address takes a minute to give up
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ParameterError(
            f"scheduler={scheduler}: no Dask scheduler answers there ({error}); start one with "
            "`dask scheduler`, and workers with `dask worker ADDRESS`"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ParameterError(
                f"scheduler={scheduler}: it has no workers; start some with "
                f"`dask worker {scheduler}`"
            ) from error
        # A task, not scattered data: it is made again where the worker that held it is lost.
        constants = client.submit(_unchanged, shared, pure=False)
        futures = client.map(_call, list(blocks), function=function, shared=constants, pure=False)
        for future in as_completed(futures, loop=client.loop):
            yield future.result()
            future.release()


def _unchanged(value: Any) -> Any:
    return value


def _call(block: Any, function: Callable[..., Any], shared: tuple[Any, ...]) -> Any:
    return function(block, *shared)
