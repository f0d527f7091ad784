"""Folding many tasks into at most twelve lanes."""

from hypothesis import given
from hypothesis import strategies as st

from tests.kit import analyses
from tests.kit.analyses import Story, build, verdict
from twocooks.model import State
from twocooks.report.terminal.lanes import MAX_LANES, Lane, fold, shown

NONE = verdict("turns", None, "", "")


def lanes_of(groups: list[int]) -> list[Lane]:
    stories = []
    for number, size in enumerate(groups):
        for i in range(size):
            stories.append(
                Story(f"g{number}-{i}", group=f"g{number}").add(
                    0.001, State.WORKING, core=0, at=0.001 * len(stories)
                )
            )
    return fold(shown(build(stories, NONE)))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_every_task_is_in_one_lane_and_there_are_at_most_twelve(groups: list[int]) -> None:
    lanes = lanes_of(groups)
    assert len(lanes) <= MAX_LANES
    ids = [task.id for lane in lanes for task in lane.tasks]
    assert sorted(ids) == list(range(sum(groups)))
    assert [lane.begun_s for lane in lanes] == sorted(lane.begun_s for lane in lanes)
    assert all(lane.more == len(lane.tasks) for lane in lanes if len(lane.tasks) > 1)


def test_twelve_tasks_need_no_folding() -> None:
    assert all(lane.more == 0 for lane in lanes_of([12]))


def test_a_crowd_does_not_push_the_others_out() -> None:
    lanes = lanes_of([300, 1, 2])
    assert {"g1-0", "g2-0", "g2-1"} <= {lane.label for lane in lanes}
    assert [(lane.label, lane.more) for lane in lanes if lane.more] == [("g0", 292)]


def test_more_groups_than_lanes_share_the_last_one() -> None:
    lanes = lanes_of([1] * 20)
    assert len(lanes) == MAX_LANES
    assert [lane.more for lane in lanes if lane.label == "others"] == [9]


def test_helpers_have_no_lane() -> None:
    assert all(task.name != "QueueFeeder" for task in shown(analyses.crowd()))
