"""The lines of %%hailuo and %hailuo: what they say, and every mistake in them at once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.errors import InvalidRequest, UnknownVariant
from hailuo_nb.ledger.status import STATUSES
from hailuo_nb.notebook.option_table import CELL_OPTIONS, COMMANDS, cell_help, command_help, line_help
from hailuo_nb.notebook.options import (
    CellOptions,
    LineCommand,
    Reference,
    parse_cell_line,
    parse_line,
    resolve,
)

NAMES = ("t2v-standard", "t2v-pro", "i2v-pro", "fast")
KEY = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
CONTRACT = (
    "form variants quote jobs show wait resume retry resend cancel adopt abandon history compare vote rank rate "
    "promote rerun chain join export import clean key budget balance settle tips doctor help"
)


def read(line: str) -> CellOptions:
    """Read a cell's line with the names of this module."""
    return parse_cell_line(line, NAMES)


def refusal(parse: Callable[[str], object], line: str) -> InvalidRequest | None:
    """Give the error of a line, or None for a right one; any other error passes."""
    try:
        parse(line)
    except InvalidRequest as error:
        return error
    return None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("t2v-pro", {"variants": ("t2v-pro",)}),
        ("fox << t2v-standard t2v-pro --takes 2", {"target": "fox", "variants": NAMES[:2], "takes": 2}),
        ("fox<<t2v-pro", {"target": "fox", "variants": ("t2v-pro",)}),
        ("füchse << ", {"target": "füchse"}),
        ("minimax/hailuo-2.3/t2v-pro", {"variants": ("minimax/hailuo-2.3/t2v-pro",)}),
        ("--takes=3 t2v-pro -d 6,10", {"takes": 3, "variants": ("t2v-pro",), "durations": (6, 10)}),
        ("-n 2 -d=6", {"takes": 2, "durations": (6,)}),
        ("-n2 -d6", {"takes": 2, "durations": (6,)}),
        ('-d "6, 10"', {"durations": (6, 10)}),
        ("--image photo.png --fit crop", {"image": "photo.png", "fit": "crop"}),
        (r"--image C:\pics\new.png", {"image": r"C:\pics\new.png"}),
        (r'--file "C:\my prompts\"', {"file": "C:\\my prompts\\"}),
        (r'--name "a \"b"'.replace('\\"b', "b"), {"name": "a b"}),
        (r"--tag 'it\'s' --tag x", {"tags": ("it's", "x")}),
        ("--tag dog's", {"tags": ("dog's",)}),
        ("--image {{ pictures['a b'] }}", {"image": "{{ pictures['a b'] }}"}),
        ("--image 'https://example.com/a b.png?x=1'", {"image": "https://example.com/a b.png?x=1"}),
        (f"--image uploads/{KEY}.png", {"image": f"uploads/{KEY}.png"}),
        ("--name hero --tag a --tag b --tag a", {"name": "hero", "tags": ("a", "b")}),
        (
            "--name my-long-experiment-name-with-many-words-2024",
            {"name": "my-long-experiment-name-with-many-words-2024"},
        ),
        (
            '--vary "light=soft dawn | dusk" --vary n=1|2',
            {"vary": {"light": ("soft dawn", "dusk"), "n": ("1", "2")}},
        ),
        ('--vary light="soft dawn"|"blue noon"', {"vary": {"light": ("soft dawn", "blue noon")}}),
        ("--zip a,b --zip c,d", {"zips": (("a", "b"), ("c", "d"))}),
        ("--sample 5 --seed -3", {"sample": 5, "seed": -3}),
        ("--from df", {"from_name": "df"}),
        ("--from $df", {"from_name": "df"}),
        ("--expand --go-fast --wait", {"expand": True, "go_fast": True, "wait": True}),
        ("--no-expand --no-go-fast --no-wait", {"expand": False, "go_fast": False, "wait": False}),
        (
            "--raw --skip-invalid --dry-run --offline",
            dict.fromkeys(["raw", "skip_invalid", "dry_run", "offline"], True),
        ),
        ("-y", {"yes": True}),
        ("--yes --max-cost 2.5 --max-clips 40", {"yes": True, "max_cost": Decimal("2.5"), "max_clips": 40}),
        ("--max-cost $0.125", {"max_cost": Decimal("0.125")}),
        ("--max-cost 0", {"max_cost": Decimal(0)}),
        ("-o fox", {"output": "fox"}),
        ("-o=fox", {"output": "fox"}),
        ("-h --takes nonsense", {"help": True}),
        ("nonsense --help", {"help": True}),
    ],
)
def test_right_lines(line: str, expected: dict[str, Any]) -> None:
    """A right line gives what it says and the defaults for the rest."""
    assert read(line) == CellOptions(**expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=1", 1),
        ("x=-2.5", -2.5),
        ("x=true", True),
        ("x=True", True),
        ("x=null", None),
        ("x=720p", "720p"),
        ("x=a=b", "a=b"),
        ("'x=two words'", "two words"),
        ("""'x="12"'""", "12"),
        ("x=[1,2]", [1, 2]),
        ("""x='{"a": [1]}'""", {"a": [1]}),
        ("x=NaN", "NaN"),
        ("x={broken", "{broken"),
        ("max_tokens=5", None),
    ],
)
def test_set_values_are_read_as_json_would(text: str, value: object) -> None:
    """--set reads numbers, truth, null, lists and objects; anything else is text, and the text itself is kept."""
    options = read(f"--set {text}")
    if text.startswith("max"):
        assert options.sets == {"max_tokens": 5}
        return
    assert options.sets == {"x": value}
    assert type(options.sets["x"]) is type(value)
    assert list(options.set_texts) == ["x"]


