"""Builds the five small C extensions; everything else about the package is in pyproject.toml.

``_codec``  turns trace bytes into columns and back (builds on any system, readers need only this).
``_tables`` the inner loops of the analysis (any system, too).
``_arrow``  hands the data of a run over to other libraries (any system, too).
``_core``   the recorder's side: kernel rings, the agents' shared memory, looks at waiting threads.
``_agent``  what runs inside the watched program; loaded by path, never imported as twocooks.
"""

import os
import sys

from setuptools import Extension, setup

FLAGS = ["-std=c11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra"]
if os.environ.get("TWOCOOKS_WERROR"):
    FLAGS.append("-Werror")
SANITIZE = os.environ.get("TWOCOOKS_SANITIZE")  # for example "address,undefined"
LINK = []
if SANITIZE:
    FLAGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-g"]
    LINK += [f"-fsanitize={SANITIZE}"]


def extension(name: str, *sources: str) -> Extension:
    return Extension(
        name,
        [f"src/core/{source}" for source in sources],
        include_dirs=["src/core"],
        depends=[f"src/core/{f}" for f in os.listdir("src/core") if f.endswith(".h")],
        extra_compile_args=FLAGS,
        extra_link_args=LINK,
    )


extensions = [
    extension("twocooks._codec", "codec.c", "encode.c", "decode.c"),
    extension(
        "twocooks._tables",
        "tables_module.c", "tables.c", "account.c", "agents.c", "lookups.c", "spill.c",
        "spill_numpy.c",
    ),
    extension("twocooks._arrow", "arrow.c"),
]
if sys.platform == "linux":
    extensions += [
        extension(
            "twocooks._core",
            "module.c", "recorder.c", "ring.c", "drain.c", "ticks.c", "waits.c", "peek.c",
            "peek_code.c", "peek_flow.c", "peek_bare.c", "peek_find.c", "peek_held.c", "search.c",
            "texts.c", "files.c", "ends.c", "delay.c", "encode.c", "accounts.c", "spawn.c",
        ),
        extension(
            "twocooks.record.agent._agent",
            "agent.c", "writer.c", "text.c", "steps.c", "timers.c", "suspended.c",
            "pools.c", "trio.c", "workers.c", "foreign.c", "undo.c",
        ),
    ]

setup(ext_modules=extensions)
