"""Results of analyses as their JSON has them, made up but plausible."""

from typing import Any

import numpy as np


def figures(loss: float | None, accuracy: float) -> dict[str, Any]:
    """Returns loss and accuracy over 1,000 images."""
    return {"loss": loss, "accuracy": accuracy, "count": 1000}


def path(
    seed: int = 0,
    barrier: float = 0.4,
    points: int = 11,
    kind: str = "linear",
    parts: tuple[str, ...] = ("train", "test"),
    jitter: float = 0.0,
) -> dict[str, Any]:
    """Returns a path over a barrier of about that height.

    Args:
        jitter: By how much positions differ from seed to seed.
    """
    rng = np.random.default_rng(seed)
    places = np.linspace(0, 1, points)
    places[1:-1] += jitter * rng.uniform(-0.4, 0.4, points - 2) / points
    height = barrier * (1 + 0.15 * rng.normal())
    rows, barriers = [], {}
    for position in places:
        row = {"position": float(position), "train": None, "test": None}
        for part in parts:
            start = 0.05 if part == "train" else 0.35
            bump = height * np.sin(np.pi * position) ** 2
            row[part] = figures(
                float(start + 0.05 * position + bump),
                float(0.97 - start / 4 - min(bump, 2.0) / 4),
            )
        rows.append(row)
    for part in parts:
        barriers[part] = {
            "above_line": float(height),
            "above_ends": float(height) * 0.95,
            "position": 0.5,
            "accuracy_below_line": 0.1,
        }
    return {
        "kind": kind,
        "points": rows,
        "distance": 7.5,
        "length": 7.9,
        "barriers": barriers,
    }


def ablation(
    seed: int = 0,
    layers: tuple[str, ...] = ("conv_1", "conv_2"),
    gain: float = 0.0,
) -> dict[str, Any]:
    """Returns an ablation with three seeds of noise."""
    rng = np.random.default_rng(seed)
    intact = 0.9 + gain + 0.01 * rng.normal()
    falls = {
        "local_only": 0.1,
        "off_local_only": 0.7,
        "sharing_restored": 0.03,
        "noise": 0.2,
    }
    rows = []
    for layer in (None, *layers):
        for variant, fall in falls.items():
            share = 1.0 if layer is None else 0.4
            for own in (0, 1, 2) if variant == "noise" else (None,):
                accuracy = intact - share * fall + 0.004 * rng.normal()
                rows.append(
                    {
                        "variant": variant,
                        "layer": layer,
                        "seed": own,
                        "figures": figures(
                            float(2 * (1 - accuracy)), float(accuracy)
                        ),
                    }
                )
    return {"intact": figures(0.35, float(intact)), "rows": rows}


def threshold(
    seed: int = 0, level: float | None = 0.5, robust: float = 0.5
) -> dict[str, Any]:
    """Returns accuracy at ten distances, with a level to compare with."""
    rng = np.random.default_rng(seed)
    top = 0.9 + 0.01 * rng.normal()
    rows = []
    for distance in np.arange(10) / 10:
        for own in (0, 1, 2) if distance else (None,):
            fall = 1 / (1 + np.exp(-12 * (distance - robust)))
            accuracy = top - (top - 0.1) * fall + 0.01 * rng.normal()
            rows.append(
                {
                    "distance": float(distance),
                    "seed": own,
                    "figures": figures(1.0, float(np.clip(accuracy, 0, 1))),
                }
            )
    found = {
        "part": "off_local",
        "direction": "noise",
        "layers": ["conv_1", "conv_2"],
        "own_distance": 0.12 + 0.01 * seed,
        "intact": figures(0.4, float(top)),
        "rows": rows,
    }
    if level is not None:
        accuracy = float(level + 0.01 * rng.normal())
        found["level"] = {"network": "fcn@40", **figures(1.1, accuracy)}
        found["threshold"] = float(robust + 0.01 * seed)
    return found


def locality(
    seed: int = 0,
    layers: tuple[str, ...] = ("conv_1", "conv_2"),
    off_local: float = 0.02,
) -> dict[str, Any]:
    """Returns where weights lie in layers of fields of 5 pixels."""
    rng = np.random.default_rng(seed)
    distances = np.arange(0, 14)
    found = {}
    for name in layers:
        shares = np.exp(-1.3 * distances) + off_local * 0.05
        shares *= np.exp(0.1 * rng.normal(size=len(distances)))
        shares /= shares.sum()
        entries = 8.0 * distances + 1
        outside = float(shares[distances > 2].sum())
        found[name] = {
            "distances": distances.tolist(),
            "weight_shares": shares.tolist(),
            "entry_shares": (entries / entries.sum()).tolist(),
            "field_reach": 2.0,
            "mean_distance": float(shares @ distances),
            "parts": {
                "shared": 0.9 - outside,
                "unshared": 0.1,
                "off_local": outside,
            },
        }
    total = {"shared": 0.88, "unshared": 0.1, "off_local": off_local}
    return {"layers": found, "total": total}


def curvature(
    seed: int = 0,
    spaces: tuple[str, ...] = ("all", "cnn", "not_cnn"),
    layers: tuple[str, ...] = (),
    count: int = 4,
    sharpness: float = 20.0,
) -> dict[str, Any]:
    """Returns falling eigenvalues of some spaces and layers."""
    rng = np.random.default_rng(seed)

    def spectrum(scale):
        values = scale * np.exp(-0.4 * np.arange(count) + 0.1 * rng.normal())
        return {
            "eigenvalues": values.tolist(),
            "residuals": [0.01] * count,
            "cnn_shares": [0.6] * count,
            "products": 20,
            "is_converged": True,
        }

    return {
        "loss": 0.1,
        "gradient_norm": 0.5,
        "gradient_norms": {name: 0.5 for name in spaces},
        "layer_gradient_norms": {name: 0.2 for name in layers},
        "spaces": {
            name: spectrum(sharpness / (1 + k)) for k, name in enumerate(spaces)
        },
        "layers": {name: spectrum(sharpness / 5) for name in layers},
    }


def off_local(seed: int = 0) -> dict[str, Any]:
    """Returns units with their norms."""
    return {
        "layer": "conv_1",
        "units": [[0, 3, 5], [4, 4, 0]],
        "windows": [[-1, 2, 2, 5], [3, 3, 6, 6]],
        "norms": [1.5 + 0.1 * seed, 0.5],
    }
