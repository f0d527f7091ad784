"""Tries an installed twocooks: records a small program, checks the trace, and looks at the numbers.

    python .ci/smoke.py

Needs no part of the source tree. Shows that the three extensions were built and are found: the
recorder's, the codec's, and the agent's inside the program (else its asyncio tasks were not seen);
and that the page's script and style are there.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

PROGRAM = """
import asyncio, threading
async def dish(): await asyncio.sleep(0.01); return sum(range(300_000))
async def meal(): return await asyncio.gather(*[dish() for _ in range(3)])
cooks = [threading.Thread(target=sum, args=(range(1_000_000),)) for _ in range(2)]
for cook in cooks: cook.start()
print(len(asyncio.run(meal())))
for cook in cooks: cook.join()
"""


def tool(*arguments: str, folder: str) -> str:
    """Run twocooks by this Python, isolated from the folder that we are in."""
    command = [sys.executable, "-m", "twocooks", *arguments]
    env = {**os.environ, "XDG_STATE_HOME": folder}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        said = tool("run", "--json", "s.json", "-o", "s.trace", "-c", PROGRAM, folder=folder)
        assert said == "3\n", said
        tool("check", "s.trace", folder=folder)
        tool("report", "s.trace", folder=folder)
        tool("report", "--html", "s.html", "s.trace", folder=folder)
        with open(os.path.join(folder, "s.html"), encoding="utf-8") as file:
            page = file.read()
        with open(os.path.join(folder, "s.json"), encoding="utf-8") as file:
            summary = json.load(file)
        size = os.path.getsize(os.path.join(folder, "s.trace"))
    kinds, source = summary["tasks"]["by_kind"], summary["measured"]["source"]
    assert summary["schema"] == "twocooks.summary/1"
    # The script and the style lie in the package.
    assert page.rstrip().endswith("</html>"), page[-200:]
    assert min(map(len, re.findall(r"<(?:script|style)>(.*?)</", page, re.DOTALL))) > 1000
    assert kinds.get("asyncio", 0) >= 3, f"the agent was not in the program: {kinds}"
    version = sys.version.partition(" ")[0]
    where = subprocess.run([sys.executable, "-c", "import twocooks; print(twocooks.__path__[0])"],
                           cwd="/", capture_output=True, text=True, check=True).stdout  # fmt: skip
    print(f"{version}: {where.strip()}: {source}, {kinds}, a trace of {size} bytes: fine")


main()
