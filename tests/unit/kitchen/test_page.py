"""The page of a dinner: the words of the terminal, lanes for the cooks, nothing hostile."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.kitchen.test_screen import TUESDAY, plates
from tests.unit.report.html.test_page import HOSTILE, column
from twocooks.kitchen import page, screen, serve, told
from twocooks.kitchen.dinner import Dinner
from twocooks.report.base import Options
from twocooks.report.html.contract import CORE_TASK


def page_of(dinner: Dinner = TUESDAY, **more: Any) -> tuple[str, dict[str, Any]]:
    done = more.pop("done", None) or plates()
    changed, refused = more.get("changed", []), more.get("refused", [])
    text = page.page(dinner, serve.Variant(), done, changed, refused)
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found
    return text, json.loads(found[1])


def test_four_dinners_with_the_numbers_of_the_terminal() -> None:
    _, whole = page_of()
    kitchen = whole["kitchen"]
    assert [run["title"] for run in whole["runs"]] == [p["title"] for p in kitchen["plates"]]
    assert [p["mode"] for p in kitchen["plates"]] == [
        "sequential", "switching", "friend", "friend-switching"]
    terminal = " ".join(screen.render(
        TUESDAY, serve.Variant(), plates(), [], Options(width=130)).split())
    for text in (kitchen["headline"], kitchen["measured"], *kitchen["lessons"]):
        assert " ".join(text.split()) in terminal
    for plate in kitchen["plates"]:
        assert f"{plate['minutes_text']} min" in terminal
        assert plate["numbers"] in terminal
        assert len(plate["table"]) == len(kitchen["columns"])
        for before, after in plate["table"]:
            assert f"{before} → {after}" in terminal


def test_each_cook_has_a_lane_of_dishes() -> None:
    text, whole = page_of()
    for run, plate in zip(whole["runs"], whole["kitchen"]["plates"], strict=True):
        assert len(column(text, run, "cook_runs")) == len(plate["staff"])
        dishes = {task for task, _ in plate["lanes"]}
        code = column(text, run, "cook_code").astype(np.int64)
        held = set((code[code >= CORE_TASK] - CORE_TASK).tolist())
        assert held, "a cook who never had a dish"
        assert held <= dishes


def test_the_cooks_hands_are_the_dishes_hands() -> None:
    """What the animation shows of a cook and of a dish comes from two columns: they must agree."""
    text, whole = page_of()
    for run in whole["runs"]:
        each, length, code = (column(text, run, f"cook_{n}").astype(np.int64)
                              for n in ("runs", "length", "code"))
        worked: dict[int, int] = {}
        assert each.sum() == len(length) == len(code)
        for one, units in zip(code.tolist(), length.tolist(), strict=True):
            if one >= CORE_TASK:
                worked[one - CORE_TASK] = worked.get(one - CORE_TASK, 0) + units
        told = column(text, run, "task_work_s")
        for task, units in worked.items():
            assert units * run["grid"]["unit_s"] <= told[task] + 1e-6


def test_hostile_names_are_only_text() -> None:
    for evil in HOSTILE[:7]:
        dinner = replace(
            TUESDAY, name=evil, teaches=evil,
            dishes=tuple(replace(d, name=evil + d.name) for d in TUESDAY.dishes),
        )
        done = plates()
        done[0].burnt = [(evil, evil, 2.0)]
        text, whole = page_of(dinner, done=done, changed=[evil], refused=[evil])
        said = json.dumps(whole["kitchen"])
        assert "\u202e" not in json.loads(said)["headline"]
        # Our own script is the only one that is executed, and nothing else opens an element.
        assert len(re.findall(r"<script>", text)) == 1
        assert "<img" not in text
        assert "alert(1)</script>" not in text


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is foretold, and so what is late, follows from the cores."""
    monkeypatch.setattr(serve, "usable_cores", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_a_dinner_that_was_disturbed_says_so_above() -> None:
    done = plates()
    assert done[3].measured is not None
    done[3].measured = replace(done[3].measured, free=0.2)
    _, whole = page_of(done=done)
    assert any("Other programs stood at the counter" in text
               for text in whole["kitchen"]["warnings"])
    assert any("while cooking “with a friend, switching”: 0.2 cores" in text
               for text in whole["kitchen"]["warnings"])


@pytest.mark.usefixtures("two_cores")
def test_what_a_dinner_teaches_is_said_where_it_holds() -> None:
    def lessons(**changes: object) -> list[str]:
        done = plates()
        if "free" in changes:
            assert done[3].measured is not None
            done[3].measured = replace(done[3].measured, free=changes.pop("free"))
        return list(told.lessons(TUESDAY, serve.Variant(**changes), done))  # type: ignore[arg-type]

    assert lessons() == [told.AXES, TUESDAY.teaches]
    assert lessons(free=0.2) == [told.AXES, "On a quiet machine: s" + TUESDAY.teaches[1:]]
    assert lessons(one_core=True) == [told.AXES]


def test_a_dinner_without_a_friend_has_two_pictures() -> None:
    _, whole = page_of(done=plates()[:2], refused=["with a friend: nobody is a guest"])
    assert len(whole["runs"]) == len(whole["kitchen"]["plates"]) == 2
    assert "two ways" in whole["kitchen"]["headline"]
    assert whole["kitchen"]["refused"]
