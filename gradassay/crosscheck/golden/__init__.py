"""Golden vectors: small problems with expected results, for simulators in any language."""

from gradassay.crosscheck.golden.checking import Row, check_answers
from gradassay.crosscheck.golden.making import make_pack
from gradassay.crosscheck.golden.reading import Pack, read_answers, read_pack
from gradassay.crosscheck.golden.schema import SCHEMA_VERSION, manifest_schema
from gradassay.crosscheck.golden.writing import write_pack

__all__ = [
    "SCHEMA_VERSION",
    "Pack",
    "Row",
    "check_answers",
    "make_pack",
    "manifest_schema",
    "read_answers",
    "read_pack",
    "write_pack",
]