WRONG = [
    ("--takes", "--takes needs a value, as --takes 2"),
    ("--takes --wait", "--takes needs a value"),
    ("--takes two", 'whole number from 1 to 999, as --takes 2; "two" is none'),
    ("--takes 0", '"0" is none'),
    ("--takes -1", '"-1" is none'),
    ("--takes 1.5", '"1.5" is none'),
    ("--takes 1000", '"1000" is none'),
    ("--takes ''", "--takes needs a value"),
    ("--takes=", "--takes needs a value"),
    ("--takes 1 -n 2", "-n is given twice"),
    ("--take 2", "did you mean --takes?"),
    ("-takes 2", "did you mean --takes?"),
    ("—takes 2", "did you mean --takes?"),
    ("--TAKES 2", "did you mean --takes?"),
    ("--max_cost 2", "did you mean --max-cost?"),
    ("--no-raw", "did you mean --raw?"),
    ("--t 2", "is no option"),
    ("-x", "is no option: --help lists them"),
    ("--", "is no option"),
    ("--force", "more clips come from --takes"),
    ("--prompt fox", "lines below"),
    ("--resolution 720p", "--set resolution="),
    ("--output fox", "did you mean -o?"),
    ("--duration six", "whole numbers of seconds"),
    ("--duration 6,", "whole numbers of seconds"),
    ("--duration 6.5", "whole numbers of seconds"),
    ("--duration 0", "whole numbers of seconds"),
    ("--duration 6,6", "names a value twice"),
    ("--image", "--image needs a value, as --image photo.png"),
    ("--image ' '", "--image needs a value"),
    ('--image "a\x07b"', "cannot be shown"),
    ("--image a --image b", "--image is given twice"),
    ("--image a --fit padd", "did you mean pad?"),
    ("--image a --fit stretch", "write pad or crop"),
    ("--fit pad", "--fit needs a picture"),
    ("--name a/b", "cannot name a file"),
    ("--name .hidden", "cannot name a file"),
    (f"--name {'long ' * 30}".replace(" ", "_").replace("--name_", "--name "), "80 are the most"),
    ("--tag ''", "--tag needs a value"),
    ("--vary light", "needs an axis and its values"),
    ("--vary =a|b", "needs a name before the ="),
    ("--vary my-light=a", "needs a name before the ="),
    ("--vary light=", "has an empty value"),
    ("--vary light=a|", "has an empty value"),
    ("--vary light=a --vary light=b", "--vary light is given twice"),
    ("--vary light=a --vary light=$b", "--vary light is given twice"),
    ("--vary light=$a --vary light=$b", "--vary light is given twice"),
    ("--vary $lights", "needs an axis and its values"),
    ("--zip light", "two or more axes"),
    ("--zip light,", "two or more axes"),
    ("--zip a,a", "names an axis twice"),
    ("--zip a,b --zip b,c", "names b in two groups"),
    ("--sample 0", "whole number from 1 on"),
    ("--seed x --sample 2", "--seed needs a whole number"),
    ("--seed 7", "add --sample N"),
    ("--from 'my df'", "name of a Python variable"),
    ("--from df --file a.txt", "both give the prompts"),
    ("--file", "--file needs a value"),
    ("--raw --vary a=b", "--raw switches axes off"),
    ("--raw=yes", "takes no value"),
    ("--wait=yes", "write --wait or --no-wait"),
    ("--wait --no-wait", "contradict"),
    ("--expand --no-expand", "contradict"),
    ("--go-fast --go-fast", "given twice"),
    ("--set steps", "needs an input and its value"),
    ("--set =1", "needs a name before the ="),
    ("--set x=", "has no value"),
    ("--set x=1e999", "too large a number"),
    ("--set x=1 --set x=2", "--set x is given twice"),
    ("--max-cost free", "needs US dollars"),
    ("--max-cost -1", "needs US dollars"),
    ("--max-cost nan", "needs US dollars"),
    ("--max-cost inf", "needs US dollars"),
    ("--max-cost 2,50", "needs US dollars"),
    ("--max-cost 0.0000001", "needs US dollars"),
    ("--max-clips 0", "whole number from 1 on"),
    ("--max-clips many", "whole number from 1 on"),
    ("-o 2x", "name of a Python variable, as -o fox"),
    ("-o class", "name of a Python variable"),
    ("-o", "-o needs a value"),
    ("2x << t2v-pro", "<< needs the name of a Python variable"),
    ("class << t2v-pro", "<< needs the name of a Python variable"),
    ("<< t2v-pro", "<< needs the name of a Python variable"),
    ("t2v-pro fast << fox", "<< goes to the front"),
    ("a << -o b", "both keep the batch"),
    ("t2v-pro t2v-pro", "named twice"),
    ('--name "hero', "is not closed"),
    ("--name 'hero", "is not closed"),
]


