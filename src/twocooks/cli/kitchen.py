"""Cook a dinner for real, four ways, and see what really happened at the same moment.

twocooks kitchen [OPTIONS] [DINNER]    Tuesday's dinner, or another: a name, or a TOML file

--one-core           one place at the counter: everything on one core
--no-breaks          no cook can set his work down
--at-once N          at most N dishes on the go
--tool NAME=N        so many of a tool, for example burner=2 (may be given again)
--friends N          so many guests come to help
--order WHICH        whom a free cook takes: first, urgent (burns first), longest
--cooks WHICH        processes, or threads (the kitchen with one apron)

--json FILE          write predicted and measured numbers; - is stdout
--html FILE          write one self-contained page: the four dinners, to play and to look into
-o DIR               keep the four traces there
--now                do not ask when the machine is busy; go on

--list               the dinners that come with twocooks
--show [DINNER]      the recipe, what is known of it, each way on paper; nothing is cooked
--new FILE           write a commented dinner to edit
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from twocooks.cli import common
from twocooks.cli.common import fail
from twocooks.kitchen import dinner as dinners
from twocooks.kitchen import serve
from twocooks.kitchen.recipe import MODES, ORDERS, Dinner
from twocooks.model import printable

VALUED = {"--at-once": "--at-once", "--friends": "--friends",
          "--order": "--order", "--cooks": "--cooks", "--json": "--json", "--html": "--html",
          "-o": "-o", "--output": "-o", "--new": "--new"}
FLAGS = {"--one-core", "--no-breaks", "--list", "--show", "--now"}
DEFAULT = "tuesday"
LOOK_S = 0.4
"""How long the machine is looked at before cooking."""
LAST = "kitchen.json"
"""In the state folder: the last numbers, for ``twocooks explain``."""
JSON_HEAD = b'{\n "dinner": '


def main(argv: list[str]) -> int:
    values, flags, tools, words = _options(argv)
    if len(words) > 1:
        fail(f"kitchen takes one dinner, not {len(words)}; see twocooks kitchen --help")
    if "--list" in flags:
        return _list()
    if "--new" in values:
        return _new(Path(values["--new"]))
    source = words[0] if words else DEFAULT
    plain = dinners.load(source)
    variant = _variant(plain, values, flags, tools)
    if "--show" in flags:
        from twocooks.kitchen import show

        sys.stdout.write(show.render(plain.changed(**variant.changes()), variant,
                                     common.place(sys.stdout)))
        return 0
    return _cook(source, plain, variant, values, "--now" in flags)


def _options(
    argv: list[str],
) -> tuple[dict[str, str], set[str], list[str], list[str]]:
    """Options may stand before and after the dinner; --tool may be given again."""
    values: dict[str, str] = {}
    flags: set[str] = set()
    words: list[str] = []
    rest, tools = _tools(argv)
    while rest:
        found, given, rest = common.take_options(rest, VALUED, FLAGS)
        values |= found
        flags |= given
        if rest:
            if rest[0].startswith("-"):
                fail(f"kitchen has no option {rest[0]}; see twocooks kitchen --help")
            words.append(rest[0])
            rest = rest[1:]
    return values, flags, tools, words


def _tools(argv: list[str]) -> tuple[list[str], list[str]]:
    """The command line without --tool, and the values of all of them."""
    rest: list[str] = []
    tools: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--tool":
            tools.append(next(words, "") or fail("--tool needs a value: --tool burner=2"))
        elif word.startswith("--tool="):
            tools.append(word.removeprefix("--tool="))
        else:
            rest.append(word)
    return rest, tools


def _variant(
    plain: Dinner, values: dict[str, str], flags: set[str], tools: list[str]
) -> serve.Variant:
    order = values.get("--order")
    if order is not None and order not in ORDERS:
        fail(f"--order {order!r} is not known; it is {', '.join(ORDERS)}")
    cooks = values.get("--cooks", "processes")
    if cooks not in ("processes", "threads"):
        fail(f"--cooks {cooks!r} is not known; it is processes or threads")
    counts: dict[str, int] = {}
    for text in tools:
        name, equals, number = text.partition("=")
        if not equals or name not in plain.tools:
            there = ", ".join(plain.tools) or "none"
            fail(f"--tool {text}: write NAME=NUMBER; the tools of this dinner: {there}")
        counts[name] = _count(number, f"--tool {name}=")
    return serve.Variant(
        order=order,
        at_once=_count(values["--at-once"], "--at-once") if "--at-once" in values else None,
        tools=counts,
        friends=_count(values["--friends"], "--friends", 0) if "--friends" in values else None,
        no_breaks="--no-breaks" in flags, one_core="--one-core" in flags,
        threads=cooks == "threads",
    )


def _count(text: str, option: str, least: int = 1) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= 1000):
        gap = "" if option.endswith("=") else " "
        fail(f"{option}{gap}{text!r} is no number of at least {least}; "
             f"write for example {option}{gap}2")
    return int(text)


def _list() -> int:
    for name in dinners.given():
        dinner = dinners.load(name)
        print(f"{name:<14}{printable(dinner.name)}")
        print(f"{'':<14}{printable(dinner.teaches)}")
    return 0


def _new(path: Path) -> int:
    from twocooks.kitchen.example import TEXT

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEXT)
    except FileExistsError:
        fail(f"--new {path} exists; choose another name")
    except OSError as error:
        fail(f"--new {path} cannot be written: {error.strerror}")
    shown = printable(str(path))
    print(f"{shown} is a dinner now: twocooks kitchen {shown}")
    return 0


def _cook(
    source: str, plain: Dinner, variant: serve.Variant, values: dict[str, str], now: bool
) -> int:
    from twocooks.cli.run import require_platform
    from twocooks.kitchen import variants
    from twocooks.kitchen.live import live

    require_platform()
    target = values.get("--json")
    if target not in (None, "-"):
        common.may_write(Path(str(target)), "--json", JSON_HEAD)
    if "--html" in values:
        from twocooks.cli.report import may_write_page

        may_write_page(values["--html"])
    if "-o" in values:
        _may_keep(Path(values["-o"]))
    dinner = plain.changed(**variant.changes())
    plates, refused = serve.plates(dinner, variant)
    changed = list(variants.sentences(plain, variant))
    for line in [f"careful: {warning}" for warning in dinner.warnings] + [
            f"not cooked: {why}" for why in refused]:
        print(f"twocooks: {printable(line)}", file=sys.stderr)
    if not _machine_is_free(plates, now):
        return 1
    terminal = sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    options = common.place(sys.stdout) if terminal and target != "-" else None
    longest = max(plate.predicted.numbers.minutes for plate in plates)
    with serve.folder_for(values.get("-o")) as folder:
        with live(dinner, longest, options) as picture:
            for plate in plates:
                if picture is not None:
                    picture.mode(plate.mode)
                serve.cook(source, dinner, variant, plate, folder, picture.fd if picture else None)
        common.load_numpy()  # not before: the cooks are forked from here
        for plate in plates:
            serve.look(plate, dinner.minute_s)
        page = None
        if "--html" in values:
            from twocooks.kitchen.page import page as page_of

            page = page_of(dinner, variant, plates, changed, refused)
    numbers = serve.as_json(dinner, plates)
    _keep(numbers)
    if target != "-":  # before the files: a full disk loses no dinner
        from twocooks.kitchen import screen

        sys.stdout.write(screen.render(dinner, variant, plates, changed, common.place(sys.stdout)))
        sys.stdout.flush()
    if page is not None:
        from twocooks.report import html

        html.write(Path(values["--html"]), page)
    if target is not None:
        common.write_text(target, json.dumps(numbers, indent=1) + "\n")
    return 0


def _may_keep(folder: Path) -> None:
    """Only our own files are replaced."""
    if folder.is_dir():
        for mode in MODES:
            common.may_write(folder / f"{mode}.2cooks", "-o", common.TRACE_HEAD)


def _keep(numbers: dict[str, Any]) -> None:
    """For ``twocooks explain``; a home that cannot be written to is no reason to fail."""
    from twocooks.cli import store

    try:
        folder = store.folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / LAST).write_text(json.dumps(numbers), encoding="ascii")
    except OSError:
        return


def _machine_is_free(plates: list[serve.Plate], now: bool) -> bool:
    """Says first that cores are missing, and on a terminal asks what to do. False = do not cook."""
    from twocooks.record import machine

    needed = max(plate.predicted.numbers.most_at_work for plate in plates)
    places = serve.usable_cores()
    while True:
        found = machine.free_cores(over_s=LOOK_S)
        free = found[0] if found else float(places)
        if free >= 0.8 * min(needed, places):
            if needed > places:
                cooks = max(len(p.predicted.course.dinner.staff(p.mode)) for p in plates)
                print(f"twocooks: {cooks} cooks, and {_cores(places)} for them: "
                      "they will have to take turns", file=sys.stderr)
            return True
        print(f"twocooks: only {free:.1f} of {_cores(places)} are free right now; "
              "the dinner will take longer than it needs, and that is what will be measured",
              file=sys.stderr)
        if now or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return True
        sys.stderr.write("Enter: go on   w: wait for free cores   q: leave  ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip().lower()
        if answer.startswith("q"):
            return False
        if not answer.startswith("w"):
            return True
        with common.progress("waiting for free cores"):
            while True:
                found = machine.free_cores(over_s=LOOK_S)
                if not found or found[0] >= 0.8 * min(needed, places):
                    break


def _cores(number: int) -> str:
    return f"{number} core" if number == 1 else f"{number} cores"

