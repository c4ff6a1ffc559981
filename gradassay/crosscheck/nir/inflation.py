"""Compressed data whose size is checked before HDF5 unpacks it, which it does without bound."""

from __future__ import annotations

import math
import zlib
from typing import Any

from gradassay.crosscheck.nir.limits import MAX_CHUNKS, MAX_FILE_BYTES, MAX_TOTAL_BYTES

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
LZF_RATIO = 100  # three bytes become at most 264


def compression_problem(data: Any) -> str:
    """Return what is wrong with how a data set is compressed, or nothing.

    Parameters
    ----------
    data : h5py.Dataset
        Its declared size is already known to be reasonable.
    """
    plan = data.id.get_create_plist()
    filters = [int(plan.get_filter(index)[0]) for index in range(plan.get_nfilters())]
    unknown = sorted(set(filters) - {DEFLATE, SHUFFLE, FLETCHER32, LZF})
    if unknown:
        return f"stored with filter {unknown[-1]}; expected gzip or lzf."  # may load a plug-in
    packed = [each for each in filters if each in (DEFLATE, LZF)]
    if len(packed) > 1:
        return "compressed twice; expected gzip or lzf."
    if not data.chunks or not packed:
        return ""
    return _chunk_problem(data, packed[0])


def _chunk_problem(data: Any, packing: int) -> str:
    """Return what is wrong with the chunks of a compressed data set, or nothing."""
    count = data.id.get_num_chunks()
    if count > MAX_CHUNKS:
        return f"stored in {count:,} chunks; at most {MAX_CHUNKS:,}."
    declared = math.prod(int(each) for each in data.chunks) * data.dtype.itemsize
    declared = max(declared, 16 * math.prod(int(each) for each in data.chunks))  # of a text's place
    for index in range(count):
        info = data.id.get_chunk_info(index)
        if info.size > MAX_FILE_BYTES:
            return f"a chunk of {info.size:,} bytes; too many to read."
        if packing == LZF:
            if info.size * LZF_RATIO > max(declared * LZF_RATIO, MAX_TOTAL_BYTES):
                return "a chunk that may unpack to more than it declares."
            continue
        raw = data.id.read_direct_chunk(info.chunk_offset)[1]
        if len(zlib.decompressobj().decompress(bytes(raw), declared + 1)) > declared:
            return "a chunk that unpacks to more than it declares."
    return ""
