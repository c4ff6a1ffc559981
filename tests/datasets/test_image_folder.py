"""Images in folders: which pixels, in which order, and what is refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gradassay.core.errors import DataError
from gradassay.datasets import image_folder, load_dataset

SHAPES = {"grey": (5, 7), "colour": (5, 7, 3)}


def pixels(seed: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(folder: Path, shape: tuple[int, ...], count: int = 11) -> Path:
    """Write two classes of images: seeds 0, 1, ... in the order in which they are read."""
    seed = 0
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / part / name).mkdir(parents=True)
            for number in range(count if part == "train" else 2):
                Image.fromarray(pixels(seed, shape)).save(folder / part / name / f"{number}.png")
                seed += 1
    return folder


@pytest.mark.parametrize("kind", SHAPES)
def test_pixels_are_those_of_the_files_in_the_order_of_class_and_number(
    kind: str, tmp_path: Path
) -> None:
    shape = SHAPES[kind]
    data = load_dataset(f"folder:{write(tmp_path / 'd', shape)}")
    assert data.train_targets.tolist() == [0] * 11 + [1] * 11
    assert data.test_targets.tolist() == [0, 0, 1, 1]
    assert data.shape == ((5, 7) if kind == "grey" else (3, 5, 7))
    for number in range(22):
        expected = pixels(number, shape)
        if kind == "colour":
            expected = expected.transpose(2, 0, 1)
        np.testing.assert_array_equal(data.train_inputs[number], expected.ravel())
    inputs = data.scaling.applied(data.test_inputs)
    np.testing.assert_allclose(inputs, data.test_inputs / 255, rtol=1e-6)


def test_jpeg_and_hidden_files_are_as_expected(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", SHAPES["grey"], count=1)
    flat = np.full((5, 7), 128, dtype=np.uint8)
    Image.fromarray(flat).save(folder / "train" / "cat" / "10.jpeg")
    (folder / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    data = load_dataset(f"folder:{folder}")
    assert data.train_targets.tolist() == [0, 0, 1]
    np.testing.assert_allclose(data.train_inputs[1], 128, atol=1)


def damage(folder: Path, name: str) -> str:
    """Damage a folder in one way and return what the error says."""
    cat = folder / "train" / "cat"
    if name == "no test":
        (folder / "test").rename(folder / "tests")
        return "has no folder 'test'"
    if name == "another class":
        (folder / "test" / "dog").rename(folder / "test" / "wolf")
        return "dog, wolf is in one of train and test only"
    if name == "empty class":
        for file in cat.iterdir():
            file.unlink()
        return "holds no image"
    if name == "no image":
        (cat / "notes.txt").write_text("x")
        return "is no image; expected .png, .jpg, .jpeg files only"
    if name == "file among classes":
        for part in ("train", "test"):
            (folder / part / "list.txt").write_text("x")
        return "is no folder; expected one for each class"
    if name == "other size":
        Image.fromarray(pixels(0, (5, 8))).save(cat / "99.png")
        return r"has shape \(5, 8\); expected \(5, 7\)"
    if name == "colour among grey":
        Image.fromarray(pixels(0, (5, 7, 3))).save(cat / "99.png")
        return r"has shape \(3, 5, 7\); expected \(5, 7\)"
    if name == "sixteen bits":
        Image.fromarray(np.full((5, 7), 1000, dtype=np.uint16)).save(cat / "0.png")
        return "has more than 8 bits a pixel"
    if name == "another format":
        Image.fromarray(pixels(0, (5, 7))).save(cat / "0.png", format="GIF")
        return "cannot be read as an image"
    data = (cat / "0.png").read_bytes()
    (cat / "0.png").write_bytes(data[: len(data) // 2])
    return "cannot be read as an image"


@pytest.mark.parametrize(
    "name",
    [
        *("no test", "another class", "empty class", "no image", "file among classes"),
        *("other size", "colour among grey", "sixteen bits", "another format", "truncated"),
    ],
)
def test_a_folder_of_another_form_is_one_line(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", SHAPES["grey"], count=2)
    message = damage(folder, name)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(f"folder:{folder}")
    assert "\n" not in str(caught.value)


def test_an_image_that_is_too_large_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "d", SHAPES["grey"], count=1)
    monkeypatch.setattr(image_folder, "MOST_PIXELS", 34)
    with pytest.raises(DataError, match=r"has 5 x 7 pixels; expected at most 34"):
        load_dataset(f"folder:{folder}")


def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder"):
        load_dataset(f"folder:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("linked", ["image", "class"])
def test_a_symbolic_link_is_what_it_leads_to(linked: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", SHAPES["grey"], count=2)
    before = load_dataset(f"folder:{folder}")
    inside = folder / "train" / "cat" / ("0.png" if linked == "image" else "")
    outside = tmp_path / "outside"
    inside.rename(outside)
    inside.symlink_to(outside)
    assert load_dataset(f"folder:{folder}").checksums == before.checksums


def test_more_images_than_memory_should_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "d", SHAPES["grey"], count=2)
    monkeypatch.setattr(image_folder, "MOST_BYTES", 4 * 35 - 1)
    with pytest.raises(DataError, match=r"holds 4 images of 35 bytes; expected at most 139 bytes"):
        load_dataset(f"folder:{folder}")


def test_a_chunk_that_announces_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    Image.fromarray(pixels(0, (5, 7))).save(file)
    data = bytearray(file.read_bytes())
    data[33:37] = b"\xff\xff\xff\x00"  # the length of what follows the header
    file.write_bytes(data)
    tracemalloc.start()
    try:
        found = image_folder.read_image(file)  # its pixels are all there
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, pixels(0, (5, 7)))
    assert peak < 2**24


def test_a_file_far_larger_than_an_image_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(pixels(0, (5, 7))).save(tmp_path / "x.png")
    monkeypatch.setattr(image_folder, "MOST_FILE_BYTES", 50)
    with pytest.raises(DataError, match=r"has \d+ bytes; expected at most 50"):
        image_folder.read_image(tmp_path / "x.png")
