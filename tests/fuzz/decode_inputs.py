"""First inputs for fuzz_decode.c: the payload of each EVENTS block of the traces in the corpus.

python -m tests.fuzz.decode_inputs FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from twocooks.format import raw, spec

CORPUS = Path(__file__).parent / "corpus"


def payloads(trace: Path) -> list[bytes]:
    with trace.open("rb") as file:
        raw.file_version(file)
        return [block.payload for block in raw.blocks(file) if block.kind == spec.Block.EVENTS]


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for trace in sorted(CORPUS.glob("*.2cooks")):
        for number, payload in enumerate(payloads(trace)):
            (folder / f"{trace.stem}-{number}").write_bytes(payload)


if __name__ == "__main__":
    main()
