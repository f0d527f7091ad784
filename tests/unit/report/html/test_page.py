"""The page as a file: nothing from outside, nothing hostile gets in, everything is there."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from benchmarks import mimic

from tests.kit import analyses
from tests.kit.analyses import Story, W, build, verdict
from twocooks.analyse import analyse
from twocooks.analyse.result import Analysis
from twocooks.model import State
from twocooks.read import reader
from twocooks.report import html
from twocooks.report.base import PAGE_HEAD
from twocooks.report.html import curves
from twocooks.report.html.pack import PLANES, TYPES, Packer
from twocooks.report.html.rows import SMALL, above, short, tree
from twocooks.report.html.run import MOST_LISTED
from twocooks.report.html.tasks import MANY

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'&<!--]]>",
    "line\u2028separator\u2029and\x00nul\x1b[31mred",
    "\u202egnp.exe\u202c\u2066isolate",
    "lone \ud800 surrogate \udcff byte",
    "a" + "\u0301" * 5000,
    "x" * 1_000_000,
    "",
]


def page_of(analysis: Analysis) -> tuple[str, dict[str, Any]]:
    text = html.page([("", analysis)])
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found
    return text, json.loads(found[1])


def column(text: str, run: dict[str, Any], name: str) -> np.ndarray:
    """A column as the page reads it."""
    found = re.search(rf'id="{run["block"]}">([A-Za-z0-9+/=]*)</script>', text)
    assert found
    data = zlib.decompress(base64.b64decode(found[1]))
    told = run["columns"][name]
    kind = np.dtype(TYPES[told["type"]])
    part = np.frombuffer(data, np.uint8, kind.itemsize * told["count"], told["at"])
    if told["type"] in PLANES:
        part = np.ascontiguousarray(part.reshape(kind.itemsize, -1).T).reshape(-1)
    return part.view(kind)


def strings(text: str, run: dict[str, Any]) -> list[str]:
    """The texts that columns refer to."""
    return column(text, run, "strings").tobytes().decode().split("\n")


def hostile(names: list[str] = HOSTILE) -> Analysis:
    stories = [
        Story(name, group=name).add(0.01, W, core=0, at=0.02 * i) for i, name in enumerate(names)
    ]
    texts = verdict("turns", None, *HOSTILE[:5])
    return build(stories, texts, command=HOSTILE[:5])


def test_hostile_names_cannot_end_their_element_or_turn_the_text() -> None:
    text, data = page_of(hostile())
    assert text.count("<script") == text.count("</script>") == 3
    outside = text.replace((html.ASSETS / "page.js").read_text(), "")
    assert "alert(1)</" not in outside
    assert "onerror" not in re.sub(r"<script.*?</script>|<noscript>.*?</noscript>", "", outside,
                                   flags=re.S)  # fmt: skip
    assert all(char.isprintable() or char == "\n" for char in outside)
    names = strings(text, data["runs"][0])
    assert set(names) == {short(name) for name in HOSTILE} | {""}
    for name in names:
        assert name.isprintable()
        assert len(name) <= 200
    assert len(text) < 200_000


def test_names_are_told_apart_and_kept() -> None:
    text, data = page_of(hostile(["curry", "rice", "rice", "Crème brûlée 雪"]))
    run = data["runs"][0]
    told = strings(text, run)
    names = [told[i] for i in column(text, run, "task_name")]
    assert names == ["curry", "rice", "rice", "Crème brûlée 雪"]


def test_the_policy_allows_only_what_is_inside() -> None:
    text, _ = page_of(analyses.two_processes())
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert found
    policy = dict(part.split(" ", 1) for part in found[1].split("; "))
    assert policy["default-src"] == "'none'"
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    script = re.search(r"<script>(.*)</script>", text, re.S)
    assert style
    assert script
    for name, inside in (("style-src", style[1]), ("script-src", script[1])):
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[name] == f"'sha256-{digest}'"
    assert text.encode().startswith(PAGE_HEAD)
    assert not re.search(r'\b(src|href)=', text.split("<script>")[0])


def test_the_texts_come_ready() -> None:
    analysis = analyses.gil_turns()
    _, data = page_of(analysis)
    words, told = data["runs"][0]["words"], analysis.summary["verdict"]
    assert words["headline"] == "They take turns."
    assert words["technical"] == "Concurrent, not parallel."
    assert {key: words[key] for key in ("sentence", "why", "so", "say")} == {
        key: told[key] for key in ("sentence", "why", "so", "say")
    }


def test_without_script_the_answer_is_there() -> None:
    text, _ = page_of(analyses.gil_turns())
    found = re.search(r"<noscript>(.*?)</noscript>", text, re.S)
    assert found
    assert "They take turns." in found[1]
    assert "never two hands at the same moment" in found[1]


def test_several_runs_stand_in_one_page() -> None:
    text = html.page([("alone", analyses.gil_turns()), ("friend", analyses.two_processes())], "Two")
    data = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.S)[0])
    assert [run["title"] for run in data["runs"]] == ["alone", "friend"]
    assert column(text, data["runs"][1], "task_work_s") == pytest.approx([0.9, 0.9])


def test_lanes_read_back_are_the_tasks() -> None:
    analysis = analyses.two_processes()
    text, data = page_of(analysis)
    run = data["runs"][0]
    unit = run["grid"]["unit_s"]
    length, code = column(text, run, "task_length"), column(text, run, "task_code")
    runs = column(text, run, "task_runs")
    assert runs.sum() == len(length)
    worked = length[code % 8 == 1] * unit
    assert worked == pytest.approx([0.9, 0.9], abs=1e-6)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """Some ten thousand short tasks."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(mimic, "STEPS_OF_A_TASK", 3)
        trace = tmp_path_factory.mktemp("crowd") / "crowd.2cooks"
        mimic.write(trace, 240_000, mimic.Shape(threads=40, loops=16, steps=12))
    return analyse(reader.load(trace))


