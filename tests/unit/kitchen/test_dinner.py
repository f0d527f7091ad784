"""The dinner format: all of it is understood, and each mistake gets its line and a remedy."""

from __future__ import annotations

from fractions import Fraction

import pytest

from twocooks.kitchen import dinner, example
from twocooks.kitchen.recipe import MODES, Mark
from twocooks.kitchen.truth import predict

HEAD = "[dinner]\nname = \"d\"\n[cooks]\nyou = {}\nfriend = { guest = true }\n[tools]\npan = 1\n"
"""Seven lines."""


def steps(text: str, extra: str = "") -> str:
    return f'{HEAD}[[dish]]\nname = "soup"\n{extra}steps = [\n{text}\n]\n'


def test_the_given_dinners_load_and_teach() -> None:
    names = dinner.given()
    assert names[0] == "tuesday"
    assert len(names) == 7
    for name in names:
        found = dinner.load(name)
        assert found.teaches, name
        assert found.says, name
        assert found.modes(), name
        assert not found.warnings, name


def test_the_example_to_edit_is_a_dinner() -> None:
    found = dinner.parse("x.toml", example.TEXT)
    assert found.modes() == list(MODES)
    assert found.dishes[0].steps[1].burns == 6
    assert found.dishes[1].steps[1].takes == ("pan",)
    for line in example.TEXT.splitlines():  # what is commented out works as well
        if line.startswith("# ") and "=" in line and not line.startswith("# A"):
            head, _, rest = example.TEXT.partition(line)
            assert dinner.parse("x.toml", head + line[2:] + rest).dishes


def test_defaults() -> None:
    found = dinner.parse("soup.toml", '[[dish]]\nname = "a"\nsteps = [{do = "x", hands = 2.5}]\n')
    assert (found.name, found.minute_s, found.order, found.at_once) == ("soup", 0.1, "first", None)
    assert (found.cooks, found.guests) == (("you",), ("friend",))
    step = found.dishes[0].steps[0]
    assert (step.pieces, step.piece) == (3, Fraction(5, 6))


def test_copies_arrivals_repeats_and_marks() -> None:
    found = dinner.parse("d.toml", HEAD + """
[[dish]]
name = "a"
copies = 3
arrives = 2
steps = [{ repeat = 2, steps = [{ do = "x", hands = 1 }, { do = "y", wait = 1 }] }]
[[dish]]
name = "b"
arrives = 4
after = ["a.x", "a 2"]
steps = [{ do = "z", hands = 1, after = "a 1.y" }]
""")
    assert [d.name for d in found.dishes] == ["a 1", "a 2", "a 3", "b"]
    assert [d.arrives for d in found.dishes] == [0, 2, 4, 4]
    assert [s.do for s in found.dishes[0].steps] == ["x", "y", "x", "y"]
    assert found.dishes[3].after == (Mark(0, 2), Mark(1, 2), Mark(2, 2), Mark(1, 3))
    assert found.dishes[3].steps[0].after == (Mark(0, 3),)


ERRORS = [
    # text, line, what the message must say
    (steps('{ do = "x", hand = 1 },'), 11, "did you mean 'hands'?"),
    (steps('{ do = "x", hands = 1, wait = 2 },'), 11, "make two steps"),
    (steps('{ do = "x", hands = 1, burns = 2 },'), 11, "only what is on the stove"),
    (steps('{ do = "x", wait = 3, burns = 2 },'), 11, "write burns = 3 or more"),
    (steps('{ do = "x", wait = 3, pieces = 2 },'), 11, "only hands-on work"),
    (steps('{ do = "x", hands = -1 },'), 11, "write hands = 3"),
    (steps('{ do = "x", hands = "3" },'), 11, "write hands = 3"),
    (steps('{ do = "x", hands = true },'), 11, "write hands = 3"),
    (steps('{ do = "x", hands = 2, pieces = 0 },'), 11, "write pieces = 2"),
    (steps('{ do = "x", hands = 1, only = "yuo" },'), 11, "did you mean 'you'?"),
    (steps('{ do = "x", hands = 1, uses = ["pann"] },'), 11, "did you mean 'pan'?"),
    (steps('{ do = "x", hands = 1, uses = ["wok"] },'), 11, "add wok = 1 under [tools]"),
    (steps('{ do = "x", hands = 1, uses = ["pan", "pan"] },'), 11, "names the pan twice"),
    (steps('{ do = "x", hands = 1, uses = ["pan"], takes = ["pan"] },'), 11, "takes it and"),
    (steps('{ do = "x", hands = 1, takes = ["pan"] },'), 11, 'write returns = ["pan"]'),
    (steps('{ do = "x", hands = 1, returns = ["pan"] },'), 11, 'write takes = ["pan"]'),
    (steps('{ do = "a", hands = 1, takes = ["pan"] },\n{ do = "b", hands = 1, uses = ["pan"] },\n'
           '{ do = "c", hands = 1, returns = ["pan"] },'), 12, "already holds"),
    (steps('{ do = "x", hands = 1, after = ["rice"] },'), 11, "no such dish or step"),
    (steps('{ do = "x", hands = 1, after = ["soup.y"] },'), 11, "did you mean 'soup.x'?"),
    (steps('{ do = "x", hands = 1, after = ["soup"] },'), 11, "none of them can be first"),
    (steps('{ hands = 1 },'), 8, 'write do = "chop"'),
    (steps('{ repeat = 2 },'), 11, "{ repeat = 3, steps = [...] }"),
    (steps('{ repeat = 2, hands = 1, steps = [{ do = "x", hands = 1 }] },'), 11, "nothing else"),
    (steps('{ repeat = 20000, steps = [{ do = "x", hands = 1 }] },'), 11, "fewer than"),
    (steps('{ do = "x", hands = 1 },', "copys = 2\n"), 10, "did you mean 'copies'?"),
    (steps('{ do = "x", hands = 1 },', "copies = 0\n"), 10, "write copies = 2"),
    (steps('{ do = "x", hands = 1 },', 'after = ["soup"]\n'), 10, "none of them can be first"),
    (steps(""), 10, "at least one step"),
    (HEAD + "[[dish]]\nsteps = []\n", 8, 'write name = "rice"'),
    (HEAD + '[[dish]]\nname = "a"\n', 8, "has no steps"),
    (HEAD, 1, "there is no dish"),
    (steps('{ do = "x", hands = 1 },') + '[[dish]]\nname = "soup"\nsteps = [{do="y",hands=1}]', 14,
     "two dishes 'soup'"),
    (HEAD.replace('"d"', '"d"\norder = "fast"'), 3, '"urgent"'),
    (HEAD.replace('"d"', '"d"\nminute = 100'), 3, "write 0.04 to 0.2"),
    (HEAD.replace('"d"', '"d"\nat_once = 0'), 3, "write at_once = 2"),
    (HEAD.replace('"d"', '"d"\nmodes = ["alone"]'), 3, '"sequential"'),
    (HEAD.replace("pan = 1", "pan = 1.5"), 7, "write pan = 2"),
    (HEAD.replace("you = {}", "you = { guest = true }"), 3, "you = {}"),
    (HEAD.replace("you = {}", "you = 1"), 4, "you = {}"),
    (HEAD.replace("[tools]", "[tool]"), 6, "did you mean 'tools'?"),
    (HEAD + "[[dish]\n", 8, "this is no TOML"),
]


