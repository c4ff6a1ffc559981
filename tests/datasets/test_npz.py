"""Arrays of a user's own: forms that are read, and those that are refused."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import DataError
from gradassay.datasets import Dataset, dataset_status, load_dataset

GENERATOR = np.random.default_rng(1)
TARGETS = np.array([0, 2, 1, 2, 0], dtype=np.int16)


def save(path: Path, **changes: Any) -> Dataset:
    """Write a file with changes, those that are None left out, and load it."""
    arrays: dict[str, Any] = {
        "train_inputs": GENERATOR.random((5, 12)),
        "train_targets": TARGETS,
        "test_inputs": GENERATOR.random((5, 12)),
        "test_targets": TARGETS,
    }
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return load_dataset(f"npz:{path}")


def test_features_are_floats_as_they_are(tmp_path: Path) -> None:
    inputs = GENERATOR.random((5, 12))
    data = save(tmp_path / "d.npz", train_inputs=inputs)
    np.testing.assert_array_equal(data.train_inputs, inputs.astype(np.float32))
    assert (data.shape, data.classes, data.steps) == ((12,), 3, None)
    assert data.train_targets.tolist() == TARGETS.tolist()
    assert data.scaling.applied(data.train_inputs) is data.train_inputs


def test_bytes_are_divided_by_255_or_multiplied_with_the_scale(tmp_path: Path) -> None:
    inputs = GENERATOR.integers(0, 256, (5, 12), dtype=np.uint8)
    data = save(tmp_path / "d.npz", train_inputs=inputs, test_inputs=inputs)
    np.testing.assert_allclose(data.scaling.applied(data.train_inputs), inputs / 255, rtol=1e-6)
    data = save(tmp_path / "d.npz", train_inputs=inputs, test_inputs=inputs, scale=0.5)
    np.testing.assert_allclose(data.scaling.applied(data.train_inputs), inputs * 0.5, rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2)])
@pytest.mark.parametrize("steps", [(), (6,)])
@pytest.mark.parametrize("flat", [True, False])
def test_a_shape_makes_images_of_features_at_every_step(
    shape: tuple[int, ...], steps: tuple[int, ...], flat: bool, tmp_path: Path
) -> None:
    inputs = GENERATOR.random((5, *steps, *shape)).astype(np.float32)
    given = inputs.reshape(5, *steps, 12) if flat else inputs
    data = save(tmp_path / "d.npz", train_inputs=given, test_inputs=given, shape=shape, classes=7)
    np.testing.assert_array_equal(data.train_inputs, inputs.reshape(5, *steps, 12))
    assert (data.shape, data.classes, data.steps) == (shape, 7, steps[0] if steps else None)


def test_a_folder_with_two_files_is_the_same_data_set(tmp_path: Path) -> None:
    one = save(tmp_path / "d.npz", shape=(3, 4))
    np.savez(
        tmp_path / "train.npz", inputs=one.train_inputs, targets=one.train_targets, shape=(3, 4)
    )
    np.savez_compressed(tmp_path / "test.npz", inputs=one.test_inputs, targets=one.test_targets)
    two = load_dataset(f"npz:{tmp_path}")
    assert two.checksums == one.checksums
    assert two.shape == (3, 4)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_order_and_size_of_floats_make_no_difference(
    order: Any, dtype: str, tmp_path: Path
) -> None:
    inputs = np.asarray(GENERATOR.integers(0, 100, (5, 12)), dtype=dtype, order=order)
    data = save(tmp_path / "d.npz", train_inputs=inputs)
    np.testing.assert_array_equal(data.train_inputs, inputs)
    assert data.train_inputs.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_targets": None}, "lacks test_targets"),
        ({"train_inputs": GENERATOR.random((5, 3, 2, 2))}, "Give the shape of an image"),
        ({"train_inputs": np.zeros((5, 12), dtype=np.int32)}, "has dtype int32"),
        ({"train_inputs": np.full((5, 12), np.nan)}, "not finite"),
        ({"train_inputs": np.full((5, 12), 1e300)}, "not finite"),
        ({"train_inputs": GENERATOR.random((4, 12))}, "train targets have shape"),
        ({"train_inputs": GENERATOR.random((5, 11))}, r"test inputs have shape \(5, 12\)"),
        ({"train_inputs": np.zeros((5, 12), dtype=np.uint8)}, "expected the same"),
        ({"train_targets": TARGETS.astype(float)}, "expected whole numbers"),
        ({"train_targets": TARGETS - 1}, "targets are -1 to 1"),
        ({"test_targets": TARGETS + 1}, "targets are 1 to 3; expected 0 to 2"),
        ({"shape": (5, 5)}, "expected .N, 25."),
        ({"shape": (12,)}, "expected .rows, columns."),
        ({"shape": (-3, 4)}, "expected .rows, columns."),
        ({"classes": 0}, "classes is 0; expected one positive number"),
        ({"classes": (1, 2)}, "expected one positive number"),
        ({"classes": 3.5}, "classes is 3.5; expected a whole number"),
        ({"shape": np.ones(10**5, dtype=int)}, r"shape is an array of 'i' of shape \(100000,\);"),
        ({"train_inputs": np.array([[None] * 12] * 5)}, "holds Python objects"),
        ({"train_inputs": np.zeros((0, 12)), "train_targets": TARGETS[:0]}, "is empty"),
        ({"shape": (3, (2**64 + 8) // 3)}, r"expected \(N, 18446744073709551624\)"),
    ],
)
def test_another_form_is_one_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        save(tmp_path / "d.npz", **changes)
    assert "\n" not in str(caught.value)


def test_the_state_of_own_data_is_told(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    assert not dataset_status(f"npz:{path}").found
    save(path)
    assert dataset_status(f"npz:{path}").complete
    path.write_bytes(path.read_bytes()[:100])
    status = dataset_status(f"npz:{path}")
    assert (status.found, status.complete) == (True, False)
    assert "is no whole .npz file" in str(status.files[0].problem)
    assert dataset_status("events:digits").complete


def test_a_file_that_is_missing_or_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.npz: cannot be read \(No such file"):
        load_dataset(f"npz:{tmp_path / 'none.npz'}")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(DataError, match=r"text.npz: is no whole .npz file"):
        load_dataset(f"npz:{tmp_path / 'text.npz'}")


@pytest.mark.parametrize("sizes", ["True", "1.0", "'a'", "-1"])
def test_a_size_that_is_no_whole_number_is_one_line(sizes: str, tmp_path: Path) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({sizes},), }}\n".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"x"
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train_inputs.npy", array)
    with pytest.raises(DataError, match=r"train_inputs.npy (announces shape|shape is not valid)"):
        load_dataset(f"npz:{path}")


@pytest.mark.parametrize("sizes", [(2**40,), (2**31, 2**31, 2**31), (10**6,)])
def test_a_header_that_announces_more_than_there_is_takes_no_memory(
    sizes: tuple[int, ...], tmp_path: Path
) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {sizes}, }}\n".encode()
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"few"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("train_inputs.npy", content)
    (tmp_path / "d.npz").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match=r"announces .* bytes|has 3 of 1,000,000 bytes"):
        load_dataset(f"npz:{tmp_path / 'd.npz'}")


def test_arrays_of_other_names_are_not_read(tmp_path: Path) -> None:
    data = save(tmp_path / "d.npz", notes=np.array([None], dtype=object))
    assert len(data.train_targets) == 5


def test_a_method_that_decompresses_without_bound_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("train_inputs.npy", bytes(1000))
    with pytest.raises(DataError, match=r"train_inputs.npy is compressed by another method"):
        load_dataset(f"npz:{tmp_path / 'd.npz'}")