@pytest.mark.parametrize(("line", "said"), WRONG)
def test_wrong_lines(line: str, said: str) -> None:
    """Each mistake is one line that says what to do."""
    with pytest.raises(InvalidRequest) as caught:
        read(line)
    assert any(said in fault for fault in caught.value.faults)
    assert "\n" not in str(caught.value)
    assert all(fault.endswith((".", "?")) for fault in caught.value.faults)


def test_every_valued_option_has_a_wrong_line() -> None:
    """No option can be added without its wrong values being tried."""
    tried = " ".join(line for line, _ in WRONG)
    for option in CELL_OPTIONS:
        assert not option.takes_value or f"{option.name} " in tried or f" {option.name}" in tried, option.name


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("t2v-prp", 'did you mean "t2v-pro"?'),
        ("T2V-PRO", 'did you mean "t2v-pro"?'),
        ("zzzzzzzz", "there are t2v-standard"),
        ("a fox runs home", "a prompt goes on the lines below"),
    ],
)
def test_words_that_are_no_variants(line: str, said: str) -> None:
    """A line whose only mistakes are unknown variants raises that class."""
    with pytest.raises(UnknownVariant) as caught:
        read(line)
    assert said in str(caught.value).replace("mean t2v-pro?", 'mean "t2v-pro"?')


def test_the_catalogue_knows_the_variants() -> None:
    """Without names of its own the parser asks the catalogue."""
    assert parse_cell_line("02-fast wan-t2v").variants == ("02-fast", "wan-t2v")
    with pytest.raises(UnknownVariant, match="t2v-pro"):
        parse_cell_line("t2v-prp")


def test_all_mistakes_come_at_once() -> None:
    """One error names every mistake of the line, and the value of a misspelt option is no variant."""
    with pytest.raises(InvalidRequest) as caught:
        read("2x << t2v-prp --durration 6 --takes 0 --fit padd --wait --no-wait --image")
    assert len(caught.value.faults) == 7
    assert str(caught.value).startswith("7 mistakes: (1) << needs")
    assert type(caught.value) is InvalidRequest


@pytest.mark.parametrize(
    "line",
    [
        f"t2v-pro {KEY}",
        f"--key {KEY}",
        f"--key={KEY}",
        f"--api-key {KEY}",
        f"--wavespeed-api-key={KEY}",
        f"--token {KEY}",
        f"--name {KEY}",
        f"--name={KEY}",
        f"--image {KEY}",
        f"--durration {KEY}",
        f"--help {KEY}",
        f"-o {KEY}",
        f"{KEY} << t2v-pro",
        f"a{KEY} << t2v-pro",
        f"WAVESPEED_API_KEY={KEY}",
        f"--set api_key={KEY}",
        f"--set x={KEY}",
        f"--vary light={KEY}",
        f"'{KEY}",
        f"Bearer {KEY}",
        f"--takes {KEY} --zip a",
    ],
)
def test_keys_are_refused_unseen(line: str) -> None:
    """What looks like a key is refused without showing it, and the way to set one is named."""
    with pytest.raises(InvalidRequest) as caught:
        read(line)
    assert "%hailuo key" in str(caught.value)
    assert all(KEY[:8] not in text for text in (str(caught.value), *caught.value.faults))


