"""The prompt grammar: what is a construct, what is not, and where the caret stands."""

from __future__ import annotations

import itertools
import math
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unicodedata import combining, east_asian_width

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hailuo_nb.errors import PromptInvalid
from hailuo_nb.prompts.grammar import Axis, parse, parse_cell, split_cell
from hailuo_nb.prompts.places import caret

VBENCH = Path(__file__).parents[2].parent / "shared" / "prompts" / "vbench.txt"
TRICKY = st.text(alphabet="{}|\\:-\n\r ab'\"$%#[]1x", max_size=60)


def prompts_of(text: str, **more: Any) -> list[str]:
    """Give the prompts that a text makes."""
    return [expanded.prompt for expanded in parse(text, **more).expand()]


def normal(text: str) -> str:
    """Give a text with the line ends and the trimming of the contract."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def refusal(text: str, namespace: dict[str, Any] | None) -> PromptInvalid | None:
    """Give the error of a cell's text, or None for a right one; any other error passes."""
    try:
        parse_cell(text, namespace=namespace)
    except PromptInvalid as error:
        return error
    return None


@pytest.mark.parametrize(
    "text",
    [
        "{name}",
        '{"a": 1}',
        "{ x }",
        "[Pan left]",
        "$5 and 50%",
        "{# #}",
        "{% raw %}",
        "a | b",
        "{a",
        "a} {b",
        "{light:dawn}",
        "{light : dawn}",
        "{}",
        "{a {b} c}",
        "back\\slash \\n \\} \\|",
        "%s %d {0} ${x}",
        "---",
        "<b>&amp;</b>",
        "e\u0301 \u200d \U0001f98a \u2028 \x0b",
        "",
    ],
)
def test_everything_else_goes_byte_for_byte(text: str) -> None:
    """What is no construct is sent as it was written, from cells and from Python."""
    assert prompts_of(text) == [text.strip()]
    assert prompts_of(text, namespace={"name": "no", "x": "no"}) == [text.strip()]


@given(st.text(max_size=200))
def test_any_text_without_constructs_arrives(text: str) -> None:
    """Any Unicode text without braces that could be constructs arrives with line ends and ends made regular."""
    plain = re.sub(r"\\(?=\{)|\{(?=\{)|\|", "", text)
    plain = re.sub(r"\{(?=[^\W\d]\w*: )", "", re.sub(r"\\(?=\{)|\{(?=\{)", "", plain))
    if "\\{" in plain or "{{" in plain or re.search(r"\{[^\W\d]\w*: ", plain):
        return
    assert prompts_of(plain, namespace={}) == [normal(plain)]


@given(TRICKY)
def test_raw_switches_everything_off(text: str) -> None:
    """With raw the text is one prompt, whatever is in it."""
    assert prompts_of(text, raw=True, namespace={}) == [normal(text)]
    assert [plan.template for plan in parse_cell(text, raw=True, namespace={})] == [normal(text)]


@settings(max_examples=300)
@given(TRICKY, st.booleans())
def test_nothing_but_prompt_invalid_is_raised(text: str, in_cell: bool) -> None:
    """Whatever is typed, the parser answers with prompts or with one PromptInvalid of three lines."""
    namespace = {"a": "x", "b": None, "x": [1]} if in_cell else None
    error = refusal(text, namespace)
    if error is not None:
        assert len(str(error).splitlines()) == 3
        assert str(error).splitlines()[2].strip() == "^"
        return
    for plan in parse_cell(text, namespace=namespace):
        assert plan.count == math.prod(len(axis.values) for axis in plan.axes)
        if plan.count < 200:
            assert len(plan.expand()) == plan.count


@given(st.text(alphabet="{}()[]'\"|.,:+*~%-_ axn01", max_size=30))
def test_any_expression_ends_well(source: str) -> None:
    """No expression gets past the parser with anything but a value or PromptInvalid."""
    error = refusal("{{" + source + "}}", {"a": "x", "x": [1], "n": 7})
    assert error is None or "^" in str(error)


