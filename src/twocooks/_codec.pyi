"""src/core/codec.c: bindings of the codec."""

from typing import final

@final
class Buffer:
    """Memory of one decoded column (the buffer protocol)."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

def decode(
    data: bytes, spans: bytes, stream: int
) -> tuple[Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, bytes]: ...
def stream_head(payload: bytes) -> tuple[int, int, int, int, int] | None: ...
def encode(
    kind: int,
    key_a: int,
    key_b: int,
    operations: list[tuple[str, int, int, tuple[int, ...], bytes | None]],
) -> bytes: ...
def block(kind: int, payload: bytes) -> bytes: ...
def encode_rows(
    kind: int, key_a: int, key_b: int, time: object, event: bytes, numbers: object, most: int
) -> bytes: ...