@pytest.mark.parametrize(
    "line", ["--key abc", "--api-key=abc", "--set api_key=abc", "--set token=abc", "api_key=abc"]
)
def test_short_keys_are_refused_by_their_name(line: str) -> None:
    """What is called a key is one, however short."""
    with pytest.raises(InvalidRequest) as caught:
        read(line)
    assert "%hailuo key" in str(caught.value)
    assert "abc" not in str(caught.value)


def test_references_wait_for_the_notebook() -> None:
    """$name as a whole value is kept until it is looked up."""
    line = "--vary light=$lights --set x=$x --takes $n --tag $tags -d $d --max-cost $usd --image $img --zip $pair"
    options = read(line + " --name 5$ --fit $fit --tag own")
    assert ("--vary light", Reference("lights")) in options.references
    assert options.name == "5$"
    namespace = {
        "lights": ["dawn", 3],
        "x": {"a": 1},
        "n": 3,
        "tags": ["u", "own"],
        "d": [6, 10],
        "usd": 1.5,
        "img": Path("a.png"),
        "pair": ["light", "b"],
        "fit": "pad",
    }
    assert resolve(options, namespace) == CellOptions(
        vary={"light": ("dawn", 3)},
        sets={"x": {"a": 1}},
        takes=3,
        tags=("own", "u"),
        durations=(6, 10),
        max_cost=Decimal("1.5"),
        image="a.png",
        zips=(("light", "b"),),
        name="5$",
        fit="pad",
    )


@pytest.mark.parametrize(
    ("line", "value", "said"),
    [
        ("--takes $v", "x", "whole number"),
        ("--takes $v", 0, "whole number"),
        ("--takes $v", True, "bool"),
        ("--takes $v", 1.5, "float"),
        ("--takes $v", None, "is None"),
        ("--takes $v", " ", "empty text"),
        ("--duration $v", [6, "x"], '"x"'),
        ("--duration $v", [], "is empty"),
        ("--vary a=$v", "abc", "make it a list"),
        ("--vary a=$v", {"a"}, "is a set"),
        ("--vary a=$v", 3, "make it a list"),
        ("--set a=$v", None, "is None"),
        ("--max-cost $v", True, "bool"),
        ("--max-cost $v", float("nan"), "US dollars"),
        ("--tag $v", 3, "make it a list"),
        ("--tag $v", [3], "int"),
        ("--name $v", ["a"], "list"),
        ("--name $v", "a/b", "cannot name a file"),
        ("--zip $v", ["a"], "two or more axes"),
        ("--image a --fit $v", "padd", "did you mean pad?"),
        ("--file $v", 3, "int"),
    ],
)
def test_variables_of_the_wrong_kind(line: str, value: object, said: str) -> None:
    """A variable is checked as if its value had been written there."""
    with pytest.raises(InvalidRequest) as caught:
        resolve(read(line), {"v": value})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_variables_are_all_named() -> None:
    """Names that the notebook does not have are mistakes with the nearest name."""
    with pytest.raises(InvalidRequest) as caught:
        resolve(read("--takes $nn --vary a=$lihgts --from frame"), {"lights": [], "n": 1})
    assert len(caught.value.faults) == 3
    assert "did you mean lights?" in str(caught.value)


def test_the_statuses_to_filter_by_are_those_of_the_ledger() -> None:
    """The table may not read the ledger, so it has a copy."""
    history = next(command for command in COMMANDS if command.name == "history")
    assert next(option for option in history.options if option.name == "--status").choices == STATUSES


