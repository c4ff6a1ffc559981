"""A reader of pickles of NumPy bytes that runs nothing.

Pickle is a language whose programs can call anything. This reader interprets the few instructions
that dictionaries of lists, text and arrays of unsigned bytes are made of; functions that rebuild
an array are known by their names, and never looked up.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError

MOST_BYTES = 256 * 2**20
MOST_OBJECTS = 2_000_000
# values nest so deep: a dictionary with a list in it
_DEEPEST = 16


class _Defect(Exception):
    """What is wrong with a pickle."""


@dataclass(frozen=True)
class _Name:
    """A function or class that a pickle speaks of, as text."""

    text: str


@dataclass(eq=False)
class _ByteType:
    """The dtype of unsigned bytes, under construction."""


@dataclass(eq=False)
class _Bytes:
    """An array of unsigned bytes, under construction."""

    array: NDArray[np.uint8] | None = None


_MARK = object()
_NDARRAY = "numpy ndarray"
_RECONSTRUCT = {
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
}
_FROM_BUFFER = {"numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"}
_ENCODE = "_codecs encode"
_DTYPE = "numpy dtype"
_BYTES = {"__builtin__ bytes", "builtins bytes"}
_KNOWN = {_NDARRAY, *_RECONSTRUCT, *_FROM_BUFFER, *_BYTES, _ENCODE, _DTYPE}


def read_pickle(data: bytes, name: str = "pickle") -> object:
    """Return what a pickle holds: None, booleans, numbers, text, bytes, lists, tuples, arrays.

    Parameters
    ----------
    data : bytes
        The pickle, of any protocol.
    name : str
        Of the file, for errors.

    Returns
    -------
    object
        Dictionaries have text, bytes or numbers as keys. Arrays are of unsigned bytes.

    Raises
    ------
    DataError
        If it is damaged, too large, or asks for anything else; nothing of it is run.
    """
    if len(data) > MOST_BYTES:
        raise DataError(f"{name}: has {len(data):,} bytes; expected at most {MOST_BYTES:,}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of escapes in damaged text
            return _Finisher().value(_Machine().run(data))
    except _Defect as defect:
        problem = str(defect)
    # what pickletools and malformed arguments raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError) as error:
        problem = f"is no whole pickle ({str(error).partition(chr(10))[0] or type(error).__name__})"
    raise DataError(f"{name}: {problem}. Replace it with a whole copy.")


class _Finisher:
    """Puts arrays in place of what they were made with; what is shared stays shared."""

    def __init__(self) -> None:
        self._done: dict[int, object] = {}

    def value(self, raw: object, depth: int = 0) -> object:
        """Return a value without anything of the machine's own in it."""
        if depth > _DEEPEST:
            raise _Defect(f"nests deeper than {_DEEPEST} levels")
        if id(raw) not in self._done:
            self._done[id(raw)] = self._made(raw, depth)
        return self._done[id(raw)]

    def _made(self, raw: object, depth: int) -> object:
        if isinstance(raw, _Bytes) and raw.array is not None:
            return raw.array
        if isinstance(raw, dict):
            return {key: self.value(each, depth + 1) for key, each in raw.items()}
        if isinstance(raw, list | tuple):
            parts = [self.value(each, depth + 1) for each in raw]
            return parts if isinstance(raw, list) else tuple(parts)
        if raw is None or isinstance(raw, bool | int | float | str | bytes):
            return raw
        raise _Defect("holds something else than numbers, text, lists and arrays of unsigned bytes")


def _key(key: object) -> object:
    if not isinstance(key, str | bytes | int):
        raise _Defect("has a key that is no text and no number")
    return key