@given(
    st.lists(st.lists(st.sampled_from("pqrs"), min_size=2, max_size=4, unique=True), min_size=1, max_size=4)
)
def test_the_product_is_every_combination(axes: list[list[str]]) -> None:
    """The prompts are the product of the alternatives, the first axis moving slowest."""
    text = " ".join("{" + "|".join(values) + "}" for values in axes)
    assert prompts_of(text) == [" ".join(choice) for choice in itertools.product(*axes)]


def test_named_and_unnamed_axes() -> None:
    """Named axes keep their names, others are numbered, and blanks at the ends of alternatives go."""
    plan = parse("{a|b} {light: dawn | blue noon} {c|d} {only: one}")
    assert plan.axes == (
        Axis("alt1", ("a", "b"), False),
        Axis("light", ("dawn", "blue noon"), True),
        Axis("alt2", ("c", "d"), False),
        Axis("only", ("one",), True),
    )
    assert plan.expand()[1].axes == (("alt1", "a"), ("light", "dawn"), ("alt2", "d"), ("only", "one"))


def test_the_contracts_own_example() -> None:
    """The example of the contract makes six prompts."""
    text = "A {{animal}} crosses a river, {light: dawn|dusk|night}, {camera: [Pan left]|[Push in]}"
    made = prompts_of(text, namespace={"animal": "fox"})
    assert len(made) == 6
    assert made[0] == "A fox crosses a river, dawn, [Pan left]"


def test_a_named_axis_that_returns_moves_together() -> None:
    """An axis written twice with the same values is one axis."""
    assert prompts_of("{x: a|b} and {x: a|b}") == ["a and a", "b and b"]


def test_unnamed_axes_avoid_names_that_are_taken() -> None:
    """A user's own alt1 does not meet the automatic one."""
    assert [axis.name for axis in parse("{a|b} {alt1: c|d}").axes] == ["alt2", "alt1"]


def test_vary_fills_the_axes_it_names() -> None:
    """{axis} stands for the values of vary, which are never read again."""
    made = prompts_of("{n} at {light}, {other}", vary={"light": ["{a|b}", "{{x}}"], "n": [1, 2]})
    assert made == [
        "1 at {a|b}, {other}",
        "1 at {{x}}, {other}",
        "2 at {a|b}, {other}",
        "2 at {{x}}, {other}",
    ]


def test_vary_may_repeat_what_the_prompt_says() -> None:
    """The same values in both places are one axis."""
    assert prompts_of("{x: a|b}", vary={"x": ["a", "b"]}) == ["a", "b"]


def test_escapes() -> None:
    r"""A backslash before a brace makes it plain, and nothing else does anything."""
    assert prompts_of(r"\{a|b} \{{x}} {c\{|d} \\{a|b}", namespace={"x": 1}) == [
        r"{a|b} {{x}} c{ \{a|b}",
        r"{a|b} {{x}} d \{a|b}",
    ]


def test_python_leaves_double_braces_alone() -> None:
    """Without a namespace {{...}} is text, alternatives inside included."""
    assert prompts_of("{{a|b}} {c|d} {{") == ["{{a|b}} c {{", "{{a|b}} d {{"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("animal", "fox"),
        ("n", "3"),
        ("'}}'", "}}"),
        ('"a }} \\" b"', 'a }} " b'),
        ("{'a': {'b': '}'}}['a']['b']", "}"),
        ("{'a': 1}['a']", "1"),
        ("animal|upper", "FOX"),
        ("animal ~ ' ' ~ n", "fox 3"),
        ("xs|join(', ')", "a, b"),
        ("', '.join(xs)", "a, b"),
        ("missing|default('owl')", "owl"),
        ("'yes' if n > 2 else 'no'", "yes"),
        ("animal.replace('f', 'b')", "box"),
        ("animal|replace('o', '0')", "f0x"),
        ("text", "{a|b} {{animal}} \\{"),
        ("double(4)", "8"),
        ("thing.colour", "red"),
        ("xs|map('upper')|join('-')", "A-B"),
        ("range(3)|join", "012"),
        ("2 ** 10", "1024"),
        ("n % 2", "1"),
        ("{'a': 1}", "{'a': 1}"),
    ],
)
def test_expressions(source: str, expected: str) -> None:
    """An expression is worked out over the notebook's variables and its value is literal."""
    namespace = {
        "animal": "fox",
        "n": 3,
        "xs": ["a", "b"],
        "text": "{a|b} {{animal}} \\{",
        "double": lambda number: number * 2,
        "thing": SimpleNamespace(colour="red"),
        7: "names that are no text do not matter",
    }
    assert prompts_of("<{{ " + source + " }}>", namespace=namespace) == [f"<{expected}>"]


