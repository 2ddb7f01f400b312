"""How many images a second the input pipeline gives, next to a training step.

    python -m benchmarks.input_pipeline

Limit: the images that Skinny's CNN trains on in that time, in the same process,
in turn. 10000 images of 32x32x3 pixels lie in memory, in batches of 250.
"""

from benchmarks import fresh
from benchmarks import front
from benchmarks import tables

Row = tables.Row
_SHOWN = {
    "plain": "training batches",
    "flip": "training batches, flipped",
    "flip_and_crop": "training batches, flipped and cropped",
    "test": "test batches",
}


def measure(settings: front.Settings) -> list[Row]:
    """Returns the rows of this benchmark."""
    found = fresh.call(
        "benchmarks.passes", "input_pipeline", repeats=settings.repeats
    ).result
    return [
        Row(
            shown,
            found[name],
            "a step of skinny_cnn",
            found["step"],
            0.1,
            tables.PER_SECOND,
        )
        for name, shown in _SHOWN.items()
    ]


if __name__ == "__main__":
    front.run("The input pipeline alone", measure)
