"""Binary: the relax protocol.

    python -m needle_tf.main --relax_epoch=20

Trains a CNN, embeds it in its fully connected net at the relax epoch, trains
that on, and compares both with nets from scratch. Everything of a run lies in
--run_dir; the same command goes on with a run that was interrupted. Exit codes
are 0, 2 after a mistake or a diverged stage, 130 after Ctrl-C.
"""

from collections.abc import Sequence

from absl import flags

from needle_tf import flag_groups
from needle_tf import front
from needle_tf import relax_flags
from needle_tf.protocol import relax

# So that --help lists them.
flags.adopt_module_key_flags(flag_groups)
flags.adopt_module_key_flags(relax_flags)


def main(argv: Sequence[str]) -> int:
    """Runs the protocol as the flags say; returns the exit code."""
    return front.guarded(argv, "main", _run)


def run() -> None:
    """Parses the flags and ends the process with the code of `main`."""
    front.run(main)


def _run() -> int:
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
    for problem in outcome.problems:
        front.complain(problem)
    return 2 if outcome.problems else 0


def _show_results(run_dir: str) -> None:
    """Prints the table, writes results and picture, says where all lies."""
    from needle_tf.reports import figures
    from needle_tf.reports import results

    rows = results.write_results(run_dir)
    picture = figures.draw_curves(run_dir)
    print(f"\n{results.format_table(rows)}\n")
    for what, where in (
        ("results", f"{run_dir}/results.json and results.csv"),
        ("curves and distance", picture),
        ("flags of this run", f"{run_dir}/flags.txt"),
        ("checkpoints", f"{run_dir}/<stage>/checkpoints"),
        ("TensorBoard", f"tensorboard --logdir {run_dir}/tensorboard"),
    ):
        print(f"{what + ':':21}{where}")


if __name__ == "__main__":
    run()
