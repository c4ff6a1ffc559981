"""Downloads from a server on the loopback interface, and the state of what is there."""

from __future__ import annotations

import gzip
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradassay.core.errors import DataError, UsageError
from gradassay.datasets import dataset_status, download_dataset
from gradassay.datasets.download import fetch_files
from gradassay.datasets.load import download_spec, load_spec
from gradassay.datasets.places import cache_folder, cache_place
from gradassay.datasets.specs import DatasetSpec
from gradassay.datasets.status import status_of

Respecify = Callable[[dict[str, bytes], tuple[str, ...]], DatasetSpec]
IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_missing_files_are_downloaded_once_and_quietly(
    tiny: Any, web: Any, cache: Path, capfd: Any
) -> None:
    spec = replace(tiny.spec, mirrors=(web.serve("a", tiny.contents),))
    dataset = load_spec(spec)
    assert dataset.source == f"cache ({cache / 'tiny'})"
    assert dataset.train_inputs.shape == (20, 12)
    assert names_in(cache / "tiny") == sorted(f"{name}.gz" for name in tiny.contents)
    load_spec(spec)
    assert len(web.asked) == 4
    assert "".join(capfd.readouterr()) == ""


def test_second_mirror_is_used_when_the_first_has_no_file(tiny: Any, web: Any) -> None:
    second = web.serve("b", tiny.contents)
    spec = replace(tiny.spec, mirrors=(f"{web.url}/a/", second))
    assert download_spec(spec).complete
    assert web.asked[:2] == [f"/a/{IMAGES}", f"/b/{IMAGES}"]


def test_second_mirror_is_used_when_the_first_has_another_file(tiny: Any, web: Any) -> None:
    first, second = web.serve("a", tiny.contents), web.serve("b", tiny.contents)
    web.answers[f"/a/{IMAGES}"] = (200, b"<html>", 6)
    assert download_spec(replace(tiny.spec, mirrors=(first, second))).complete


@pytest.mark.parametrize(
    ("announced", "reason"),
    [(5_000, "the transfer broke off"), (30, "content differs from the published file")],
)
def test_truncated_body_is_an_error_and_leaves_nothing(
    tiny: Any, web: Any, cache: Path, announced: int, reason: str
) -> None:
    mirror = web.serve("a", tiny.contents)
    body = web.answers[f"/a/{LABELS}"][1][:30]
    web.answers[f"/a/{LABELS}"] = (200, body, announced)
    with pytest.raises(DataError) as caught:
        load_spec(replace(tiny.spec, mirrors=(mirror,)))
    assert f"could not download {LABELS}; tried {mirror} ({reason})." in str(caught.value)
    assert names_in(cache / "tiny") == [IMAGES]  # whole, kept for the next attempt


def test_without_network_the_error_names_mirrors_and_ways_to_supply_files(
    tiny: Any, cache: Path
) -> None:
    port = closed_port()
    mirrors = (f"http://127.0.0.1:{port}/a/", f"http://127.0.0.1:{port}/b/")
    spec = replace(tiny.spec, mirrors=mirrors, package="dataset-tiny", package_folder="/nowhere")
    with pytest.raises(DataError) as caught:
        load_spec(spec)
    assert str(caught.value) == (
        f"tiny: could not download {IMAGES}; tried {mirrors[0]} (no connection), {mirrors[1]}"
        " (no connection). To supply the files yourself: give their folder with --data-dir, or"
        " set $GRADASSAY_DATA to it, or `apt-get install dataset-tiny`."
    )
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert names_in(cache / "tiny") == []


def test_a_silent_server_is_given_up(tiny: Any) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        spec = replace(tiny.spec, mirrors=(f"http://127.0.0.1:{listener.getsockname()[1]}/",))
        start = time.monotonic()
        with pytest.raises(DataError, match="no answer in time"):
            fetch_files(spec, cache_place(spec), timeout_s=(0.3, 0.3))
        assert time.monotonic() - start < 5


def test_download_replaces_a_corrupt_file_and_keeps_the_others(
    tiny: Any, web: Any, cache: Path
) -> None:
    folder = tiny.write(cache / "tiny", plain=True)
    (folder / IMAGES).write_bytes(b"half a file")
    spec = replace(tiny.spec, mirrors=(web.serve("a", tiny.contents),))
    assert download_spec(spec).complete
    assert web.asked == [f"/a/{IMAGES}"]
    load_spec(spec)


def test_cache_folder_that_cannot_be_made_is_named(tiny: Any, cache: Path) -> None:
    cache.write_bytes(b"a file in the way")
    with pytest.raises(DataError, match=r"^tiny: cannot write the cache folder .* \(\w.*\)\. To"):
        load_spec(tiny.spec)


def test_cache_folder_without_permission_is_named(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match=r"\(no permission to write\)"):
        load_spec(tiny.spec)


def test_status_tells_missing_corrupt_and_present_files(
    tiny: Any, tmp_path: Path, cache: Path
) -> None:
    nothing = status_of(tiny.spec, None, verify=True)
    assert (nothing.found, nothing.complete, nothing.size_bytes) == (False, False, 0)
    assert [file.state for file in nothing.files] == ["missing"] * 4
    folder = tiny.write(cache / "tiny")
    whole = status_of(tiny.spec, None, verify=True)
    assert (whole.found, whole.complete, whole.place) == (True, True, f"cache ({folder})")
    assert whole.size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert whole.download_bytes == sum(file.published_bytes for file in tiny.spec.files)
    (folder / IMAGES).write_bytes(gzip.compress(tiny.contents[IMAGES[:-3]] + b"x"))
    damaged = status_of(tiny.spec, None, verify=True)
    assert (damaged.found, damaged.complete) == (True, False)
    assert [file.state for file in damaged.files] == ["corrupt"] + ["present"] * 3
    assert str(damaged.files[0].problem).startswith(f"{IMAGES}: has trailing bytes")
    assert status_of(tiny.spec, None, verify=False).complete
    (folder / IMAGES).unlink()
    partial = status_of(tiny.spec, folder, verify=True)
    assert [file.state for file in partial.files] == ["missing"] + ["present"] * 3
    assert partial.place == f"data_dir ({folder})"


def test_status_calls_other_content_corrupt(tiny: Any, respecify: Respecify, cache: Path) -> None:
    tiny.write(cache / "tiny")
    other = respecify({name: content + b"x" for name, content in tiny.contents.items()}, ())
    status = status_of(other, None, verify=True)
    assert [file.state for file in status.files] == ["corrupt"] * 4
    assert "content differs from the published file" in str(status.files[0].problem)


def test_digits_need_no_files() -> None:
    status = dataset_status("digits")
    assert (status.found, status.complete, status.place) == (True, True, "scikit-learn")
    assert download_dataset("digits") == status


def test_unknown_names_are_refused_everywhere() -> None:
    for call in (dataset_status, download_dataset):
        with pytest.raises(UsageError, match="dataset: got 'cifar'"):
            call("cifar")


def test_downloads_go_to_the_users_cache_folder() -> None:
    folder = cache_folder("mnist")  # imported before the tests' own took its place
    assert folder.is_absolute()
    assert folder.parts[-2:] == ("gradassay", "mnist")
