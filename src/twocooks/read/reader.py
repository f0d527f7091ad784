"""From a trace file to columns: ``load(path)``.

The file is read in slabs of some megabytes: blocks are collected, each kind of stream is decoded in
one call, texts become indices at once, and the slab's bytes are let go. Only then, with all rows
there, ``order.py`` sorts them and this module gives them the shape of ``trace.py``.

The reader never judges or repairs: what is missing or damaged becomes a note, and a LOST record
where the kernel's records have a hole. Whether a file keeps its promises is ``check``'s business.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from twocooks.format import raw, spec
from twocooks.format.decode import CODE_TEXT, INT32_MAX, INT64_MAX, Code, Span, decode
from twocooks.format.encode import FILE_HEAD
from twocooks.model import TraceError
from twocooks.read import head, room, shape
from twocooks.read.late import LATE, LateTrace, Source
from twocooks.read.order import Pile, Sorted, sort
from twocooks.read.trace import Trace

SLAB_BYTES = 8 << 20
SLAB_BLOCKS = 20_000
MAX_JSON = 16 << 20
MAX_TEXTS = 4_000_000
MAX_TEXT_BYTES = 512 << 20
MAX_THREADS = 1_000_000
KILLED = (
    "The recording is cut off: twocooks was killed, or could not write on. What it had written "
    "is kept."
)

LATE_BYTES = 8 << 20
"""From this size on (some two million records) a trace is read as ``late.py`` says."""

Progress = Callable[[int, int], None]


def load(
    path: str | os.PathLike[str],
    progress: Progress | None = None,
    end: dict[str, Any] | None = None,
) -> Trace:
    """Reads a trace file. ``progress`` is called with (bytes read, bytes in all) now and then.
    ``end``: of a recording that goes on, what its recorder says of it up to here: the content of
    the END block that the file has not got yet.

    Raises TraceError (one line, with what to do) where the file is not a trace, is of a newer
    version, or is damaged at its head. Lesser damage is said in ``Trace.notes``.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            open_trace(file, name)
            size = os.fstat(file.fileno()).st_size
            late = size >= LATE_BYTES
            if late:
                room.make(size)
            return _Reader(name, end, late).read(file, progress)
    except OSError as error:
        raise TraceError(f"{name}: {error.strerror}; give the path of a trace file") from error


def open_trace(file: BinaryIO, name: str) -> None:
    """Reads the file's head. Raises TraceError where the rest must not be read."""
    version = raw.file_version(file)
    if version is None:
        raise TraceError(f"{name} is not a twocooks trace; make one: twocooks run -o FILE SCRIPT")
    if version > spec.VERSION:
        first = next(raw.blocks(file), None)
        meta = parse_json(first.payload) if first and first.kind == spec.Block.META else None
        wrote = (meta or {}).get("twocooks")
        need = wrote if isinstance(wrote, str) and wrote.isprintable() else "newer than this"
        raise TraceError(
            f"{name} has trace format {version}, this twocooks reads up to {spec.VERSION}; "
            f"it needs twocooks {need[:40]} or later: python -m pip install -U twocooks"
        )


def parse_json(payload: bytes) -> dict[str, Any] | None:
    """The object in a META or END block; None where there is none, or it is beyond all measure."""
    if len(payload) > MAX_JSON:
        return None
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


@dataclass
class _Slab:
    """Blocks of one kind of stream that wait for being decoded."""

    data: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    size: int = 0