@given(st.text(alphabet="-=$'\"\\{}<| ndtakesovary12,.", max_size=40))
def test_no_line_breaks_the_parser(line: str) -> None:
    """Whatever is typed gives options or one line."""
    for parse in (read, parse_line):
        error = refusal(parse, line)
        assert error is None or (error.faults and "\n" not in str(error))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", LineCommand("help")),
        ("--help", LineCommand("help")),
        ("jobs", LineCommand("jobs")),
        ("history --text 'a fox' --limit 20", LineCommand("history", (), {"text": "a fox", "limit": 20})),
        (
            "history --since 3d --until yesterday --status failed --status planned --axis light=dawn",
            LineCommand(
                "history",
                (),
                {
                    "since": "3d",
                    "until": "yesterday",
                    "status": ("failed", "planned"),
                    "axes": {"light": ("dawn",)},
                },
            ),
        ),
        ("history --cell", LineCommand("history", (), {"cell": ""})),
        ("history --cell 3f2a", LineCommand("history", (), {"cell": "3f2a"})),
        ("history --cell --help", LineCommand("history", (), {"help": True})),
        ("wait 3 fox --timeout 60", LineCommand("wait", ("3", "fox"), {"timeout": 60})),
        (f"show {KEY[:32]}", LineCommand("show", (KEY[:32],))),
        ("cancel 1 2", LineCommand("cancel", ("1", "2"))),
        (
            "quote t2v-pro fast -d 10 --set x=1",
            LineCommand("quote", ("t2v-pro", "fast"), {"durations": (10,)}),
        ),
        ("variants t2v-pro", LineCommand("variants", ("t2v-pro",))),
        ("help history", LineCommand("help", ("history",))),
        ("wait -h", LineCommand("wait", (), {"help": True})),
        ("key", LineCommand("key")),
    ],
)
def test_right_commands(line: str, expected: LineCommand) -> None:
    """A right line gives its command, words and options."""
    found = parse_line(line)
    options = {name: value for name, value in found.options.items() if not name.startswith("set")}
    assert LineCommand(found.name, found.args, options) == LineCommand(
        expected.name, expected.args, dict(expected.options)
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hsitory", "did you mean %hailuo history?"),
        ("JOBS", "did you mean %hailuo jobs?"),
        ("zzzzz", "%hailuo help lists"),
        ("import 1 2", "takes one FILE"),
        ("clean --nonsense", "is no option"),
        ("jobs now", "takes no words"),
        ("jobs --takes 2", "is no option"),
        ("cancel", "needs ID"),
        ("show 1 2", "takes one ID"),
        ("quote t2v-prp", "t2v-pro"),
        ("quote t2v-pro --takes 0", "whole number"),
        ("help hist", "did you mean history?"),
        ("history --limit", "needs a value"),
        ("history --limit $n", "write the value itself"),
        ("history 'open", "is not closed"),
        ("history --since soon", 'no date: write 2026-11-03, "3 Nov", 3d'),
        ("history --status complete", "did you mean completed?"),
        ("history --axis light", "needs an axis and its values"),
        ("history --service openai", "write wavespeed or simulator"),
        ("history --until", "needs a value"),
        ("wait --timeout 0", "whole number"),
    ],
)
def test_wrong_commands(line: str, said: str) -> None:
    """A wrong command or word is one line that says what to do."""
    with pytest.raises(InvalidRequest) as caught:
        parse_line(line)
    assert any(said in fault for fault in caught.value.faults)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line", [f"key {KEY}", "key short", f"{KEY}", f"show {KEY}", f"balance --key {KEY}", f"key --key={KEY}"]
)
def test_keys_on_command_lines_are_refused_unseen(line: str) -> None:
    """A key after %hailuo is refused without showing it; prediction ids are not keys."""
    with pytest.raises(InvalidRequest) as caught:
        parse_line(line)
    assert "WAVESPEED_API_KEY" in str(caught.value)
    assert KEY[:8] not in str(caught.value)
    assert "short" not in str(caught.value)


def test_the_table_has_every_command_of_the_contract() -> None:
    """The commands are those of the contract, in its order."""
    assert [command.name for command in COMMANDS] == CONTRACT.split()


def test_the_table_has_every_option_of_the_contract() -> None:
    """The options are those of the contract, each with an attribute, an example and one way to type it."""
    spellings = [spelling for option in CELL_OPTIONS for spelling in option.spellings]
    assert len(spellings) == len(set(spellings))
    contract = (
        "-d --duration -n --takes --image --fit --name --tag --vary --zip --sample --seed --from --expand --no-expand "
        "--go-fast --no-go-fast --set --skip-invalid --dry-run --offline --wait --no-wait -y --yes --max-cost "
        "--max-clips -o --raw --file -h --help"
    )
    assert set(spellings) == set(contract.split())
    assert {option.field for option in CELL_OPTIONS} <= set(CellOptions.__dataclass_fields__)
    assert all(set(option.spellings) & set(option.example.split()) for option in CELL_OPTIONS)


@pytest.mark.parametrize("option", [option for option in CELL_OPTIONS if option.takes_value])
def test_every_example_is_right(option: Any) -> None:
    """The example that a message shows is a right line itself."""
    more = {"--fit": " --image a.png", "--seed": " --sample 2"}.get(option.name, "")
    assert getattr(read(option.example + more), option.field) != getattr(CellOptions(), option.field)


def test_help_texts_hold_every_option_and_command() -> None:
    """Help is made from the tables and keeps to its width."""
    text = cell_help()
    assert all(spelling in text for option in CELL_OPTIONS for spelling in option.spellings)
    assert all(command.name in line_help() for command in COMMANDS)
    for width in (60, 100):
        texts = [line_help(width), cell_help(width), *(command_help(command, width) for command in COMMANDS)]
        assert max(len(line) for text in texts for line in text.splitlines()[4:]) <= 108
