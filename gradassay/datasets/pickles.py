"""A reader of pickles of NumPy bytes that runs nothing.

Pickle is a language whose programs can call anything. This reader interprets the few instructions
that dictionaries of lists, text and arrays of unsigned bytes are made of; functions that rebuild
an array are known by their names, and never looked up.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradassay.core.errors import DataError
from gradassay.datasets.defect import Defect
from gradassay.datasets.pickled_arrays import (
    KNOWN,
    MOST_BYTES,
    ByteArray,
    ByteType,
    Name,
    array_of,
    rebuilt,
)

MOST_OBJECTS = 2_000_000
# values nest so deep: a dictionary with a list in it
_DEEPEST = 16
# whole numbers that are equal modulo 2**61 - 1 collide in a dictionary
_MOST_KEY = 2**61 - 2


_MARK = object()


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
    except Defect as defect:
        problem = str(defect)
    # what pickletools and malformed arguments raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError) as error:
        reason = str(error).partition("\n")[0][:100] or type(error).__name__
        problem = f"is no whole pickle ({reason})"
    raise DataError(f"{name}: {problem}. Replace it with a whole copy.")


class _Finisher:
    """Puts arrays in place of what they were made with; what is shared stays shared."""

    def __init__(self) -> None:
        self._done: dict[int, object] = {}

    def value(self, raw: object, depth: int = 0) -> object:
        """Return a value without anything of the machine's own in it."""
        if depth > _DEEPEST:
            raise Defect(f"nests deeper than {_DEEPEST} levels")
        if id(raw) not in self._done:
            self._done[id(raw)] = self._made(raw, depth)
        return self._done[id(raw)]

    def _made(self, raw: object, depth: int) -> object:
        if isinstance(raw, ByteArray) and raw.array is not None:
            return raw.array
        if isinstance(raw, dict):
            return {key: self.value(each, depth + 1) for key, each in raw.items()}
        if isinstance(raw, list | tuple):
            parts = [self.value(each, depth + 1) for each in raw]
            return parts if isinstance(raw, list) else tuple(parts)
        if raw is None or isinstance(raw, bool | int | float | str | bytes):
            return raw
        raise Defect("holds something else than numbers, text, lists and arrays of unsigned bytes")


def _key(key: object) -> object:
    if not isinstance(key, str | bytes | int):
        raise Defect("has a key that is no text and no number")
    if isinstance(key, int) and abs(key) > _MOST_KEY:
        raise Defect(f"has a key beyond {_MOST_KEY:,}")
    return key


@dataclass(eq=False)
class _Machine:
    """Stack and memory of an interpreter."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    objects: int = 0
    bytes_left: int = 0

    def run(self, data: bytes) -> object:
        """Return what is on the stack where the program stops."""
        # text becomes bytes, and these an array; more is the same text over and over
        self.bytes_left = 2 * len(data)
        for name, argument in _instructions(data):
            self.objects += 1
            if self.objects > MOST_OBJECTS:
                raise Defect(f"has more than {MOST_OBJECTS:,} instructions")
            if name == "STOP":
                return self._pop()
            if name in _VALUES:
                self.stack.append(argument)
            elif name in _MADE:
                self.stack.append(_MADE[name]())
            elif name in _ACTIONS:
                _ACTIONS[name](self, argument)
            elif name not in _NOTHING:
                raise Defect(
                    f"has the instruction {name}; expected numbers, text, lists and arrays of"
                    " unsigned bytes only, and nothing was run"
                )
        raise Defect("has no end")

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise Defect("has a mark where a value belongs")
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
            raise Defect(f"adds to what is no {kind.__name__}")
        return self.stack[-1]

    def push_tuple(self, size: int) -> None:
        """Put the last values into a tuple."""
        values = [self._pop() for _ in range(size)]
        self.stack.append(tuple(values[::-1]))

    def set_items(self, pairs: list[Any]) -> None:
        """Put keys and values that follow each other into the dictionary on top."""
        target = self.top(dict)
        if len(pairs) % 2:
            raise Defect("has a key without a value")
        target.update(
            (_key(key), value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)
        )

    def name(self, text: str) -> None:
        """Push a name, if it is one of those of arrays."""
        if text not in KNOWN:
            raise Defect(
                f"names {text.replace(' ', '.')[:80]!r}; expected arrays of unsigned bytes only,"
                " and nothing was run"
            )
        self.stack.append(Name(text))

    def reduce(self, _: object) -> None:
        """Push what a known function makes of its arguments."""
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise Defect("calls what is no function; nothing was run")
        made = rebuilt(function.text, arguments)
        if isinstance(made, bytes):
            self._spend(len(made))
        elif isinstance(made, ByteArray) and made.array is not None:
            self._spend(made.array.size)
        self.stack.append(made)

    def build(self, _: object) -> None:
        """Give an array or a dtype under construction its state."""
        state, target = self._pop(), self.stack[-1]
        if isinstance(target, ByteArray):
            target.array = array_of(state)
            self._spend(target.array.size)
        elif not isinstance(target, ByteType):
            raise Defect("gives a state to what is no array")

    def _spend(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise Defect("makes more bytes than it holds")


def _instructions(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the name and the argument of each instruction."""
    stream = io.BytesIO(data)
    while code := stream.read(1):
        if code not in _INSTRUCTIONS:
            raise Defect(f"is no whole pickle (no instruction is {code!r})")
        instruction = _INSTRUCTIONS[code]
        argument = None
        if instruction.name == "STRING":
            argument = _python2_string(stream.readline())
        elif instruction.arg is not None:
            argument = instruction.arg.reader(stream)
        yield instruction.name, argument


def _python2_string(line: bytes) -> str:
    """Return a string that Python 2 wrote as text; pickletools takes those of ASCII only."""
    quoted = line[:-1]
    if not line.endswith(b"\n") or len(quoted) < 2 or quoted[:1] not in (b"'", b'"'):
        raise Defect("has a string without quotes or end")
    if quoted[-1:] != quoted[:1]:
        raise Defect("has a string without its closing quote")
    content, _ = codecs.escape_decode(quoted[1:-1])
    return content.decode("latin1")


_INSTRUCTIONS = {each.code.encode("latin1"): each for each in pickletools.opcodes}
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
    where = len(machine.memo) if place is None else place
    if not isinstance(where, int) or not 0 <= where < 2**32:
        raise Defect("remembers something at no place of 32 bits")
    machine.memo[where] = machine.stack[-1]


def _get(machine: _Machine, place: int) -> None:
    if place not in machine.memo:
        raise Defect("recalls what it never remembered")
    machine.stack.append(machine.memo[place])


def _append(machine: _Machine, values: list[Any]) -> None:
    machine.top(list).extend(values)


def _stack_name(machine: _Machine, _: object) -> None:
    machine.push_tuple(2)
    module, name = machine.stack.pop()
    if not isinstance(module, str) or not isinstance(name, str):
        raise Defect("names something by what is no text; nothing was run")
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
