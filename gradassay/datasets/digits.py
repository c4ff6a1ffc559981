"""The 8 x 8 digits that come with scikit-learn."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from gradassay.core.errors import DataError
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.specs import DIGITS

TEST_EVERY = 5
LARGEST_PIXEL = 16
CHECKSUMS = {
    "digits-images": "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3",
    "digits-labels": "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0",
}


def read_digits() -> Dataset:
    """Return the digits: 1,437 training and 360 test images of 64 pixels.

    Raises
    ------
    DataError
        If the installed scikit-learn brings other data.

    Notes
    -----
    Every fifth sample, from the first on, is a test sample; the order is scikit-learn's. Pixels
    are counts of 0 to 16, divided by 16. The checksums are those of the arrays as unsigned bytes.
    """
    from sklearn.datasets import load_digits

    pixels, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
    images, targets = pixels.astype(np.uint8), labels.astype(np.uint8)
    found = {
        "digits-images": sha256(images.tobytes()).hexdigest(),
        "digits-labels": sha256(targets.tobytes()).hexdigest(),
    }
    if found != CHECKSUMS:
        raise DataError(
            "digits: scikit-learn's data differ from the known ones; expected 1,797 images with"
            f" sha256 {CHECKSUMS['digits-images'][:12]}.... Reinstall scikit-learn."
        )
    test = np.arange(len(targets)) % TEST_EVERY == 0
    inputs = images.astype(np.float32) / np.float32(LARGEST_PIXEL)
    return Dataset(
        name=DIGITS.name,
        train_inputs=inputs[~test],
        train_targets=targets[~test].astype(np.int64),
        test_inputs=inputs[test],
        test_targets=targets[test].astype(np.int64),
        classes=DIGITS.classes,
        shape=DIGITS.shape,
        source="scikit-learn (sklearn.datasets.load_digits), every fifth sample for testing",
        checksums=found,
        license=DIGITS.license,
    )
