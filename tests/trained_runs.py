"""A small run of the relax protocol and a sweep of it, as if trained.

Networks and files are those of a real run, but for the training: weights are
random, which is as good for what only reads them.
"""

import functools
import json
import pathlib
import shutil
import tempfile

import keras
import numpy as np

from needle_tf.data import digits
from needle_tf.protocol import checkpoints
from needle_tf.protocol import history as history_lib
from needle_tf.protocol import networks
from needle_tf.protocol import plan as plan_lib
from needle_tf.protocol import run_folder
from tests.protocol import tiny_runs


def config(seed: int = 0):
    """Returns what is run: CNN, eFCN@1 and FCN, 2 epochs."""
    return tiny_runs.config(
        train_size=60,
        test_size=40,
        model="small_cnn",
        width=0.125,
        epochs=2,
        relax_epochs=[1],
        optimizer_options={},
        optimizer_slots="reset",
        baselines=["fcn"],
        seed=seed,
    )


@functools.cache
def run() -> pathlib.Path:
    """Returns the folder of the run. It is shared: nothing may be written."""
    folder = pathlib.Path(_temporary().name, "run")
    settings = config()
    data = digits.plain_digits(0, train_size=60, test_size=40)
    keras.utils.set_random_seed(0)
    cnn = None
    for plan in plan_lib.stages(settings):
        if plan.is_relaxed:
            network = networks.relax(cnn, plan, settings, data, 1)
            _push(network)
        else:
            network = networks.build_from_scratch(plan, settings, data)
            networks.compile_network(network, 0.1, settings, data, 1)
        cnn = cnn or network
        history = history_lib.History.begun(plan, network.count_params())
        history.epochs = [{"epoch": epoch} for epoch in range(3)]
        history.finished = True
        history.write(folder / plan.name)
        checkpoints.save(network, folder / plan.name, plan.last_epoch)
    run_folder.write_json(folder / "config.json", settings.to_json())
    inputs = {"data": data.fingerprint()}
    run_folder.write_json(folder / "inputs.json", inputs)
    return folder


def _push(network):
    """Moves all weights a little, off the CNN."""
    rng = np.random.default_rng(0)
    for weight in network.trainable_weights:
        step = 0.05 * rng.normal(size=weight.shape)
        weight.assign_add(step.astype("float32"))


def copied(folder: pathlib.Path) -> pathlib.Path:
    """Returns a copy of the run in this folder, to be written into."""
    return shutil.copytree(run(), folder / "run")


def sweep(folder: pathlib.Path) -> pathlib.Path:
    """Returns the folder of a sweep over seeds 0 to 2.

    The trial of seed 1 is the same run under another seed, and that of seed 2
    has not begun.
    """
    path = folder / "sweep"
    for seed in range(2):
        trial = shutil.copytree(run(), path / f"seed{seed}")
        content = config(seed).to_json()
        run_folder.write_json(trial / "config.json", content)
        (trial / "inputs.json").unlink()
    trials = [
        {
            "name": f"seed{seed}",
            "label": "all",
            "variant": None,
            "settings": {},
            "seed": seed,
            "run": "",
            "status": "done" if seed < 2 else "waiting",
            "error": None,
        }
        for seed in range(3)
    ]
    content = {
        "kind": "sweep",
        "runs": "relax",
        "axes": {"seed": [0, 1, 2]},
        "variants": [],
        "trials": trials,
    }
    (path / "sweep.json").write_text(json.dumps(content))
    return path


@functools.cache
def _temporary():
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory(prefix="needle_tf_run_")