class _Reader:
    def __init__(
        self,
        name: str,
        end: dict[str, Any] | None = None,
        late: bool = False,
    ) -> None:
        self.name, self.late = name, late
        self.meta: dict[str, Any] | None = None
        self.end = end
        self.notes: Counter[str] = Counter()
        self.texts: dict[bytes, int] = {}
        self.text_bytes = 0
        self.piles = {stream: Pile() for stream in spec.Stream}
        self.slabs = {stream: _Slab() for stream in spec.Stream}
        self.threads: dict[tuple[int, int], int] = {}
        self.first_ns, self.last_ns = INT64_MAX, 0

    def read(self, file: BinaryIO, progress: Progress | None) -> Trace:
        total = os.fstat(file.fileno()).st_size
        for _ in self._slabs(raw.blocks(file, total)):
            if progress is not None:
                progress(file.tell(), total)
        if self.meta is None:
            raise TraceError(f"{self.name}: its head is damaged; record the program again")
        if self.end is None:
            self.notes[KILLED] += 1
        self.meta = self._plausible(self.meta, head.META)
        if self.end is not None:
            self.end = self._plausible(self.end, head.END)
        return self._trace(self.meta, file.fileno(), total)

    def again(self, source: Source, bounds: tuple[int, int], stream: spec.Stream) -> Any:
        """The columns of a kind of stream, read again from the same bytes; all else that these say
        was said the first time."""
        part = _Reader(self.name)
        part.texts, part.text_bytes, part.threads = self.texts, self.text_bytes, self.threads
        with source.lock, open(os.dup(source.number), "rb") as file:
            file.seek(FILE_HEAD.size)
            for _ in part._slabs(filter(_of(stream), raw.blocks(file, source.size))):
                pass
        return SHAPES[stream](sort(part.piles.pop(stream), stream, *bounds))

    def _slabs(self, blocks: Iterable[raw.RawBlock]) -> Iterator[None]:
        """Takes the blocks in and decodes them, slab after slab; comes back after each but the
        last."""
        waiting = count = 0
        for block in blocks:
            self._block(block)
            waiting += len(block.payload)
            count += 1
            if waiting >= SLAB_BYTES or count >= SLAB_BLOCKS:
                self._decode()
                waiting = count = 0
                yield
        self._decode()

    def _plausible(self, content: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
        kept, odd = head.plausible(content, shape)
        for key in odd:
            self.notes[f"What the file says of {key!r} cannot be true and was left out."] += 1
        return kept

    def _block(self, block: raw.RawBlock) -> None:
        if block.damage == "cut":
            self.notes[
                "The file is cut off: its last block is missing, all before it is kept."
            ] += 1
        elif block.damage == "head":
            self.notes["The file is damaged: from one block on nothing can be read."] += 1
        elif block.damage:
            self.notes["A damaged block was left out (its checksum is wrong)."] += 1
        if block.kind == spec.Block.EVENTS:
            self._events(block)
        elif block.damage:
            return
        elif block.kind == spec.Block.META:
            content = parse_json(block.payload)
            if content is None:
                self.notes["A block of the head could not be read."] += 1
            else:
                if self.meta is None:
                    self.meta = {}
                self.meta.update(content)  # in place: there may be very many of them
        elif block.kind == spec.Block.END:
            self.end = parse_json(block.payload)
            if self.end is None:
                self.notes["The block that says how the run ended could not be read."] += 1
        else:
            self.notes["A block of an unknown kind was left out."] += 1

    def _events(self, block: raw.RawBlock) -> None:
        start = raw.stream_head(block.payload)
        key = None if start is None else self._key(start)
        if start is None or key is None:
            if not block.damage:
                self.notes["A block of an unknown stream was left out."] += 1
            return
        slab = self.slabs[spec.Stream(start.kind)]
        damaged = bool(block.damage)
        length = 0 if damaged else len(block.payload) - start.start
        slab.spans.append(Span(slab.size + start.start, length, key, start.base_ns))
        slab.gaps.append(int(damaged))
        if not damaged:
            slab.data.append(block.payload)
            slab.size += len(block.payload)
        else:  # the span of a damaged block is empty: it only marks the place of the gap
            slab.spans[-1] = Span(slab.size, 0, key, 0)

    def _key(self, start: raw.StreamHead) -> int | None:
        """The number of the stream within its kind, None where there can be no such stream."""
        if start.kind == spec.Stream.KERNEL:
            possible = start.key_a < head.MOST_CORES and start.key_b == 0
            key = start.key_a
        elif start.kind == spec.Stream.AGENT:
            pair = (start.key_a, start.key_b)
            possible = max(pair) <= INT32_MAX
            if possible and pair not in self.threads and len(self.threads) >= MAX_THREADS:
                self.notes[f"More than {MAX_THREADS:,} threads: the rest was left out."] += 1
                return None
            key = self.threads.setdefault(pair, len(self.threads)) if possible else 0
        else:
            possible = start.kind in set(spec.Stream) and start.key_a == start.key_b == 0
            key = 0
        return key if possible and start.base_ns <= INT64_MAX else None

    def _decode(self) -> None:
        """Decodes what was collected."""
        for stream, slab in self.slabs.items():
            if not slab.spans:
                continue
            data = b"".join(slab.data)
            columns = decode(data, slab.spans, stream)
            codes = columns.results[:, 0]
            for code in codes[codes != 0].tolist():
                if code == Code.UNKNOWN_EVENT:
                    text = "Unknown events: blocks were read up to the first of them."
                else:
                    text = f"A block was read up to where it breaks ({CODE_TEXT[Code(code)]})."
                self.notes[text] += 1
            gaps = np.array(slab.gaps, np.int64) | (codes != 0)
            keys = np.array([span.key for span in slab.spans], np.int64)
            texts = self._text_indices(data, columns.text_at, columns.text_len)
            if len(columns.time):
                self.first_ns = min(self.first_ns, int(columns.time.min()))
                self.last_ns = max(self.last_ns, int(columns.time.max()))
            self.piles[stream].add(columns, keys, gaps, texts)
            self.slabs[stream] = _Slab()

    def _text_indices(
        self, data: bytes, at: NDArray[np.int64], length: NDArray[np.uint32]
    ) -> NDArray[np.int64]:
        texts, indices = self.texts, []
        for begin, end in zip(at.tolist(), (at + length).tolist(), strict=True):
            text = data[begin:end]
            index = texts.get(text)
            if index is None:
                if len(texts) >= MAX_TEXTS or self.text_bytes > MAX_TEXT_BYTES:
                    self.notes["Too many different texts: the rest was left out."] += 1
                    index = -1
                else:
                    index = texts[text] = len(texts)
                    self.text_bytes += len(text)
            indices.append(index)
        return np.array(indices, np.int64)

    def _trace(self, meta: dict[str, Any], number: int, size: int) -> Trace:
        begin, end = meta.get("start_ns", 0), (self.end or {}).get("end_ns", 0)
        first = min(begin, self.first_ns) if "start_ns" in meta else self.first_ns
        bounds = begin, max(end, self.last_ns)
        if bounds[1] - first > head.LONGEST_NS:
            years = (bounds[1] - first) / (365.25 * 86400e9)
            raise TraceError(
                f"{self.name}: its times span {years:,.0f} years, which no run does; "
                "the file is damaged: record the program again"
            )
        ordered = {}
        for stream in spec.Stream:
            ordered[stream] = sort(self.piles.pop(stream), stream, *bounds)
        parts: dict[str, Any] = {
            name: SHAPES[stream](ordered.pop(stream)) for name, stream in NAMES.items()
        }
        looks = ordered.pop(spec.Stream.LOOK)
        trace = Trace(
            meta=meta,
            end=self.end,
            agent_threads=list(self.threads),
            look=shape.look(looks),
            run=shape.run(looks),
            file=shape.file(looks),
            peer=shape.peer(looks),
            line=shape.line(looks),
            holder=shape.holder(looks),
            texts=[text.decode("utf-8", "surrogateescape") for text in self.texts],
            notes=[text if n == 1 else f"{text} ({n:,} times)" for text, n in self.notes.items()],
            **parts,
        )
        if not self.late:
            return trace
        source = Source(number, size)
        return LateTrace(
            **vars(trace) | dict.fromkeys(LATE),
            again=lambda name: self.again(source, bounds, NAMES[name]),
            first={name: parts[name] for name in LATE},
        )


def _of(stream: spec.Stream) -> Callable[[raw.RawBlock], bool]:
    """Whether a block holds events of this kind of stream."""

    def asked(block: raw.RawBlock) -> bool:
        start = raw.stream_head(block.payload) if block.kind == spec.Block.EVENTS else None
        return start is not None and start.kind == stream

    return asked


SHAPES: dict[spec.Stream, Callable[[Sorted], Any]] = {
    spec.Stream.KERNEL: shape.kernel,
    spec.Stream.AGENT: shape.agent,
    spec.Stream.POLL: shape.poll,
    spec.Stream.METER: shape.meter,
}
NAMES = {stream.name.lower(): stream for stream in SHAPES}
