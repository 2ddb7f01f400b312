"""Files as `needle_tf.compare` would leave them, with made-up numbers.

Equal calls give equal files.
"""

import json
import pathlib
from typing import Any

import numpy as np

from tests.reports import analysis_results

KINDS = (
    "interpolation",
    "string",
    "band",
    "ablation",
    "off_local",
    "locality",
    "curvature",
    "threshold",
)
_PATHS = KINDS[:3]


def write(
    run_dir: str | pathlib.Path,
    kind: str,
    *,
    first: str = "efcn_relax20@40",
    second: str | None = None,
    seed: int | None = 0,
    way: str = "linear",
    digits: str = "0a1b2c3d",
    **settings: Any,
) -> pathlib.Path:
    """Writes an analysis into a run folder and returns its path."""
    if kind in _PATHS:
        second = second or "cnn@40"
    if kind == "interpolation":
        settings = {"path": way, **settings}
    folder = pathlib.Path(run_dir, "analysis")
    folder.mkdir(parents=True, exist_ok=True)
    networks = [name for name in (first, second) if name]
    stem = "_".join([kind, way, *networks]).replace("@", "_").replace("/", "_")
    path = folder / f"{stem}-{digits}.json"
    content = {
        "kind": kind,
        "first": first,
        "second": second,
        "dataset": "digits",
        "seed": seed,
        "settings": settings,
        "result": _result(kind, seed or 0, way),
    }
    path.write_text(json.dumps(content))
    if kind == "off_local":
        _write_images(path.with_suffix(".npz"), content["result"])
    return path


def _result(kind: str, seed: int, way: str) -> dict[str, Any]:
    if kind in _PATHS:
        way = way if kind == "interpolation" else kind
        return analysis_results.path(seed, kind=way)
    return getattr(analysis_results, kind)(seed)


def _write_images(path: pathlib.Path, found: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 8, 8, 1)).astype("float32")
    np.savez(
        path,
        layer=found["layer"],
        units=np.array(found["units"]),
        windows=np.array(found["windows"]),
        norms=np.array(found["norms"]),
        images=images,
        outside=images,
    )
