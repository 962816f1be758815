"""Where numbers are computed: the default device, and one thread of a CPU."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator

__all__ = ["default_device", "hardware", "one_thread"]


def default_device(device: str | None) -> str:
    """`device` itself, or for None CUDA where there is one and else the CPU."""
    import torch

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


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


def hardware(device: str = "cpu") -> str:
    """One line for people: processor, cores, system, and the GPU where `device` is one.

    Examples
    --------
    >>> "cores" in hardware()
    True
    """
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo", encoding="utf-8") as f:
        name = next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    line = f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    if device.startswith("cuda"):
        import torch

        line += f", {torch.cuda.get_device_name(device)}"
    return line
