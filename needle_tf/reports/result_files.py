"""Writes rows of results as `results.json` and `results.csv`.

Both hold the same rows; in the table each swept setting is a column.
"""

import csv
import io
import json
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from needle_tf.reports import atomic

_SETTINGS = "settings"


def write(
    folder: pathlib.Path,
    content: Any,
    records: Sequence[Mapping[str, Any]],
    fields: Sequence[str],
) -> None:
    """Writes both files, each whole or not at all.

    Args:
        folder: Where to.
        content: What the JSON file holds.
        records: The rows of the CSV file.
        fields: Its columns in their order; in place of `settings` stands one
            column per setting.

    Raises:
        OSError: If the folder cannot be written to.
    """
    as_json = json.dumps(content, indent=2, allow_nan=False) + "\n"
    text = as_csv(records, fields)
    atomic.write_bytes(folder / "results.json", as_json.encode())
    atomic.write_bytes(folder / "results.csv", text.encode())


def as_csv(records: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
    """Returns the rows as the text of a CSV file, an empty cell for None.

    Args:
        records: One object per row.
        fields: As of `write`.
    """
    # In the order in which they first appear; variants may differ in theirs.
    swept = dict.fromkeys(
        name for record in records for name in record.get(_SETTINGS, ())
    )
    # A setting may be called like a figure.
    columns = {
        name: f"setting_{name}" if name in fields else name for name in swept
    }
    header = list(fields)
    if _SETTINGS in header:
        place = header.index(_SETTINGS)
        header[place : place + 1] = columns.values()
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    for record in records:
        own = {n: v for n, v in record.items() if n != _SETTINGS}
        settings = record.get(_SETTINGS, {})
        writer.writerow(own | {columns[n]: v for n, v in settings.items()})
    return file.getvalue()
