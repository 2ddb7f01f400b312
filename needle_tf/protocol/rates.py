"""The learning rate of a training run, from its configuration.

    rate(step) = warm-up of [rate * factor ** (number of drops by then)]
             or = warm-up of [rate * decay ** (epochs by then)]

Schedules count the optimizer's updates, which checkpoints keep: a resumed run
goes on at the right place.
"""

from typing import TYPE_CHECKING

from needle_tf.optimizers import schedules
from needle_tf.protocol import training_config

if TYPE_CHECKING:
    import keras


def schedule(
    config: training_config.TrainingConfig, steps: int
) -> "float | keras.optimizers.schedules.LearningRateSchedule | None":
    """Returns the learning rate, or the schedule of it.

    Args:
        config: Rate, drops or decay, warm-up; None is returned if it replays.
        steps: Training steps of an epoch.
    """
    rate = config.learning_rate
    # An optimizer that gathers gradients makes one update of several steps.
    together = config.optimizer_options.get("gradient_accumulation_steps", 1)
    if config.drop_epochs:
        rate = schedules.StepDrops(
            rate,
            boundaries=[
                epoch * steps // together for epoch in config.drop_epochs
            ],
            factor=config.drop_factor,
        )
    if config.decay_per_epoch is not None:
        rate = schedules.EpochDecay(
            rate,
            batches_per_epoch=steps,
            factor=config.decay_per_epoch,
            batches_per_step=together,
        )
    if config.warmup_epochs:
        rate = schedules.WarmUp(
            rate,
            warmup_steps=config.warmup_epochs * steps // together,
            kind=config.warmup,
        )
    return rate