@pytest.mark.parametrize("many", [False, True])
def test_when_tasks_began_and_what_they_did_is_read_back(crowd: Analysis, many: bool) -> None:
    tasks = crowd.tasks if many else crowd.tasks[:200]
    assert (len(tasks) > MANY) == many
    text, data = page_of(replace(crowd, tasks=tasks))
    run = data["runs"][0]
    begun = np.cumsum(column(text, run, "task_begun"), dtype=np.uint32) * run["begun_unit_s"]
    true = np.array([task.begun_s for task in tasks])
    assert abs(begun - true).max() <= (true.max() / 2**19 if many else 1e-6)
    went, worked = column(text, run, "task_go_s"), column(text, run, "task_work_s")
    assert np.allclose(went, [task.done_s - task.begun_s for task in tasks], rtol=1 / 1000)
    assert np.allclose(worked, [task.work_s for task in tasks], rtol=1 / 1000)


def test_a_hundred_thousand_tasks_fit_into_five_megabytes(
    crowd: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth of them fits into a tenth: what a page costs grows with its tasks. Lanes take what
    room is left; here they get two runs a task, as in a page of so many."""
    monkeypatch.setattr(html, "MOST_RUNS", 2 * len(crowd.tasks))
    bare, _ = page_of(replace(crowd, tasks=crowd.tasks[:1]))
    text, data = page_of(crowd)
    share = html.MOST_BYTES * len(crowd.tasks) / 100_000
    assert len(text) - len(bare) < share
    assert len(data["runs"][0]["tables"]["waits"][0]["of"]) == MOST_LISTED


def test_by_polling_no_core_is_drawn() -> None:
    analysis = analyses.two_processes()
    analysis.summary["measured"]["source"] = "schedstat"
    _, data = page_of(analysis)
    run = data["runs"][0]
    assert run["cpus"] == []
    assert run["columns"]["core_runs"]["count"] == 0
    assert run["warnings"][0].startswith("Estimated")


def test_numbers_too_large_for_a_column_are_cut() -> None:
    pack = Packer()
    pack.add("a", np.array([0, 70_000]), "u16")
    data = zlib.decompress(base64.b64decode(pack.text()))
    assert pack.columns["a"] == {"type": "u16", "at": 0, "count": 2}
    assert data[:4] == bytes([0, 255, 0, 255])


def test_a_page_that_would_be_too_large_gets_less_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(curves.curves, most_steps=1, cells=16)
    monkeypatch.setattr(curves, "curves", few)
    lengths = np.random.default_rng(1).exponential(0.01, 3000)
    busy = Story("busy", [(0.0, 0.001, W, None, 0)])
    for number, length in enumerate(lengths.tolist()):
        busy.add(length, State.IN_LINE if number % 2 else W, core=0)
    analysis = build([busy], verdict("turns", None, "", ""))
    whole = html.page([("", analysis)])
    monkeypatch.setattr(html, "LEAST_RUNS", 100)
    monkeypatch.setattr(html, "MOST_BYTES", len(whole) - 4000)
    smaller = html.page([("", analysis)])
    assert len(smaller) <= len(whole) - 4000
    assert '"exact":true' in whole
    assert '"exact":false' in smaller


def story(name: str, group: str = "", **more: Any) -> Story:
    return Story(name, group=group, **more).add(0.01, W, core=0, at=0.1)


def test_few_tasks_stand_by_themselves() -> None:
    stories = [story(f"t{i}", "cook") for i in range(12)]
    rows = tree(build(stories, verdict("turns", None, "", "")).tasks)
    assert rows.nodes == []
    assert (rows.home == -1).all()


def test_crowds_fold_by_their_function_and_small_ones_apart() -> None:
    stories = [story(f"a{i}", "wash") for i in range(20)] + [story("b", "chop")]
    stories += [story("crumb", significant=False), story("helper", background=True)]
    rows = tree(build(stories, verdict("turns", None, "", "")).tasks)
    assert [(node["label"], node["kind"], node["tasks"]) for node in rows.nodes] == [
        ("wash", "group", 20), (SMALL, "small", 2)
    ]  # fmt: skip
    assert rows.home.tolist() == [0] * 20 + [-1, 1, 1]


def test_processes_hold_threads_that_hold_tasks() -> None:
    tasks = build([story(f"t{i}") for i in range(8)], verdict("turns", None, "", "")).tasks
    placed = [(1, 1), (1, 1), (1, 2), (1, 2), (2, 5), (2, 5), (2, 6), (2, 6)]
    tasks = [
        replace(task, pid=pid, tid=tid) for task, (pid, tid) in zip(tasks, placed, strict=True)
    ]
    rows = tree(tasks)
    kinds = [(node["kind"], node["parent"]) for node in rows.nodes]
    assert kinds == [
        ("process", -1), ("thread", 0), ("thread", 0), ("process", -1), ("thread", 3), ("thread", 3)
    ]  # fmt: skip
    assert rows.home.tolist() == [1, 1, 2, 2, 4, 4, 5, 5]
    assert [level.tolist() for level in above(rows.nodes)] == [[-1, 0, 0, -1, 3, 3]]
