"""Where numbers are computed: the default device, and one thread of a CPU."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator

from seisgeo.errors import ParameterError

__all__ = ["CPU_BATCH", "default_device", "hardware", "one_thread", "processes", "worker_count"]

#: Samples that a CPU takes through an encoder at once: its caches hold the first layers of so many.
#: A training step with 128 takes a fifth longer in one piece.
CPU_BATCH = 32


def default_device(device: str | None) -> str:
    """`device` itself, or for None CUDA where there is one and else the CPU."""
    import torch

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def processes() -> tuple[int, int, int]:
    """Number of this process, processes of this node, and of all nodes, as ``torchrun`` says.

    Without it this is process 0 of 1. A program that writes does so on process 0.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 1, 1
    rank, local, world = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", 0), ("LOCAL_WORLD_SIZE", 1), ("WORLD_SIZE", 1))
    )
    return rank, local, world


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread of the CPU, with denormal numbers as zero, and restore both after.

    The last digit of a sum depends on how threads share it, and denormal numbers would make bytes
    depend on the caller's settings; at a wavefront's edge they also cost more than all others.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def processor() -> str:
    """Name of the processor."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo", encoding="utf-8") as f:
        return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    return platform.processor() or platform.machine()


def hardware(device: str = "cpu") -> str:
    """One line for people: processor, cores, system, and the GPU where `device` is one.

    Examples
    --------
    >>> "cores" in hardware()
    True
    """
    line = f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    if device.startswith("cuda"):
        import torch

        line += f", {torch.cuda.get_device_name(device)}"
    return line


def worker_count(workers: int | None) -> int:
    """Processes to work with: as many as are asked for, else one for each core that is ours."""
    if workers is not None and workers < 1:
        raise ParameterError(f"workers must be at least 1, found {workers}")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return workers or available or 1
