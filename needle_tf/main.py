"""Binary: the relax protocol, once or as a sweep.

    python -m needle_tf.main --relax_epoch=20
    python -m needle_tf.main --relax_epoch=10 --relax_epoch=20 \\
        --sweep=relaxed_learning_rate=0.1,0.03 --sweep=seed=0,1,2

Trains a CNN, embeds it in its fully connected net at the relax epoch, trains
that on, and compares both with nets from scratch. Runs of a sweep have in
common what is the same in them, as the CNN. Everything of a run lies in
--run_dir; the same command goes on with a run or a sweep that was interrupted.
Exit codes are 0, 2 after a mistake or a stage that diverged or failed, 130
after Ctrl-C.
"""

from collections.abc import Sequence

from absl import flags

from needle_tf import flag_groups
from needle_tf import front
from needle_tf import relax_flags
from needle_tf import sweep_flags
from needle_tf.protocol import relax

# So that --help lists them.
flags.adopt_module_key_flags(flag_groups)
flags.adopt_module_key_flags(sweep_flags)
flags.adopt_module_key_flags(relax_flags)


def main(argv: Sequence[str]) -> int:
    """Runs the protocol as the flags say; returns the exit code."""
    return front.guarded(argv, "main", _run)


def run() -> None:
    """Parses the flags and ends the process with the code of `main`."""
    front.run(main)


def _run() -> int:
    problems = _sweep() if sweep_flags.is_sweep() else _single()
    for problem in problems:
        front.complain(problem)
    return 2 if problems else 0


def _single() -> list[str]:
    """Runs the protocol once; returns what went wrong."""
    config = relax_flags.protocol_config()
    run_dir = flag_groups.run_dir(config.run_name())
    outcome = relax.run(
        config,
        run_dir,
        library_logs=flag_groups.wants_library_logs(),
        notes={"flags.txt": flag_groups.as_flag_file(config)},
        **flag_groups.run_arguments(),
    )
    _show_results(run_dir)
    return outcome.problems


def _sweep() -> list[str]:
    """Runs the protocol many times; returns what went wrong."""
    from needle_tf.protocol import sweep

    planned, run_dir = relax_flags.sweep()
    problems = sweep.run(
        planned,
        run_dir,
        library_logs=flag_groups.wants_library_logs(),
        notes={"flags.txt": sweep_flags.flag_file(relax_flags.given(), "main")},
        told=front.message_of,
        **flag_groups.run_arguments(),
    )
    _show_sweep(run_dir)
    return problems


def _show_results(run_dir: str) -> None:
    """Prints the table, writes results and picture, says where all lies."""
    from needle_tf.figures import curves_figure
    from needle_tf.reports import results

    rows = results.write_results(run_dir)
    picture = curves_figure.draw_curves(run_dir)
    print(f"\n{results.format_table(rows)}\n")
    _say_where(
        run_dir,
        {
            "curves and distance": picture,
            "checkpoints": f"{run_dir}/<stage>/checkpoints",
        },
    )


def _show_sweep(run_dir: str) -> None:
    """The same for a sweep, with mean and spread over seeds."""
    from needle_tf.figures import relax_figures
    from needle_tf.reports import relax_table
    from needle_tf.reports import relax_trials

    relax_table.write_results(run_dir)
    pictures = relax_figures.draw_sweep(run_dir)
    table = relax_table.format_table(relax_trials.read(run_dir))
    print(f"\n{table}\n")
    _say_where(
        run_dir,
        {
            "pictures": ", ".join(str(picture) for picture in pictures),
            "checkpoints": f"{run_dir}/<run>/<stage>/checkpoints",
        },
    )


def _say_where(run_dir: str, more: dict[str, object]) -> None:
    places = {
        "results": f"{run_dir}/results.json and results.csv",
        **more,
        "flags of this run": f"{run_dir}/flags.txt",
        "report": f"python -m needle_tf.report {run_dir}",
        "TensorBoard": f"tensorboard --logdir {run_dir}/tensorboard",
    }
    for what, where in places.items():
        print(f"{what + ':':21}{where}")


if __name__ == "__main__":
    run()
