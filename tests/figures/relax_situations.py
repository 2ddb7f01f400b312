"""Folders of relax sweeps that pictures must cope with, by name."""

import pathlib

from tests.reports import synthetic_relax_sweeps
from tests.reports import synthetic_runs

_LOST = {"reached": 9, "diverged_step": 611}


def _one_label(folder):
    synthetic_relax_sweeps.seed_sweep(folder)


def _one_seed(folder):
    synthetic_relax_sweeps.seed_sweep(folder, (0,))


def _one_relax_epoch(folder):
    synthetic_relax_sweeps.seed_sweep(folder, (0, 1), (20,))


def _many_relax_epochs(folder):
    synthetic_relax_sweeps.seed_sweep(folder, (0, 1), range(0, 40, 2))


def _kinds(folder):
    synthetic_relax_sweeps.seed_sweep(
        folder, (0, 1), (0, 5, 20), kinds=("efcn", "elcn")
    )


def _rates(folder):
    synthetic_relax_sweeps.rate_sweep(folder, seeds=(0,))


def _spaces(folder):
    """Five settings without an order, with long names."""
    trials = []
    for k, radius in enumerate((1, 2, 4, 13, None)):
        settings = {
            "space": "band" if radius else "fcn",
            "radius": radius or "none",
            "optimizer_slots": ("reset", "embed")[k % 2],
        }
        kind = "band" if radius else "efcn"
        epochs, kinds = (0, 20), (kind, "elcn")
        own = synthetic_relax_sweeps.stages(
            epochs, kinds=kinds, gain=0.002 * k, spread=0
        )
        # Whatever the relaxed network is, the eLCN is the same.
        own[3:5] = synthetic_relax_sweeps.stages(
            epochs, kinds=("elcn",), spread=0
        )[1:3]
        trials.append((synthetic_relax_sweeps.entry(settings), own))
    axes = {"space": ["band", "fcn"], "seed": [0]}
    synthetic_relax_sweeps.write(folder, axes, trials)


def _widths(folder):
    """Two CNNs, each with relaxed networks of two rates."""
    trials = []
    for width in (1, 2):
        for rate in (0.1, 0.3):
            for seed in (0, 1):
                own = synthetic_relax_sweeps.stages(
                    (0, 5, 20), seed, gain=rate / 30
                )
                for content in own:
                    for row in content["epochs"]:
                        row["test_accuracy"] += 0.01 * width
                settings = {"width": width, "relaxed_learning_rate": rate}
                entry = synthetic_relax_sweeps.entry(settings, seed)
                trials.append((entry, own))
    axes = {"width": [1, 2], "relaxed_learning_rate": [0.1, 0.3]}
    synthetic_relax_sweeps.write(
        folder, axes, trials, model="skinny", dataset="cifar10"
    )


def _diverged(folder):
    """Some seeds of some networks, all of others, and one CNN."""
    one, relaxed = synthetic_relax_sweeps.entry, synthetic_runs.relaxed
    trials = []
    for rate in (0.1, 0.3):
        for seed in (0, 1, 2):
            own = synthetic_relax_sweeps.stages(
                (5, 10, 20), seed, gain=rate / 9
            )
            if rate == 0.3:
                own[1] = relaxed(5, **_LOST)
            if seed == 1:
                own[2] = relaxed(10, reached=23, diverged_step=7)
            if seed == 2:
                own[-1] = synthetic_runs.fcn(reached=12, diverged_step=9)
            trials.append((one({"rate": rate}, seed, "failed", "lost"), own))
    trials.append(
        (
            one({"rate": 0.9}, 0, "failed", "lost"),
            [synthetic_runs.cnn(reached=3, diverged_step=9)],
        )
    )
    synthetic_relax_sweeps.write(folder, {"rate": [0.1, 0.3]}, trials)


def _running(folder):
    """One trial is over, one goes on, one waits."""
    one = synthetic_relax_sweeps.entry
    synthetic_relax_sweeps.write(
        folder,
        {"rate": [0.1, 0.3]},
        [
            (one({"rate": 0.1}), synthetic_relax_sweeps.stages((5, 20))),
            (
                one({"rate": 0.3}, status="waiting"),
                [
                    synthetic_relax_sweeps.stages()[0],
                    synthetic_runs.relaxed(5, reached=13),
                ],
            ),
            (one({"rate": 0.9}, status="waiting"), None),
        ],
    )


def _only_begun(folder):
    own = [synthetic_runs.cnn(reached=0)]
    entry = synthetic_relax_sweeps.entry({}, status="waiting")
    synthetic_relax_sweeps.write(folder, {"seed": [0]}, [(entry, own)])


ALL = {
    "one_label": _one_label,
    "one_seed": _one_seed,
    "one_relax_epoch": _one_relax_epoch,
    "many_relax_epochs": _many_relax_epochs,
    "kinds": _kinds,
    "rates": _rates,
    "spaces": _spaces,
    "widths": _widths,
    "diverged": _diverged,
    "running": _running,
    "only_begun": _only_begun,
}


def write(name: str, folder: str | pathlib.Path) -> pathlib.Path:
    """Writes the folder of this name and returns its path."""
    folder = pathlib.Path(folder)
    ALL[name](folder)
    return folder
