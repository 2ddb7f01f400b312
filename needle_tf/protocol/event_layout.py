"""What TensorBoard's tab of custom scalars opens on: few charts, in one order.

Distance from the CNN subspace, accuracy, rotation: one chart for each measure,
with all stages and trials in it.
"""

import pathlib

import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary

from needle_tf.callbacks import tags

# Category, then title and tag of each of its charts.
CHARTS = {
    "Distance from the CNN subspace": {
        "off-local share (delta)": tags.SUBSPACE_DELTA,
        "broken sharing (delta_share)": tags.SUBSPACE_DELTA_SHARE,
        "both together (delta_cnn)": tags.SUBSPACE_DELTA_CNN,
    },
    "Accuracy": {
        "test": tags.TEST_ACCURACY,
        "train": tags.TRAIN_ACCURACY,
    },
    "Layer rotation": {
        "mean over the kernels": tags.LAYER_ROTATION_MEAN,
        "the least turned kernel": tags.LAYER_ROTATION_MIN,
    },
}
_FOLDER = "layout"


def write(log_dir: pathlib.Path) -> None:
    """Writes the layout below the folder that TensorBoard looks at, once.

    Args:
        log_dir: The folder; the layout goes into `layout/` there.
    """
    folder = log_dir / _FOLDER
    if any(folder.glob("events.out.tfevents.*")):
        return
    layout = layout_pb2.Layout(
        category=[
            layout_pb2.Category(
                title=category,
                chart=[
                    layout_pb2.Chart(
                        title=title,
                        multiline=layout_pb2.MultilineChartContent(
                            tag=[f"^{tag}$"]
                        ),
                    )
                    for title, tag in charts.items()
                ],
            )
            for category, charts in CHARTS.items()
        ]
    )
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=0):
        proto = summary.pb(layout)
        tf.summary.experimental.write_raw_pb(proto.SerializeToString())
    writer.close()
