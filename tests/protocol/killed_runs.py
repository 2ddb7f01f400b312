"""Runs that are killed with SIGKILL, and what becomes of them.

    fresh_process.run(killed_runs.SCRIPT, folder, kind)

A process of its own that forks: each child is one start of a run, killed at the
moment that is asked for. The parent only forks and never trains, for a process
with TensorFlow's threads cannot be forked.
"""

import functools
import gc
import json
import os
import pathlib
import random
import signal
import time

from needle_tf.protocol import relax
from needle_tf.protocol import run_folder
from needle_tf.protocol import training
from tests.protocol import tiny_runs

SCRIPT = """
import pathlib, sys
from tests.protocol import killed_runs
killed_runs.main(pathlib.Path.cwd(), sys.argv[1])
"""
# Moments of the writing of one file at which a process can die.
MOMENTS = ("half_written", "not_renamed", "renamed")


def start(config, run_dir, when=None, write=None, moment=None):
    """Runs in a child; returns its exit code, negative if it was killed.

    Args:
        config: What is run.
        run_dir: Where.
        when: Kill it when this function returns.
        write: Or let it kill itself in its n-th write of a file, from 0,
        moment: at one of `MOMENTS`.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if write is not None:
                _die_in(write, moment)
            run = {"relax": relax.run, "training": training.run}[config.KIND]
            run(config, run_dir, report=lambda line: None)
            code = 0
        finally:
            os._exit(code)
    if when is not None:
        when()
        # The child stays a zombie until it is waited for: no other has its id.
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_in(number, moment):
    """Kills this process in its n-th write of a file."""
    write, replace = run_folder.write, os.replace
    count = iter(range(10**6))

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def dying_write(file, writer):
        if next(count) != number:
            return write(file, writer)

        def half(path):
            writer(path)
            if moment == "half_written":
                content = path.read_bytes()
                path.write_bytes(content[: len(content) // 2])
                die()

        def dying_replace(*paths):
            if moment == "renamed":
                replace(*paths)
            die()

        os.replace = dying_replace
        return write(file, half)

    run_folder.write = dying_write


def kill_again_and_again(config, run_dir, seed):
    """Kills start after start, then lets one go to the end.

    At each of `MOMENTS` of the writing of a file, and in between as soon as
    there are so many rows.
    """
    rng = random.Random(seed)
    # A training run has five rows in all, the relax protocol seven.
    many = 4 if config.KIND == "training" else 5
    codes = [start(config, run_dir, write=3, moment="half_written")]
    codes.append(start(config, run_dir, _waiting(run_dir, 2, rng)))
    codes.append(start(config, run_dir, write=1, moment="not_renamed"))
    codes.append(start(config, run_dir, _waiting(run_dir, many, rng)))
    codes.append(start(config, run_dir, write=0, moment="renamed"))
    if start(config, run_dir) != 0:
        raise AssertionError("the last start failed")
    return codes.count(-signal.SIGKILL)


def _waiting(run_dir, rows, rng):
    return functools.partial(_wait, run_dir, rows, rng.uniform(0, 0.05))


def _wait(run_dir, rows, pause):
    """Waits until a run has so many rows in its histories, and a while."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        histories = tiny_runs.numbers(run_dir).values()
        if sum(len(history["epochs"]) for history in histories) >= rows:
            break
        time.sleep(0.005)
    time.sleep(pause)


def main(folder: pathlib.Path, kind: str) -> None:
    """Runs one whole and one killed run; prints the kills as JSON."""
    # Here, so that no child pays for it.
    from needle_tf.protocol import stage  # noqa: F401

    gc.freeze()
    model_file = folder / "model.keras"
    config = tiny_runs.config(
        model_file,
        deterministic=True,
        epochs=3,
        relax_epochs=[1],
        baselines=[],
        layer_rotation=True,
    )
    if kind == "training":
        # All that a training run keeps, and a schedule and a stop.
        config = tiny_runs.training(
            model_file,
            deterministic=True,
            epochs=5,
            optimizer="layca",
            learning_rate=3.0**-3,
            optimizer_options={"inner_optimizer": "adam"},
            drop_epochs=[2],
            warmup_epochs=1,
            l2=1e-3,
            rotation_every_steps=2,
            record_angles=True,
            second_moments=True,
            stop_accuracy=0.999,
            stop_accuracy_epoch=3,
            stop_unchanged_epochs=3,
        )
    child = os.fork()
    if child == 0:
        tiny_runs.write_model(model_file)
        os._exit(0)
    os.waitpid(child, 0)
    if start(config, folder / "whole") != 0:
        raise AssertionError("the whole run failed")
    kills = kill_again_and_again(config, folder / "killed", seed=1)
    print(json.dumps({"kills": kills}))
