"""src/core/arrow.c: columns by the Arrow C data interface, in capsules.

A schema is (format, name, metadata or None, flags, (child, ...), dictionary or None), texts as
bytes; an array is (length, nulls, (buffer or None, ...), (child, ...), dictionary or None). The
buffers must be as long as format and length say: nobody checks it.
"""

from typing import Any

Schema = tuple[bytes, bytes, bytes | None, int, tuple[Any, ...], Any]
Array = tuple[int, int, tuple[Any, ...], tuple[Any, ...], Any]

def schema(schema: Schema, /) -> object: ...
def array(schema: Schema, array: Array, /) -> tuple[object, object]: ...
def stream(schema: Schema, array: Array, /) -> object: ...
