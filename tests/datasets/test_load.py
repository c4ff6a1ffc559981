"""Loading: digits, the order of the search, checks against the published files."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.core.keys import Key
from gradassay.datasets import DATASET_NAMES, Dataset, dataset_status, epoch_batches, load_dataset
from gradassay.datasets.load import load_spec
from gradassay.datasets.specs import DATASETS, FASHION_MNIST, MNIST, DatasetSpec

Respecify = Callable[[dict[str, bytes], tuple[str, ...]], DatasetSpec]
TRAIN_LABELS = "train-labels-idx1-ubyte"


def require_tiny(dataset: Dataset, tiny: Any) -> None:
    images, labels, test_images, test_labels = tiny.arrays
    assert dataset.train_inputs.dtype == np.float32
    assert dataset.train_targets.dtype == np.int64
    np.testing.assert_array_equal(np.rint(dataset.train_inputs * 255), images.reshape(20, 12))
    np.testing.assert_array_equal(np.rint(dataset.test_inputs * 255), test_images.reshape(10, 12))
    np.testing.assert_array_equal(dataset.train_targets, labels)
    np.testing.assert_array_equal(dataset.test_targets, test_labels)


def test_digits_are_every_fifth_sample_for_testing_in_sixteenths() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    digits = load_dataset("digits")
    assert digits.train_inputs.shape == (1437, 64)
    assert digits.test_inputs.shape == (360, 64)
    assert digits.train_inputs.dtype == np.float32
    assert (digits.train_inputs.min(), digits.train_inputs.max()) == (0, 1)
    np.testing.assert_array_equal(digits.test_inputs * 16, pixels[::5])
    np.testing.assert_array_equal(digits.test_targets, labels[::5])
    np.testing.assert_array_equal(digits.train_targets[:4], labels[1:5])
    assert (digits.classes, digits.shape, digits.license) == (10, (8, 8), "CC BY 4.0")
    assert sorted(digits.checksums) == ["digits-images", "digits-labels"]


def test_digits_of_another_scikit_learn_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(**_: object) -> tuple[Any, Any]:
        return np.zeros((1797, 64)), np.zeros(1797, np.int64)

    monkeypatch.setattr("sklearn.datasets.load_digits", other)
    with pytest.raises(DataError, match=r"^digits: scikit-learn's data differ"):
        load_dataset("digits")
    status = dataset_status("digits")
    assert (status.complete, {file.state for file in status.files}) == (False, {"corrupt"})


def test_unknown_name_lists_the_data_sets() -> None:
    with pytest.raises(UsageError, match=r"^dataset: got 'mnst'; .* Did you mean 'mnist'\?"):
        load_dataset("mnst")
    assert DATASET_NAMES == (
        *("digits", "mnist", "fashion-mnist", "cifar10", "cifar100"),
        *("nmnist", "dvs-gesture", "cifar10-dvs", "poker-dvs"),
    )


@pytest.mark.parametrize("below", ["", "tiny", "tiny/raw"])
@pytest.mark.parametrize("plain", [False, True])
def test_explicit_folder_is_searched_with_its_sub_folders(
    tiny: Any, tmp_path: Path, below: str, plain: bool
) -> None:
    folder = tiny.write(tmp_path / "data" / below, plain=plain)
    dataset = load_spec(tiny.spec, tmp_path / "data")
    require_tiny(dataset, tiny)
    assert dataset.source == f"data_dir ({folder})"
    assert dataset.checksums == {file.name: file.sha256 for file in tiny.spec.files}


def test_places_are_searched_in_order(
    tiny: Any, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tiny.write(tmp_path / "package")
    spec = replace(tiny.spec, package_folder=str(package), package="dataset-tiny")

    def source(data_dir: Path | None = None) -> str:
        return load_spec(spec, data_dir, download=False).source

    assert source() == f"Debian package dataset-tiny ({package})"
    tiny.write(cache / "tiny")
    assert source() == f"cache ({cache / 'tiny'})"
    monkeypatch.setenv("GRADASSAY_DATA", str(tmp_path / "environment"))
    for below in ("tiny/raw", "tiny", ""):
        folder = tiny.write(tmp_path / "environment" / below)
        assert source() == f"$GRADASSAY_DATA ({folder})"
    explicit = tiny.write(tmp_path / "explicit")
    assert source(explicit) == f"data_dir ({explicit})"


def test_a_place_counts_only_with_all_four_files(
    tiny: Any, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = tiny.write(tmp_path / "environment")
    (partial / f"{TRAIN_LABELS}.gz").unlink()
    tiny.write(cache / "tiny")
    monkeypatch.setenv("GRADASSAY_DATA", str(partial))
    assert load_spec(tiny.spec, download=False).source == f"cache ({cache / 'tiny'})"


def test_explicit_folder_that_lacks_files_never_falls_through(
    tiny: Any, tmp_path: Path, cache: Path
) -> None:
    tiny.write(cache / "tiny")
    partial = tiny.write(tmp_path / "data" / "tiny")
    (partial / f"{TRAIN_LABELS}.gz").unlink()
    with pytest.raises(DataError) as caught:
        load_spec(tiny.spec, tmp_path / "data")
    data = tmp_path / "data"
    assert f"tiny lacks {TRAIN_LABELS}; looked in {data}, {data}/tiny, {data}/tiny/raw." in str(
        caught.value
    )


def test_explicit_folder_that_is_none_is_named(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DataError, match=r"data_dir: got .*nothing', which does not exist"):
        load_spec(tiny.spec, tmp_path / "nothing")
    with pytest.raises(DataError, match=r"data_dir: got .*file', which is not a folder"):
        load_spec(tiny.spec, tmp_path / "file")


def test_without_download_the_error_says_where_it_looked(tiny: Any, cache: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_spec(replace(tiny.spec, package_folder="/nowhere", package="p"), download=False)
    assert str(caught.value) == (
        f"tiny: files not found; looked in {cache}/tiny, /nowhere. Run `gradassay data get tiny`."
        " To supply the files yourself: give their folder with --data-dir, or set"
        " $GRADASSAY_DATA to it, or `apt-get install p`."
    )


def test_other_content_is_told_from_the_published_one(tiny: Any, cache: Path) -> None:
    folder = tiny.write(cache / "tiny")
    content = bytearray(tiny.contents["t10k-images-idx3-ubyte"])
    content[-1] ^= 1
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError) as caught:
        load_spec(tiny.spec)
    text = str(caught.value)
    assert text.startswith(
        "t10k-images-idx3-ubyte.gz: content differs from the published file (sha256 "
    )
    assert text.endswith(". Delete it and run `gradassay data get tiny`.")


def test_files_of_another_data_set_are_recognised(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(tiny.spec, name="small")
    monkeypatch.setattr("gradassay.datasets.idx_set.DATASETS", (other,))
    expected = tuple(replace(file, sha256="0" * 64) for file in tiny.spec.files)
    with pytest.raises(DataError, match="content is train-images-idx3-ubyte of small; expected"):
        load_spec(replace(tiny.spec, files=expected), tiny.write(tmp_path / "data"))


def test_defective_file_in_the_package_says_how_to_reinstall(tiny: Any, tmp_path: Path) -> None:
    package = tiny.write(tmp_path / "package")
    (package / f"{TRAIN_LABELS}.gz").write_bytes(b"")
    spec = replace(tiny.spec, package_folder=str(package), package="dataset-tiny")
    with pytest.raises(DataError, match=r"is empty .* `apt-get install --reinstall dataset-tiny`"):
        load_spec(spec)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (TRAIN_LABELS, np.full(20, 5), r"has label 5 at index 0; expected 0 to 4"),
        (TRAIN_LABELS, np.zeros(19), r"has 19 labels for the 20 images of train-images"),
        (TRAIN_LABELS, np.zeros((20, 1)), r"has 2 dimensions; expected 1"),
        ("t10k-images-idx3-ubyte", np.zeros((10, 4, 4)), r"has images of shape \(4, 4\); expected"),
        ("t10k-images-idx3-ubyte", np.zeros((10, 12)), r"has 2 dimensions; expected 3"),
    ],
)
def test_images_and_labels_must_belong_together(
    tiny: Any,
    encode: Any,
    respecify: Respecify,
    tmp_path: Path,
    name: str,
    array: Any,
    message: str,
) -> None:
    tiny.contents[name] = encode(array.astype(np.uint8))
    spec = respecify(tiny.contents, ())
    with pytest.raises(DataError, match=f"^{name}.gz: {message}"):
        load_spec(spec, tiny.write(tmp_path / "data"))


def test_data_set_without_samples_is_refused(
    tiny: Any, encode: Any, respecify: Respecify, tmp_path: Path
) -> None:
    tiny.contents["t10k-images-idx3-ubyte"] = encode(np.zeros((0, 3, 4), np.uint8))
    tiny.contents["t10k-labels-idx1-ubyte"] = encode(np.zeros(0, np.uint8))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: holds no samples"):
        load_spec(respecify(tiny.contents, ()), tiny.write(tmp_path / "data"))


def test_fashion_mnist_is_read_from_the_debian_package() -> None:
    if not os.path.isdir(str(FASHION_MNIST.package_folder)):
        pytest.skip("the Debian package dataset-fashion-mnist is not installed")
    dataset = load_dataset("fashion-mnist", download=False)
    assert dataset.source.startswith("Debian package dataset-fashion-mnist")
    assert dataset.train_inputs.shape == (60_000, 784)
    assert dataset.test_inputs.shape == (10_000, 784)
    assert (dataset.train_inputs.min(), dataset.train_inputs.max()) == (0, 1)
    np.testing.assert_array_equal(np.bincount(dataset.train_targets), [6000] * 10)
    np.testing.assert_array_equal(dataset.train_targets[:5], [9, 0, 0, 3, 0])


def test_specifications_are_complete_and_pinned() -> None:
    assert len({spec.name for spec in DATASETS}) == len(DATASETS)
    for spec in (MNIST, FASHION_MNIST):
        assert [file.name.split("-")[0] for file in spec.files] == ["train"] * 2 + ["t10k"] * 2
        assert len(spec.mirrors) == 2
        assert all(mirror.endswith("/") for mirror in spec.mirrors)
        for file in spec.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert len(bytes.fromhex(file.published_hash.removeprefix("sha256:"))) == 32


def test_subsets_of_one_key_are_nested_and_leave_the_test_set() -> None:
    digits, key = load_dataset("digits"), Key(3) / "subset"
    small, large = digits.subset(50, key), digits.subset(200, key)
    np.testing.assert_array_equal(small.train_inputs, large.train_inputs[:50])
    np.testing.assert_array_equal(small.test_inputs, digits.test_inputs)
    assert small.source.endswith("; 50 of 1,437 training samples")
    everything = digits.subset(1437, key)
    assert sorted(everything.train_targets) == sorted(digits.train_targets)
    for count in (0, 1438):
        with pytest.raises(ConfigurationError, match=f"count: got {count}; expected 1 to 1,437"):
            digits.subset(count, key)


@pytest.mark.parametrize("size", [1, 3, 10, 99])
def test_an_epoch_has_each_sample_once(size: int) -> None:
    batches = list(epoch_batches(10, size, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(10))
    assert all(len(batch) == min(size, 10) for batch in batches[:-1])
    again = list(epoch_batches(10, size, np.random.default_rng(0)))
    np.testing.assert_array_equal(np.concatenate(batches), np.concatenate(again))


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1, 0), (5, -1)])
def test_an_epoch_needs_samples_and_a_size(count: int, size: int) -> None:
    with pytest.raises(ConfigurationError, match="expected both at least 1"):
        epoch_batches(count, size, np.random.default_rng(0))


def test_importing_the_readers_imports_no_heavy_library() -> None:
    code = (
        "import sys, gradassay.datasets;"
        "print([m for m in ('torch', 'sklearn', 'pooch', 'requests') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
