"""Small data sets as they lie on disk when they are unpacked, for the tests."""

import io

import numpy as np
import PIL.Image

# Not in the order of the alphabet; two of them share their first name.
WNIDS = ("n03", "n01", "n02")
WORDS = {
    "n01": "crane",
    "n02": "goldfish, Carassius auratus",
    "n03": "crane, a machine",
    "n99": "what the set does not have",
}


def jpeg(colour, size=(8, 6)):
    """The bytes of a JPEG of one colour (or one grey); (width, height)."""
    file = io.BytesIO()
    mode = "L" if isinstance(colour, int) else "RGB"
    PIL.Image.new(mode, size, colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def colour_of(wnid, row):
    """The colour of an image: red tells the class, green the row."""
    return (50 * int(wnid[1:]), 20 * row, 128)


def write_tiny_imagenet(folder, train_count=4, val_count=2, size=(8, 6)):
    """Writes the usual tree; image r of a class has `colour_of(class, r)`.

    The val images of the classes follow one another in turn: their classes are
    not in the order of the labels.
    """
    (folder / "wnids.txt").write_text("\n".join(WNIDS) + "\n")
    words = [f"{wnid}\t{names}" for wnid, names in WORDS.items()]
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    for wnid in WNIDS:
        images = folder / "train" / wnid / "images"
        images.mkdir(parents=True)
        (images.parent / f"{wnid}_boxes.txt").write_text("boxes\n")
        for row in range(train_count):
            data = jpeg(colour_of(wnid, row), size)
            (images / f"{wnid}_{row}.JPEG").write_bytes(data)
    images = folder / "val" / "images"
    images.mkdir(parents=True)
    lines = []
    for number in range(val_count * len(WNIDS)):
        wnid = sorted(WNIDS)[number % 3]
        name = f"val_{number}.JPEG"
        colour = colour_of(wnid, 5 + number // 3)
        (images / name).write_bytes(jpeg(colour, size))
        lines.append(f"{name}\t{wnid}\t0\t32\t44\t62\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))


def is_coloured(image, colour):
    """Whether a decoded image is of one colour, but for JPEG's loss."""
    return np.abs(image.astype(int) - np.array(colour)).max() <= 4