def test_values_inside_alternatives_are_literal() -> None:
    """A value inside an alternative keeps its blanks and bars."""
    assert prompts_of("<{x: {{v}} |b}>", namespace={"v": " a|{c} "}) == ["< a|{c} >", "<b>"]


class Broken:
    """Raises wherever it is touched."""

    def __str__(self) -> str:
        raise RuntimeError("two\nlines")

    @property
    def attribute(self) -> str:
        """Fail."""
        raise ValueError("no")


def leave() -> None:
    """Do what exit() does."""
    raise SystemExit


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "nothing between"),
        ("anmal", "did you mean animal?"),
        ("zzz", "run the cell that sets it"),
        ("animal.foo", "no attribute 'foo'"),
        ("none", "is None"),
        ("xs", "is a list of 2"),
        ("{1, 2}", "is no expression"),
        ("a_set", "is a set"),
        ("a b", "is no expression"),
        ("a +", "is no expression"),
        ("xs|nofilter", "is no expression"),
        ("xs|random", "is no expression"),
        ("broken", "RuntimeError: two lines"),
        ("broken.attribute", "ValueError: no"),
        ("leave()", "SystemExit"),
        ("1/0", "ZeroDivisionError"),
        ("thing", "be paid again"),
        ("animal.__class__", "Not allowed"),
        ("animal|attr('__class__')", "Not allowed"),
        ("xs.append('c')", "Not allowed"),
        ("math.sqrt(2)", "Not allowed"),
        ("system('true')", "Not allowed"),
        ("evaluate('1')", "Not allowed"),
        ("'a' * 10 ** 9", "repeats too much"),
        ("[0] * 10 ** 9", "repeats too much"),
        ("10 ** (10 ** 10)", "too large"),
        ("range(10 ** 9)", "at most 10,000"),
        ("'a'|center(10 ** 9)", "too large"),
        ("'a'.ljust(10 ** 9)", "too large"),
        ("'a'.expandtabs(10 ** 9)", "Not allowed"),
        ("'{:>1000000000}'.format(1)", "Not allowed"),
        ("'%1000000000d' % 1", "closed"),
        ("('a' * 90000)|replace('a', 'a' * 90000)", "too long"),
        ("('a' * 90000).replace('a', 'a' * 90000)", "too long"),
        ("range(10000)|map('center', 10000)|join", "too much"),
        ("range(10000)|map('center', 10000)|list|length", "too much"),
        ("'x'.join(range(10000)|map('center', 10000))", "too much"),
        ("a" * 3000, "too long"),
        ("(" * 900 + ")" * 900, "^"),
        ("lipsum()", "is not defined"),
        ("self", "another name"),
    ],
)
def test_expressions_that_cannot_be(source: str, said: str) -> None:
    """Every wrong, forbidden or endless expression is one line with a caret, and quick."""
    import math as module
    import os

    namespace = {
        "animal": "fox",
        "none": None,
        "xs": ["a", "b"],
        "a_set": {"a"},
        "broken": Broken(),
        "leave": leave,
        "thing": object(),
        "math": module,
        "system": os.system,
        "evaluate": eval,
        "a": 1,
        "b": 2,
    }
    started = time.process_time()
    with pytest.raises(PromptInvalid) as caught:
        parse("x {{" + source + "}}", namespace=namespace)
    message, excerpt, pointer = str(caught.value).splitlines()
    assert said in message or said == "^"
    assert pointer.index("^") == 4
    assert excerpt.startswith("x {{")
    assert caught.value.faults == (message,)
    assert time.process_time() - started < 5
    assert namespace["xs"] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "more", "said", "column"),
    [
        ("a {b|} c", {}, "alternative is empty", 5),
        ("a {|b} c", {}, "alternative is empty", 3),
        ("a { | } c", {}, "alternative is empty", 3),
        ("{light: }", {}, "alternative is empty", 8),
        ("{a|{b|c}}", {}, "inside alternatives", 3),
        ("{x: {y: a}}", {}, "inside alternatives", 4),
        ("{a|{x}}", {"vary": {"x": ["1"]}}, "inside alternatives", 3),
        ("{x: a|b} {x: a|c}", {}, "other values here", 9),
        ("{x: a|b}", {"vary": {"x": ["c"]}}, "others in --vary", 0),
        ("a {lihgt} b", {"vary": {"light": ["c"]}}, "did you mean lihgt?", 3),
        ("a fox", {"vary": {"light": ["c"]}}, "has no {light}", 7),
        ("a {x}", {"vary": {"x": ["c"]}, "raw": True}, "--raw", 7),
        ("a {x}", {"vary": {"x": []}}, "no values", 7),
        ("a {x}", {"vary": {"x": "abc"}}, "list of values", 7),
        ("a {x}", {"vary": {"x": [None]}}, "is None", 7),
        ("a {x}", {"vary": {"x": [Broken()]}}, "RuntimeError", 7),
        ("a {x}", {"vary": {"x": {"a", "b"}}}, "is a set", 7),
        ("a {x}", {"vary": {"not a name": ["a"]}}, "needs a name", 7),
        ("a {x}", {"vary": {"x": itertools.repeat("a")}}, "over 100,000", 7),
        ("a {{b c", {"namespace": {}}, "No }} closes", 2),
        ("{{ it's }}", {"namespace": {}}, "quote inside {{ }}", 5),
        ("狐 {a|}", {}, "alternative is empty", 6),
        ("e\u0301\u0301 {a|}", {}, "alternative is empty", 5),
        ("\U0001f98a\u200d {a|}", {}, "alternative is empty", 6),
        ("\tx {a|}", {}, "alternative is empty", 5),
    ],
)
def test_faults_have_a_caret(text: str, more: dict[str, Any], said: str, column: int) -> None:
    """Each fault is one line, the line of the prompt, and a caret in the right column."""
    with pytest.raises(PromptInvalid) as caught:
        parse(text, **more)
    message, _, pointer = str(caught.value).splitlines()
    assert said in message
    assert pointer.index("^") == column