@pytest.mark.parametrize(("text", "line", "says"), ERRORS)
def test_each_mistake_has_its_line_and_a_remedy(text: str, line: int, says: str) -> None:
    if "[[dish]" not in text and "there is no dish" not in says:
        text += '[[dish]]\nname = "a"\nsteps = [{ do = "x", hands = 1 }]\n'
    with pytest.raises(dinner.DinnerError) as caught:
        dinner.parse("d.toml", text)
    message = str(caught.value)
    assert message.startswith(f"d.toml:{line}: "), message
    assert says in message
    assert "\n" not in message


def test_numbers_that_are_none() -> None:
    for value in ("nan", "inf", "-inf"):
        with pytest.raises(dinner.DinnerError):
            dinner.parse("d.toml", steps(f'{{ do = "x", hands = {value} }}'))


def test_a_comment_with_a_key_is_not_the_place() -> None:
    text = steps('{ do = "x", hands = 1 },  # burns = 2\n{ do = "y", wait = 3, burns = 1 },')
    with pytest.raises(dinner.DinnerError, match=r"d\.toml:12: "):
        dinner.parse("d.toml", text)


def test_dishes_may_wait_for_each_other_without_a_circle() -> None:
    found = dinner.parse("d.toml", HEAD + """
[[dish]]
name = "a"
steps = [{ do = "x", hands = 1 }, { do = "y", hands = 1, after = ["b.x"] }]
[[dish]]
name = "b"
steps = [{ do = "x", hands = 1, after = ["a.x"] }, { do = "y", hands = 1, after = ["a.y"] }]
""")
    assert predict(found, "friend-switching").numbers.minutes == 4


CROSSED = HEAD + """wok = 1
[[dish]]
name = "a"
steps = [{ do = "x", hands = 1, takes = ["pan"] }, { do = "y", hands = 1, takes = ["wok"] },
  { do = "z", hands = 1, returns = ["pan", "wok"] }]
[[dish]]
name = "b"
steps = [{ do = "x", hands = 1, takes = ["wok"] }, { do = "y", hands = 1, takes = ["pan"] },
  { do = "z", hands = 1, returns = ["pan", "wok"] }]
"""


def test_tools_that_can_deadlock_are_warned_of() -> None:
    (warning,) = dinner.parse("d.toml", CROSSED).warnings
    assert "a takes the wok while it holds the pan" in warning
    assert "the same order" in warning
    assert not dinner.parse("d.toml", CROSSED.replace("= 1\n", "= 2\n")).warnings


def test_a_mode_that_cannot_be_cooked_says_why() -> None:
    text = steps('{ do = "x", hands = 1, only = "friend" },\n'
                 '{ do = "y", hands = 1, only = "you" },')
    found = dinner.parse("d.toml", text)
    assert found.modes() == ["friend-switching"]
    assert found.refuses("switching") == "only friend may x the soup"
    assert "cooked whole" in str(found.refuses("friend"))


def test_variants_change_only_what_they_say() -> None:
    plain = dinner.load("tuesday")
    assert plain.changed() == plain
    assert plain.changed(friends=3).guests == ("friend", "friend 2", "friend 3")
    assert plain.changed(friends=0).modes() == ["sequential", "switching"]
    assert plain.changed(tools={"burner": 1}).tools == {"knife": 1, "burner": 1}
    assert all(s.pieces == 1 for d in plain.changed(no_breaks=True).dishes for s in d.steps)
