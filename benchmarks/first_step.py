"""A run that ends after its first step of training, for its duration.

    python -m benchmarks.first_step main --run_dir=...

does what `python -m needle_tf.main --run_dir=...` does up to the end of the
first call of the train function, and exits with code 0. A run that ends
without any exits with code 1.
"""

import importlib
import os
import sys


def main(binary: str) -> None:
    """Starts a binary by its name; it reads the rest of the command line."""
    # As `python -m` leaves them: then imports wait until they are needed.
    sys.argv = ["-m", *sys.argv[2:]]
    sys.orig_argv = [sys.executable, "-m", f"needle_tf.{binary}", *sys.argv[1:]]
    module = importlib.import_module(f"needle_tf.{binary}")
    from needle_tf import front
    from needle_tf.protocol import run_folder

    opened = run_folder.opened

    def opened_and_watched(*arguments, **settings):
        # Called when Keras is there already, and before it trains.
        import keras

        keras.callbacks.CallbackList.on_train_batch_end = _end
        return opened(*arguments, **settings)

    run_folder.opened = opened_and_watched
    front.run(module.main)


def _end(callbacks, batch, logs=None):
    # What was printed is seen; no library takes its time to shut down.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SystemExit:
        sys.exit("the run ended without a step of training")
