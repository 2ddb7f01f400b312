"""The machine and the versions behind the numbers, in words."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess

import psutil

_PACKAGES = ("tensorflow", "keras", "numpy")


def facts(torch_python: str) -> dict[str, str]:
    """Returns processor, cores and memory; versions; load, in words.

    Args:
        torch_python: The Python whose PyTorch is the peer.
    """
    versions = [f"Python {platform.python_version()}"]
    versions += [
        f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES
    ]
    versions.append(f"torch {torch_version(torch_python) or 'not installed'}")
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    memory = psutil.virtual_memory().total / 2**30
    return {
        "machine": f"{_processor()}, {_cores()} cores, {memory:.0f} GiB of "
        "memory",
        "versions": ", ".join(versions),
        "load": f"load before the run (1, 5, 15 minutes): {load}",
    }


def torch_version(interpreter: str) -> str | None:
    """Returns the version of PyTorch that a Python has; None without one."""
    code = "import importlib.metadata as m; print(m.version('torch'))"
    done = subprocess.run(
        [interpreter, "-c", code], capture_output=True, text=True
    )
    return done.stdout.strip() or None


def _cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _processor():
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
