"""The analyses that `needle_tf.compare` makes, and what each of them reads.

One mode is one function of the room `analysis`, with the defaults of that
function. Keras is not imported, because `--help` is made from this table.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from needle_tf.comparisons import settings as settings_lib

NEEDED, REFERENCE, LEVEL = "needed", "reference", "level"


@dataclasses.dataclass(frozen=True)
class Mode:
    """One analysis.

    Attributes:
        settings: What it reads, by the name of the flag, with its default.
        second: What `--second` is to it: `NEEDED`, or possible as a
            `REFERENCE` or a `LEVEL`; None if it takes one network.
        data: Parts of the data that it reads; one of two where
            `measured_on` chooses.
        is_of_relaxed: Whether the first network must be a relaxed one.
        bounds: Settings that are bounded otherwise than in `settings`.
    """

    settings: Mapping[str, Any]
    second: str | None = None
    data: tuple[str, ...] = settings_lib.DATA_PARTS
    is_of_relaxed: bool = False
    bounds: Mapping[str, settings_lib.Setting] = dataclasses.field(
        default_factory=dict
    )


_MEASURED = {"images": None, "batch_size": 500}
_CHAIN = Mode(
    settings={
        "points": 7,
        "between": 0,
        "stiffness": 1.0,
        "learning_rate": 0.05,
        "epochs": 10,
        "batch_size": 250,
        "seed": 0,
        "recompute_batch_statistics": True,
        "images": None,
    },
    second=NEEDED,
    bounds={"points": settings_lib.count("points", "", 3)},
)
MODES = {
    "interpolation": Mode(
        settings={
            "path": ["linear"],
            "points": 11,
            "recompute_batch_statistics": True,
            **_MEASURED,
        },
        second=NEEDED,
    ),
    "string": _CHAIN,
    "band": _CHAIN,
    "ablation": Mode(
        settings={
            "variants": list(settings_lib.VARIANTS),
            "per_layer": True,
            "seeds": [0, 1, 2],
            "measured_on": "test",
            **_MEASURED,
        },
        is_of_relaxed=True,
    ),
    "off_local": Mode(
        settings={"units": None, "positions": None, "count": 8, "layer": None},
        second=REFERENCE,
        data=(),
        is_of_relaxed=True,
    ),
    "locality": Mode(settings={}, data=(), is_of_relaxed=True),
    "curvature": Mode(
        settings={
            "spaces": ["all"],
            "layers": [],
            "count": 1,
            "order": "largest",
            "tolerance": 1e-3,
            "max_products": 100,
            "basis_size": None,
            "seed": 0,
            "measured_on": "train",
            **_MEASURED,
        },
        bounds={"count": settings_lib.count("count", "", high=99)},
    ),
    "threshold": Mode(
        settings={
            "distances": list(settings_lib.DISTANCES),
            "part": "off_local",
            "direction": "noise",
            "seeds": [0, 1, 2],
            "layers": None,
            "measured_on": "test",
            **_MEASURED,
        },
        second=LEVEL,
        is_of_relaxed=True,
    ),
}


def checked(mode: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all settings of a mode: those given, checked, and defaults.

    Args:
        mode: A key of `MODES`.
        given: Settings that the mode reads, lists as lists of texts.

    Raises:
        ValueError: If one is out of bounds, or two exclude each other.
    """
    found = dict(MODES[mode].settings)
    for name, value in given.items():
        bounds = MODES[mode].bounds.get(name, settings_lib.SETTINGS[name])
        if isinstance(bounds, settings_lib.Setting) and bounds.kind is str:
            found[name] = value  # The flag has checked it.
        else:
            found[name] = bounds.checked(value)
    chosen = [name for name in ("units", "positions", "count") if name in given]
    if mode == "off_local" and len(chosen) > 1:
        raise ValueError(
            f"{' and '.join(f'--{name}' for name in chosen)} exclude each "
            "other: each chooses the units by itself. Leave all but one away."
        )
    if mode == "off_local" and chosen and chosen != ["count"]:
        found["count"] = None
    size = found.get("basis_size")
    if size is not None and size <= found["count"]:
        raise ValueError(
            "`basis_size` must be above `count`. Received: --basis_size="
            f"{size}, --count={found['count']}."
        )
    return json.loads(json.dumps(found))