def test_the_caret_of_a_long_prompt_shows_its_surroundings() -> None:
    """Of a long line only the part around the place is shown, and of many lines the right one."""
    with pytest.raises(PromptInvalid) as caught:
        parse("first\n" + "word " * 100 + "{a|} " + "word " * 100)
    message, excerpt, pointer = str(caught.value).splitlines()
    assert message.startswith("Line 2: ")
    assert len(excerpt) < 85
    assert excerpt[pointer.index("^")] == "}"


def test_a_cell_is_parted_by_dashes() -> None:
    """--- alone on a line parts prompts; empty ones are dropped, and dashes elsewhere are text."""
    assert split_cell("a\r\n---\r\n\r\n --- \nb --- c\n----\n---") == ["a", "b --- c\n----"]
    assert split_cell("a\n---\nb", raw=True) == ["a\n---\nb"]
    assert split_cell(" \n") == []


def test_vary_needs_one_prompt_of_the_cell_only() -> None:
    """An axis of vary may be in some of a cell's prompts, and has to be in one."""
    first, second = parse_cell("a {x}\n---\nb", vary={"x": ["1", "2"]})
    assert (first.count, second.count) == (2, 1)
    with pytest.raises(PromptInvalid, match=r"has no \{y\}"):
        parse_cell("a {x}\n---\nb", vary={"x": ["1"], "y": ["2"]})