@dataclass(eq=False)
class _Machine:
    """Stack and memory of an interpreter."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    objects: int = 0

    def run(self, data: bytes) -> object:
        """Return what is on the stack where the program stops."""
        for code, argument, _ in pickletools.genops(data):
            self.objects += 1
            if self.objects > MOST_OBJECTS:
                raise _Defect(f"has more than {MOST_OBJECTS:,} instructions")
            if code.name == "STOP":
                return self._pop()
            if code.name in _VALUES:
                self.stack.append(argument)
            elif code.name in _MADE:
                self.stack.append(_MADE[code.name]())
            elif code.name in _ACTIONS:
                _ACTIONS[code.name](self, argument)
            elif code.name not in _NOTHING:
                raise _Defect(
                    f"has the instruction {code.name}; expected numbers, text, lists and arrays of"
                    " unsigned bytes only, and nothing was run"
                )
        raise _Defect("has no end")

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise _Defect("has a mark where a value belongs")
        return value

    def marked(self) -> list[Any]:
        """Return the values above the last mark, and remove them and the mark."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def top(self, kind: type) -> Any:
        """Return the value on top, which has to be of a kind."""
        if not isinstance(self.stack[-1], kind):
            raise _Defect(f"adds to what is no {kind.__name__}")
        return self.stack[-1]

    def push_tuple(self, size: int) -> None:
        """Put the last values into a tuple."""
        values = [self._pop() for _ in range(size)]
        self.stack.append(tuple(values[::-1]))

    def set_items(self, pairs: list[Any]) -> None:
        """Put keys and values that follow each other into the dictionary on top."""
        target = self.top(dict)
        if len(pairs) % 2:
            raise _Defect("has a key without a value")
        target.update(
            (_key(key), value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)
        )

    def name(self, text: str) -> None:
        """Push a name, if it is one of those of arrays."""
        if text not in _KNOWN:
            raise _Defect(
                f"names {text.replace(' ', '.')[:80]!r}; expected arrays of unsigned bytes only,"
                " and nothing was run"
            )
        self.stack.append(_Name(text))

    def reduce(self, _: object) -> None:
        """Push what a known function makes of its arguments."""
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise _Defect("calls what is no function; nothing was run")
        self.stack.append(_made(function.text, arguments))

    def build(self, _: object) -> None:
        """Give an array or a dtype under construction its state."""
        state, target = self._pop(), self.stack[-1]
        if isinstance(target, _Bytes):
            target.array = _array(state)
        elif not isinstance(target, _ByteType):
            raise _Defect("gives a state to what is no array")


def _made(function: str, arguments: tuple[Any, ...]) -> object:
    """Return what one of the known functions makes."""
    if function in _RECONSTRUCT and arguments[:1] == (_Name(_NDARRAY),):
        return _Bytes()
    if function in _FROM_BUFFER and len(arguments) == 4:
        content, dtype, shape, order = arguments
        return _Bytes(_array((1, shape, dtype, order == "F", content)))
    if function == _DTYPE and arguments[:1] in (("u1",), (b"u1",)):
        return _ByteType()
    if function in _BYTES and not arguments:
        return b""
    if function == _ENCODE and len(arguments) == 2 and arguments[1] in ("latin1", b"latin1"):
        return str(arguments[0]).encode("latin1")
    raise _Defect(
        f"calls {function.replace(' ', '.')} in another way than for an array of unsigned bytes;"
        " nothing was run"
    )


def _array(state: object) -> NDArray[np.uint8]:
    """Return the array of a state (version, shape, dtype, order, content)."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise _Defect("has an array with an unknown state")
    _, shape, dtype, fortran, content = state
    sizes = isinstance(shape, tuple) and all(isinstance(size, int) and size >= 0 for size in shape)
    if not sizes or len(shape) > 4 or not isinstance(dtype, _ByteType):
        raise _Defect("has an array of another kind than unsigned bytes")
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(content, bytes | bytearray):
        raise _Defect("has an array whose content is no bytes")
    announced = int(np.prod(shape, dtype=object))
    if announced != len(content):
        raise _Defect(f"has an array of {len(content):,} bytes; expected {announced:,}, its shape")
    array = np.frombuffer(content, dtype=np.uint8)
    return array.reshape(shape, order="F" if fortran is True or fortran == 1 else "C")


_NOTHING = {"PROTO", "FRAME"}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *(
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
}
_MADE: Mapping[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}


def _put(machine: _Machine, place: object) -> None:
    machine.memo[len(machine.memo) if place is None else int(str(place))] = machine.stack[-1]


def _get(machine: _Machine, place: object) -> None:
    machine.stack.append(machine.memo[int(str(place))])


def _append(machine: _Machine, values: list[Any]) -> None:
    machine.top(list).extend(values)


def _stack_name(machine: _Machine, _: object) -> None:
    machine.push_tuple(2)
    module, name = machine.stack.pop()
    if not isinstance(module, str) or not isinstance(name, str):
        raise _Defect("names something by what is no text; nothing was run")
    machine.name(f"{module} {name}")


def _new_dict(machine: _Machine, _: object) -> None:
    pairs = machine.marked()
    machine.stack.append({})
    machine.set_items(pairs)


def _set_item(machine: _Machine, _: object) -> None:
    machine.push_tuple(2)
    machine.set_items(list(machine.stack.pop()))


def _append_one(machine: _Machine, _: object) -> None:
    machine.push_tuple(1)
    _append(machine, list(machine.stack.pop()))


_ACTIONS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _put,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.marked())),
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "LIST": lambda machine, _: machine.stack.append(machine.marked()),
    "DICT": _new_dict,
    "APPEND": _append_one,
    "APPENDS": lambda machine, _: _append(machine, machine.marked()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.marked()),
    "GLOBAL": lambda machine, text: machine.name(text),
    "STACK_GLOBAL": _stack_name,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
