"""What may stand on a ``%%hailuo`` line and after ``%hailuo``, as data.

In comes nothing; out go the tables of options and commands, and the help text that is made from them. Next:
`hailuo_nb.notebook.options` reads lines by these tables, completion offers what is in them, and the README is
checked against them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = [
    "CELL_OPTIONS",
    "COMMANDS",
    "Argument",
    "Command",
    "Option",
    "cell_help",
    "command_help",
    "line_help",
]


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes
    ----------
    name : str
        As typed: ``--duration``.
    kind : str
        How its value is read: ``flag`` and ``switch`` (on, off or not said) take none; ``int``, ``ints``,
        ``usd``, ``text``, ``label``, ``choice``, ``date``, ``image``, ``path``, ``axis``, ``names``, ``setting`` and
        ``variable`` do.
    field : str
        Where the value goes: an attribute of `hailuo_nb.notebook.options.CellOptions`.
    help : str
        One line.
    metavar : str
        What stands for the value in help texts; empty for those without.
    short, off : str
        The short form (``-d``), and the form that switches off (``--no-wait``); empty where there is none.
    group : str
        The heading in the help text.
    default : str
        In words.
    example : str
        A right use of it.
    choices : tuple of str
        The only values, for a ``choice``.
    least, most : int
        The limits of an ``int`` or ``ints``.
    is_repeatable : bool
        Whether it may be given more than once.
    is_value_optional : bool
        Whether it may stand alone; its value is then an empty text.
    """

    name: str
    kind: str
    field: str
    help: str
    metavar: str = ""
    short: str = ""
    off: str = ""
    group: str = ""
    default: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int = 1_000_000
    is_repeatable: bool = False
    is_value_optional: bool = False

    @property
    def takes_value(self) -> bool:
        """Whether a value follows."""
        return self.kind not in {"flag", "switch"}

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way to type it."""
        return tuple(spelling for spelling in (self.short, self.name, self.off) if spelling)


@dataclass(frozen=True)
class Argument:
    """A word or words after a command: ``id``, ``variant``, ``command``."""

    name: str
    kind: str
    help: str
    is_required: bool = False
    is_many: bool = False


@dataclass(frozen=True)
class Command:
    """One command of ``%hailuo``.

    Attributes
    ----------
    name : str
        As typed.
    help : str
        One line.
    arguments : tuple of Argument
        The words that may follow.
    options : tuple of Option
        The options that may follow.
    """

    name: str
    help: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()


_CLIP, _AXES, _TEXT, _LIMITS, _RUN = "The clip", "Several clips", "The prompt", "Limits", "Running"

CELL_OPTIONS: tuple[Option, ...] = (
    Option("--duration", "ints", "durations", "length in seconds; several make an axis", "S[,S]", "-d",
           group=_CLIP, default="the variant's own", example="--duration 6", most=600),
    Option("--image", "image", "image",
           "first frame: a picture, a URL, clip.mp4 for its last frame, or {{expr}}", "IMAGE",
           group=_CLIP, example="--image photo.png"),
    Option("--fit", "choice", "fit", "bring a picture into the clip's shape", "pad|crop", group=_CLIP,
           default="as it is", example="--fit pad", choices=("pad", "crop")),
    Option("--expand", "switch", "expand", "let the service rewrite the prompt", off="--no-expand",
           group=_CLIP, default="the variant's own", example="--no-expand"),
    Option("--go-fast", "switch", "go_fast", "the faster setting of variants that have one",
           off="--no-go-fast", group=_CLIP, default="the variant's own", example="--go-fast"),
    Option("--set", "setting", "sets",
           "any other input of the model; values as in JSON, anything else is text", "KEY=VALUE",
           group=_CLIP, example="--set resolution=720p", is_repeatable=True),
    Option("--takes", "int", "takes", "clips of each request", "N", "-n", group=_AXES, default="1",
           example="--takes 2", most=999),
    Option("--vary", "axis", "vary",
           "values for {axis} in the prompt, or a list of the notebook: axis=$list", "AXIS=A|B",
           group=_AXES, example='--vary "light=dawn|dusk"', is_repeatable=True),
    Option("--zip", "names", "zips", "axes that move together instead of being multiplied", "AXIS,AXIS",
           group=_AXES, example="--zip light,camera", is_repeatable=True),
    Option("--sample", "int", "sample", "only N of the combinations, by chance", "N", group=_AXES,
           default="all", example="--sample 8"),
    Option("--seed", "int", "seed", "which ones --sample takes; the clips themselves have no seed", "N",
           group=_AXES, default="0", example="--seed 1", least=-(2**53), most=2**53),
    Option("--from", "variable", "from_name", "prompts and axes from a DataFrame of the notebook", "DF",
           group=_TEXT, example="--from df"),
    Option("--file", "path", "file", "prompts from a text file", "FILE", group=_TEXT,
           example="--file prompts.txt"),
    Option("--raw", "flag", "raw", "send the text as it is: no {{values}}, no {axes}, no ---",
           group=_TEXT, example="--raw"),
    Option("--max-cost", "usd", "max_cost", "send nothing if this cell costs more", "USD", group=_LIMITS,
           default="none", example="--max-cost 2"),
    Option("--max-clips", "int", "max_clips", "send nothing if this cell makes more clips", "N",
           group=_LIMITS, default="16", example="--max-clips 40"),
    Option("--yes", "flag", "yes", "do not ask above the confirmation limit; the budget stays",
           short="-y", group=_LIMITS, example="--yes"),
    Option("--offline", "flag", "offline", "show what is on disk; never send", group=_LIMITS,
           example="--offline"),
    Option("--dry-run", "flag", "dry_run", "prompts, count and price; nothing is sent", group=_LIMITS,
           example="--dry-run"),
    Option("--skip-invalid", "flag", "skip_invalid",
           "drop combinations a variant does not allow, and say so", group=_LIMITS,
           example="--skip-invalid"),
    Option("--wait", "switch", "wait", "wait for the clips before the cell ends", off="--no-wait",
           group=_RUN, default="when nobody is at the notebook", example="--wait"),
    Option("--name", "label", "name", "what the clips and their files are called", "NAME", group=_RUN,
           example="--name hero"),
    Option("--tag", "label", "tags", "a tag in the history", "TAG", group=_RUN, example="--tag draft",
           is_repeatable=True),
    Option("-o", "variable", "output", "keep the batch in this variable", "NAME", group=_RUN,
           example="-o fox"),
    Option("--help", "flag", "help", "this text", short="-h", group=_RUN, example="--help"),
)  # fmt: skip
"""The options of ``%%hailuo``, in the order of the help text."""

_BY_NAME = {option.name: option for option in CELL_OPTIONS}
_HELP = _BY_NAME["--help"]
_IDS = Argument("ID", "id", "a job's number, a clip's name, a batch's variable or id", is_many=True)
_SOME_IDS = Argument("ID", "id", _IDS.help, is_required=True, is_many=True)
_ONE_ID = Argument("ID", "id", "a job's number, a clip's name, a batch's variable or id")
_TIMEOUT = Option(
    "--timeout",
    "int",
    "timeout",
    "stop waiting after this many seconds; the jobs go on",
    "S",
    example="--timeout 60",
)
_TEXT_FILTER = Option(
    "--text", "text", "text", "only clips with this in their prompt", "WORDS", example="--text fox"
)
_STATUSES = (  # the ledger's words, which this layer may not read; a test holds the two equal
    *("planned", "submitting", "unconfirmed", "submitted", "processing", "downloading", "completed"),
    *("failed", "cancelled", "abandoned"),
)
_HISTORY_OPTIONS = (
    _TEXT_FILTER,
    Option("--name", "label", "name", "only clips of this name", "NAME", example="--name hero"),
    Option("--tag", "label", "tag", "only clips with this tag", "TAG", example="--tag draft"),
    Option("--variant", "text", "variant", "only clips of this variant", "VARIANT",
           example="--variant t2v-pro", is_repeatable=True),
    Option("--status", "choice", "status", "only clips that are so", "STATUS", example="--status failed",
           choices=_STATUSES, is_repeatable=True),
    Option("--since", "date", "since", "only clips made from this day or time on", "DATE",
           example='--since 2026-11-03, --since "3 Nov", --since 3d or --since yesterday'),
    Option("--until", "date", "until", "only clips made up to the end of this day, or before this time",
           "DATE", example="--until yesterday"),
    Option("--axis", "axis", "axes", "only clips with this value of an axis; any of several", "AXIS=A|B",
           example="--axis light=dawn", is_repeatable=True),
    Option("--service", "choice", "service", "only real clips, or only simulated ones", "SERVICE",
           example="--service wavespeed", choices=("wavespeed", "simulator")),
    Option("--batch", "text", "batch", "only this batch: its id, or the variable that holds it", "BATCH",
           example="--batch fox"),
    Option("--limit", "int", "limit", "only the newest N", "N", default="all", example="--limit 20"),
    Option("--cell", "text", "cell",
           "every version of a cell: the one that runs or made the last clips, or the one with this id", "ID",
           example="--cell", is_value_optional=True),
    Option("--measures", "flag", "measures",
           "measure what was not measured yet: motion, sharpness, flicker, cuts and more, as columns m.*",
           example="--measures"),
)  # fmt: skip
_NOTE = Option(
    "--note",
    "text",
    "note",
    "a few words about it; empty takes them away",
    "TEXT",
    example='--note "too dark"',
)
_BY = Option("--by", "text", "by", "what competes: variant, clip, or an axis of the prompts", "WHAT",
             default="variant", example="--by light")  # fmt: skip
_DRAW = Option("--seed", "int", "seed", "of the intervals; the same one gives the same table", "N",
               default="0", example="--seed 1", least=0, most=2**31)  # fmt: skip
_PRICED = ("--duration", "--takes", "--image", "--expand", "--go-fast", "--set")
_CHAINED = ("--duration", "--image", "--fit", "--expand", "--name", "--tag", "--yes", "--max-cost", "--max-clips",
            "--offline", "--dry-run", "--wait", "-o")  # fmt: skip
_TO = Option("--to", "text", "to", "the better variant", "VARIANT", example="--to t2v-pro")
_STEP_VARIANTS = Option(
    "--variant",
    "label",
    "variants",
    "what makes the first step, and what makes the others",
    "FIRST[,OTHERS]",
    default="the setting, and the variant of its quality that takes a picture",
    example="--variant t2v-pro,i2v-pro",
)
_OUTSIDE = Option(
    "--outside", "flag", "outside", "let the film lie outside the notebook's folder", example="--outside"
)


_CHECK = Option(
    "--check", "flag", "check", "only say what there is, and fail if there is anything", example="--check"
)


_EMBED = Option(
    "--embed",
    "text",
    "embed",
    "how much the clips inside a report may take, as 20MB; 0 for pictures only",
    "SIZE",
    default="20MB",
    example="--embed 20MB",
)


COMMANDS: tuple[Command, ...] = (
    Command("form", "a form to write prompts in; with ID filled from that clip",
            (Argument("ID", "id", "a clip, or a variant to begin with"),), (_HELP,)),
    Command("variants", "what can be made: inputs, lengths, prices",
            (Argument("VARIANT", "variant", "only this one"),), (_HELP,)),
    Command("quote", "what a clip would cost; nothing is sent",
            (Argument("VARIANT", "variant", "the variants to price", is_many=True),),
            (*(_BY_NAME[name] for name in _PRICED), _HELP)),
    Command("jobs", "what is out, with its cards", (), (_HELP,)),
    Command("show", "a clip or batch again; the last one without ID", (_ONE_ID,), (_HELP,)),
    Command("wait", "wait for jobs; for all of them without ID", (_IDS,),
            (_TIMEOUT, _HELP)),
    Command("resume", "poll and fetch what is still out, or one clip or prediction by its id; sends nothing",
            (Argument("ID", "id", "a clip, or a prediction of the service", is_many=True),), (_HELP,)),
    Command("retry", "send failed clips again, at their price", (_SOME_IDS,),
            (_BY_NAME["--yes"], _BY_NAME["--max-cost"], _HELP)),
    Command("resend", "send an unconfirmed clip once more, at its price", (_SOME_IDS,),
            (_BY_NAME["--yes"], _BY_NAME["--max-cost"], _HELP)),
    Command("cancel", "drop what is not sent yet; what is sent is billed and still fetched",
            (_SOME_IDS,), (_HELP,)),
    Command("adopt", "take a prediction for an unconfirmed clip",
            (Argument("ID", "id", "the clip", is_required=True),
             Argument("PREDICTION", "id", "the service's id", is_required=True)), (_HELP,)),
    Command("abandon", "give up an unconfirmed clip; it may have been billed", (_SOME_IDS,), (_HELP,)),
    Command("history", "every clip and what it cost, as a DataFrame", (),
            (*_HISTORY_OPTIONS, _HELP)),
    Command("compare", "clips side by side, in step",
            (Argument("NAME", "id", "a clip's number or name, a file, or the variable of a batch, a frame or a list",
                      is_required=True, is_many=True),),
            (Option("--x", "text", "x", "the axis of the columns", "AXIS", example="--x camera"),
             Option("--y", "text", "y", "the axis of the rows", "AXIS", example="--y variant"), _HELP)),
    Command("vote", "choose between two clips at a time, without knowing which is which; all without ID",
            (_IDS,),
            (replace(_BY, default="clip"),
             Option("--across", "flag", "across", "let clips of different prompts meet too", example="--across"),
             Option("--votes", "int", "votes", "how many votes in all", "N", default="five for each clip",
                    example="--votes 40"), _HELP)),
    Command("rank", "the order that votes make, as a DataFrame; of all clips without ID", (_IDS,),
            (_BY, _DRAW, _HELP)),
    Command("rate", "give a clip one to five stars, 0 for a reject, and a note",
            (Argument("ID", "id", _IDS.help, is_required=True),
             Argument("STARS", "word", "1 to 5, 0 for a reject, or none to take the stars away")),
            (_NOTE, _HELP)),
    Command("promote", "make a clip again in a better variant, with the difference in price",
            (Argument("ID", "id", _IDS.help, is_required=True),),
            (_TO, _BY_NAME["--yes"], _BY_NAME["--max-cost"], _BY_NAME["--offline"], _HELP)),
    Command("rerun", "a clip again, from its file or its recipe: shown if it is here, else made at its price",
            (Argument("FILE", "id", "an .mp4 or .json, or a clip's id or name", is_required=True),),
            (_BY_NAME["--image"], _BY_NAME["--yes"], _BY_NAME["--max-cost"], _BY_NAME["--offline"],
             _BY_NAME["--wait"], _HELP)),
    Command("chain", "one clip after the other, each from the last frame",
            (Argument("STEP", "step", "a text in quotes, or a variable that holds one or several",
                      is_required=True, is_many=True),),
            (_STEP_VARIANTS, *(_BY_NAME[name] for name in _CHAINED), _HELP)),
    Command("join", "several clips as one film",
            (Argument("CLIP", "id", f"{_IDS.help}, or a file", is_required=True, is_many=True),
             Argument("FILE", "path", "the film, as film.mp4", is_required=True)), (_OUTSIDE, _HELP)),
    Command("export", "clips in one file to pass on: report.html to be read, pack.zip for %hailuo import",
            (Argument("NAME", "id", "a name, id, tag or batch variable; all clips without", is_many=True),
             Argument("FILE", "path", "what to write: report.html or pack.zip", is_required=True)), (_EMBED, _HELP)),
    Command("import", "take in the clips of a pack; nothing is sent or paid",
            (Argument("FILE", "path", "the pack, as pack.zip", is_required=True),), (_HELP,)),
    Command("clean", "take keys, home paths and signed addresses out of a notebook, and say what there was",
            (Argument("NOTEBOOK", "path", "the notebook's file, as fox.ipynb", is_required=True, is_many=True),),
            (_CHECK, _HELP)),
    Command("key", "set the WaveSpeed key (it asks, and shows nothing), or see which one is used",
            (Argument("status", "word", "only say where the key comes from"),), (_HELP,)),
    Command("budget", "set the budget of this kernel, or see what is left",
            (Argument("USD", "usd", "the most that may be spent in this ledger"),), (_HELP,)),
    Command("balance", "the credit at the service", (), (_HELP,)),
    Command("settle", "ask what clips really cost, and write it down", (), (_HELP,)),
    Command("tips", "how to write prompts", (), (_HELP,)),
    Command("doctor", "what is set up and what is not, as a table to paste into an issue", (), (_HELP,)),
    Command("help", "this text, or the text of a command",
            (Argument("COMMAND", "command", "the command to explain"),), (_HELP,)),
)  # fmt: skip
"""The commands of ``%hailuo``, in the order of the contract."""


def cell_help(width: int = 100) -> str:
    """Give the help text of ``%%hailuo``.

    Parameters
    ----------
    width : int
        The longest line.
    """
    lines = [
        "%%hailuo [NAME <<] [VARIANT ...] [options]",
        "The lines below are the prompt. {a|b} and {axis: a|b} make a clip of each, {{expr}} puts in a value",
        "of the notebook, \\{ is a brace, and --- alone on a line parts prompts. $name as an option's value",
        "is a variable of the notebook. %%hailuo chain [FIRST [OTHERS]] lets what --- parts follow each other,",
        "each from the last frame of the one before.",
        "%hailuo variants lists the variants.",
    ]
    for group in dict.fromkeys(option.group for option in CELL_OPTIONS):
        lines += ["", group]
        lines += _option_lines([option for option in CELL_OPTIONS if option.group == group], width)
    return "\n".join(lines)


def line_help(width: int = 100) -> str:
    """Give the list of commands of ``%hailuo``."""
    built = [(command.name, command.help) for command in COMMANDS]
    lines = ["%hailuo COMMAND [words] [options]", "", *_columns(built, width), ""]
    return "\n".join([*lines, "%hailuo help COMMAND tells more; %%hailuo --help explains cells."])


def command_help(command: Command, width: int = 100) -> str:
    """Give the help text of one command."""
    words = [_usage(argument) for argument in command.arguments]
    if command.options:
        words.append("[options]")
    lines = [" ".join(["%hailuo", command.name, *words]), f"{command.help[:1].upper()}{command.help[1:]}."]
    if command.arguments:
        lines += ["", *_columns([(item.name, item.help) for item in command.arguments], width)]
    if command.options:
        lines += ["", *_option_lines(command.options, width)]
    return "\n".join(lines)


def _usage(argument: Argument) -> str:
    """Write an argument as usage lines do."""
    name = f"{argument.name} ..." if argument.is_many else argument.name
    return name if argument.is_required else f"[{name}]"


def _option_lines(options: Iterable[Option], width: int) -> list[str]:
    """Write options as two columns."""
    rows = []
    for option in options:
        metavar = f"[{option.metavar}]" if option.is_value_optional else option.metavar
        spelled = f"{', '.join(option.spellings)} {metavar}".rstrip()
        notes = [f"default: {option.default}"] if option.default else []
        notes += ["may be repeated"] if option.is_repeatable else []
        rows.append((spelled, f"{option.help} ({'; '.join(notes)})" if notes else option.help))
    return _columns(rows, width)


def _columns(rows: list[tuple[str, str]], width: int) -> list[str]:
    """Write pairs as two columns, the second one wrapped."""
    indent = min(28, max(len(left) for left, _ in rows) + 4)
    lines: list[str] = []
    for left, right in rows:
        head = f"  {left}".ljust(indent)
        if len(head) > indent:
            lines.append(head)
            head = " " * indent
        lines += textwrap.wrap(right, width, initial_indent=head, subsequent_indent=" " * indent)
    return lines