def test_a_million_prompts_are_counted_without_being_made() -> None:
    """The count of a large product takes no time, and any one prompt of it can be had."""
    plan = parse(" ".join("{" + "|".join("abcdefghij") + "}" for _ in range(60)))
    assert plan.count == 10**60
    choice = plan.grid().at(10**60 - 1)
    assert plan.prompt_for(dict(choice)) == " ".join("j" * 60)


def test_hostile_texts_are_read_in_no_time() -> None:
    """Text made to be slow is not."""
    started = time.process_time()
    for text in (
        "{" * 50_000,
        "{a|" * 10_000 + "}" * 10_000,
        "{{" * 30_000,
        " \t" * 30_000 + "x",
        "\\{" * 30_000,
        "{b" * 9_000 + "}" * 9_000,
        "{{1}}" * 2_000,
    ):
        for namespace in (None, {}):
            error = refusal(text, namespace)
            assert error is None or len(str(error)) < 1000
    assert time.process_time() - started < 5


def test_line_ends_inside_values_are_made_regular_too() -> None:
    """What is sent has one kind of line end, and no blanks at its ends."""
    assert prompts_of("{{v}}", namespace={"v": " a\r\nb\rc "}) == ["a\nb\nc"]


@pytest.mark.skipif(not VBENCH.exists(), reason="the VBench prompts are not beside this checkout")
def test_all_vbench_prompts_arrive_byte_for_byte() -> None:
    """Each of the 946 real prompts goes through unchanged, in a cell and alone."""
    lines = VBENCH.read_text("utf-8").splitlines()
    assert len(lines) == 946
    assert [parse(line, namespace={}).expand()[0].prompt for line in lines] == [
        line.strip() for line in lines
    ]
    plans = parse_cell("\n---\n".join(lines), namespace={})
    assert [plan.expand()[0].prompt for plan in plans] == [line.strip() for line in lines]


def test_a_row_fills_its_columns() -> None:
    """A column's text is literal, whatever its name, in a prompt and in an alternative; others stay as written."""
    row = {"animal": "fox {a|b}", "camera move": "{{x}}", "gone": None}
    (plan,) = parse_cell("{animal} {camera move} {x: {animal}|b} {other}", row=row)
    assert [each.prompt for each in plan.expand()] == [
        "fox {a|b} {{x}} fox {a|b} {other}",
        "fox {a|b} {{x}} b {other}",
    ]
    assert parse_cell(r"\{animal}", row=row)[0].expand()[0].prompt == "{animal}"
    assert parse_cell("{animal}", row=row, raw=True)[0].expand()[0].prompt == "{animal}"
    with pytest.raises(PromptInvalid, match="Row 3: gone is missing"):
        parse_cell("狐狸 {gone}", row=row, where="row 3")


def test_the_prompt_with_the_mistake_is_named() -> None:
    """Of several prompts the message says which one, and in which of its lines."""
    with pytest.raises(PromptInvalid) as caught:
        parse_cell("a fox\n---\nfirst\n狐狸 🦊 {a||b} c")
    message, line, pointer = str(caught.value).splitlines()
    assert message.startswith("Prompt 2, line 2: An alternative is empty")
    assert line == "狐狸 🦊 {a||b} c"
    assert pointer.index("^") == 11


@given(st.text(alphabet="ab 狐🦊e\u0301\u200d\t", max_size=300), st.text(alphabet="ab 狐🦊", max_size=300))
@example("狐" * 100, "狐" * 100)
@example("\u0301" * 400, "")
def test_an_excerpt_never_wraps(before: str, after: str) -> None:
    """However wide its characters are, a shown line fits a notebook's width and the caret stands under its place."""
    shown, pointer = caret(f"{before}X{after}", len(before)).splitlines()
    widths = [2 if east_asian_width(c) in "WF" else 0 if combining(c) else 1 for c in shown]
    assert sum(widths) <= 78
    at = next(n for n in range(len(shown) + 1) if sum(widths[:n]) == len(pointer) - 1 and shown[n] == "X")
    assert shown[at] == "X"
