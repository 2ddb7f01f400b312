"""Binary: one training run under a chosen optimizer, watched, or a sweep.

    python -m needle_tf.train --task=c10_cnn1 --optimizer=layca
    python -m needle_tf.train --task=c10_cnn1 --optimizer=layca \\
        --sweep=learning_rate=3^-4,3^-3 --sweep=seed=0,1

Trains a network and measures how far each of its layers turns from its initial
weights. A --task brings the settings of the layer rotation study. Everything of
a run lies in --run_dir; the same command goes on with a run or a sweep that was
interrupted. Exit codes are 0, 2 after a mistake or a run that diverged or
failed, 130 after Ctrl-C.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from needle_tf import flag_groups
from needle_tf import front
from needle_tf import sweep_flags
from needle_tf import training_flags
from needle_tf.protocol import sweep
from needle_tf.protocol import training

# So that --help lists them.
flags.adopt_module_key_flags(flag_groups)
flags.adopt_module_key_flags(sweep_flags)
flags.adopt_module_key_flags(training_flags)


def main(argv: Sequence[str]) -> int:
    """Trains as the flags say; returns the exit code."""
    return front.guarded(argv, "train", _run)


def run() -> None:
    """Parses the flags and ends the process with the code of `main`."""
    front.run(main)


def _run() -> int:
    problems = _sweep() if sweep_flags.is_sweep() else _single()
    for problem in problems:
        front.complain(problem)
    return 2 if problems else 0


def _single() -> list[str]:
    """Trains one network; returns what went wrong."""
    config = training_flags.config()
    run_dir = flag_groups.run_dir(config.run_name())
    outcome = training.run(
        config,
        run_dir,
        library_logs=flag_groups.wants_library_logs(),
        notes={"flags.txt": flag_groups.as_flag_file(config)},
        **flag_groups.run_arguments(),
    )
    _show(run_dir)
    return outcome.problems


def _sweep() -> list[str]:
    """Trains many networks; returns what went wrong."""
    planned, run_dir = training_flags.sweep()
    problems = sweep.run(
        planned,
        run_dir,
        library_logs=flag_groups.wants_library_logs(),
        notes={
            "flags.txt": sweep_flags.flag_file(training_flags.given(), "train")
        },
        told=front.message_of,
        **flag_groups.run_arguments(),
    )
    _show(run_dir)
    return problems


def _show(run_dir: str) -> None:
    """Writes results and pictures, prints the table, says where all lies."""
    from needle_tf.figures import sweep_figures
    from needle_tf.figures import training_figures
    from needle_tf.protocol import event_pictures
    from needle_tf.reports import training_results
    from needle_tf.reports import training_table

    rows = training_results.write_results(run_dir)
    is_sweep = sweep_flags.is_sweep()
    draw = sweep_figures.draw_sweep if is_sweep else training_figures.draw_run
    pictures = draw(run_dir)
    event_pictures.write(pathlib.Path(run_dir, "tensorboard"), pictures)
    print(f"\n{training_table.format_table(rows)}\n")
    for name, where in (
        ("results", f"{run_dir}/results.json and results.csv"),
        ("pictures", ", ".join(str(picture) for picture in pictures)),
        ("flags of this run", f"{run_dir}/flags.txt"),
        ("TensorBoard", f"tensorboard --logdir {run_dir}/tensorboard"),
    ):
        print(f"{name + ':':21}{where}")


if __name__ == "__main__":
    run()
