r"""The grammar of a prompt.

In come the text of a cell and the notebook's variables; out go `PromptPlan`s, one for each prompt of the
cell, which know their axes and how many prompts they make before making any. Next: the session makes a
request of every `ExpandedPrompt`.

``{{expr}}`` is a value, ``{a|b}`` and ``{light: dawn|dusk}`` are alternatives, ``{light}`` is one where
``--vary`` names it, ``\{`` is a brace, and ``---`` alone on a line parts prompts. Everything else is sent as
written.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from hailuo_nb.errors import PromptInvalid
from hailuo_nb.prompts.axes import Axis, Choice, Grid
from hailuo_nb.prompts.places import invalid, one_line

__all__ = ["Axis", "ExpandedPrompt", "PromptPlan", "check_columns", "parse", "parse_cell", "split_cell"]

_PARTING = re.compile(r"(?m)^[ \t]*---[ \t]*$")
_TOKEN = re.compile(r"\\\{|\{\{|[{}|]")
# An escape, an expression, a column of the row: each stands for a text that is not read again.
_LITERALS = frozenset({"\\{", "{{", "{="})
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"(['\"])(?:\\.|(?!\1)[^\\])*\1", re.DOTALL)
_HEADER = re.compile(r"([^\W\d]\w*): ")
_WRITTEN = re.compile(r"(?<!\\)\{([^\W\d]\w*)[}:]")


@dataclass(frozen=True)
class ExpandedPrompt:
    """One prompt of a plan.

    Attributes
    ----------
    prompt : str
        The text to send.
    axes : tuple of (str, str)
        The alternative it took of each axis.
    """

    prompt: str
    axes: Choice


@dataclass(frozen=True)
class _Hole:
    """Where an axis puts its value."""

    axis: str


# What a prompt without axes makes.
_ONE = Grid(())


@dataclass(frozen=True)
class PromptPlan:
    r"""What one prompt text asks for.

    Attributes
    ----------
    template : str
        The text as written, with ``\n`` line ends and trimmed.
    axes : tuple of Axis
        Its axes in the order in which they first appear.

    Examples
    --------
    >>> plan = parse("a fox at {light: dawn|dusk}")
    >>> plan.count
    2
    >>> [p.prompt for p in plan.expand()]
    ['a fox at dawn', 'a fox at dusk']
    """

    template: str
    axes: tuple[Axis, ...] = ()
    _pieces: tuple[str | _Hole, ...] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """How many prompts this makes, worked out without making them."""
        return self.grid().count

    def grid(self, zips: Sequence[Sequence[str]] = ()) -> Grid:
        """Give the combinations of its axes, those of one group of ``zips`` moving together."""
        if not (self.axes or zips):
            return _ONE
        return Grid(self.axes, tuple(tuple(names) for names in zips))

    def prompt_for(self, choice: Mapping[str, str]) -> str:
        """Give the prompt for one value of every axis.

        Parameters
        ----------
        choice : Mapping
            A value by axis; names that are no axis of this prompt are ignored.
        """
        filled = [choice[piece.axis] if isinstance(piece, _Hole) else piece for piece in self._pieces]
        return _normal("".join(filled))

    def expand(self, zips: Sequence[Sequence[str]] = ()) -> list[ExpandedPrompt]:
        """Make every prompt, the first axis moving slowest."""
        return list(self.iter_expanded(zips))

    def iter_expanded(self, zips: Sequence[Sequence[str]] = ()) -> Iterator[ExpandedPrompt]:
        """Make the prompts one after the other."""
        return (ExpandedPrompt(self.prompt_for(dict(choice)), choice) for choice in self.grid(zips))


def split_cell(text: str, *, raw: bool = False) -> list[str]:
    """Part a cell's text into its prompts.

    Parameters
    ----------
    text : str
        The text under ``%%hailuo``.
    raw : bool
        Switch the grammar off: the text is one prompt.

    Returns
    -------
    list of str
        The prompts, trimmed, without empty ones.
    """
    whole = _normal(text)
    parts = [whole] if raw else [part.strip() for part in _PARTING.split(whole)]
    return [part for part in parts if part]


def parse_cell(
    text: str,
    *,
    raw: bool = False,
    vary: Mapping[str, Sequence[object]] | None = None,
    namespace: Mapping[str, Any] | None = None,
    row: Mapping[str, str | None] | None = None,
    where: str = "",
) -> tuple[PromptPlan, ...]:
    """Read all prompts of a cell, as `parse` reads one.

    Parameters
    ----------
    text, raw, vary, namespace
        As for `parse`; an axis of ``vary`` has to be in at least one of the prompts.
    row : Mapping, optional
        The texts of one row of a table by column, None for a missing one; ``{column}`` stands for its text, which is
        never read again. `check_columns` says whether any is used.
    where : str
        Which row that is, for the message.

    Raises
    ------
    PromptInvalid
        As from `parse`; of several prompts it says which one, and the line is counted within it.
    """
    prompts = split_cell(text, raw=raw) or [""]
    values = _vary_values(vary or {})
    plans = []
    for number, prompt in enumerate(prompts, start=1):
        place = ", ".join(filter(None, (where, f"prompt {number}" if len(prompts) > 1 else "")))
        plans.append(_Reader(prompt, values, namespace, row or {}, place).plan(raw))
    _check_vary(values, plans, raw)
    return tuple(plans)


def check_columns(names: Sequence[str], text: str, *, raw: bool = False) -> None:
    """Check that a text takes at least one column of a table, and that none of them is misspelt in it.

    Raises
    ------
    PromptInvalid
        Every row would make the same prompt, or ``{anmial}`` would be sent as it is written.
    """
    text = _normal(text)
    used = {name for name in names if f"{{{name}}}" in text or f"{{{name}: " in text}
    wrong = [name for name in names if name not in used]
    for name in wrong:
        _check_spelling(f"{name} is a column, and the prompt does not have it", name, [text], used)
    expressions = " ".join(re.findall(r"\{\{(.*?)\}\}", text, re.DOTALL))
    if raw or not (used or any(re.search(rf"\b{re.escape(name)}\b", expressions) for name in names)):
        off = "--raw switches {column} off, so every row makes" if raw else "Every row makes"
        raise invalid(f"{off} this same prompt: write {{{one_line(names[0], 60)}}} into it.", text, 0)


def parse(
    text: str,
    *,
    raw: bool = False,
    vary: Mapping[str, Sequence[object]] | None = None,
    namespace: Mapping[str, Any] | None = None,
) -> PromptPlan:
    r"""Read one prompt.

    Parameters
    ----------
    text : str
        The prompt as written. ``---`` means nothing here; `parse_cell` parts a cell.
    raw : bool
        Switch the grammar off: the text is sent as it is.
    vary : Mapping, optional
        Values by axis; ``{axis}`` in the text stands for them. The values are literal.
    namespace : Mapping, optional
        The notebook's variables for ``{{expr}}``. Without it, as from Python, ``{{...}}`` is plain text.

    Returns
    -------
    PromptPlan
        Its axes and prompts.

    Raises
    ------
    PromptInvalid
        A construct cannot be read; the message has a caret under the place.

    Examples
    --------
    >>> parse("{{n}} \\{x} {a|b}", namespace={"n": 3}).expand()[0].prompt
    '3 {x} a'
    """
    values = _vary_values(vary or {})
    plan = _Reader(_normal(text), values, namespace, {}).plan(raw)
    _check_vary(values, (plan,), raw)
    return plan


def _normal(text: str) -> str:
    r"""Line ends as ``\n``, and the ends trimmed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _vary_values(vary: Mapping[str, Sequence[object]]) -> dict[str, tuple[str, ...]]:
    """Give the values of ``--vary`` as texts, or raise the error with its caret under the axis."""
    if not vary:
        return {}
    # Loaded here: values.py loads jinja2, which most prompts never need.
    from hailuo_nb.prompts.values import ValueFault, as_texts

    texts: dict[str, tuple[str, ...]] = {}
    for name, values in vary.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _vary_fault(
                "An axis needs a name of letters, digits and _, as --vary light=dawn|dusk.", name
            )
        try:
            texts[name] = as_texts(values, name)
        except ValueFault as fault:
            raise _vary_fault(str(fault), name) from None
    return texts


def _vary_fault(message: str, name: object) -> PromptInvalid:
    """Make the error for one axis of ``--vary``."""
    return invalid(one_line(message), f"--vary {one_line(str(name), 60)}=", len("--vary "))


def _check_vary(values: Mapping[str, Sequence[str]], plans: Sequence[PromptPlan], raw: bool) -> None:
    """Every axis of ``--vary`` has to be somewhere, or the user would pay for equal prompts."""
    used = {axis.name for plan in plans for axis in plan.axes}
    for name in values:
        if name in used:
            continue
        if raw:
            raise _vary_fault("--raw switches axes off: leave out --vary or --raw.", name)
        message = f"--vary names {name}, which is not in the prompt"
        _check_spelling(message, name, [plan.template for plan in plans], used)
        raise _vary_fault(
            f"The prompt has no {{{name}}}: write it where the values go, or leave out --vary.", name
        )


def _check_spelling(message: str, name: str, texts: Sequence[str], used: Collection[str]) -> None:
    """Raise the error with its caret under what was probably meant to be a name, if there is such."""
    for text in texts:
        written = {match[1]: match.start(1) for match in _WRITTEN.finditer(text)}
        near = get_close_matches(name, [other for other in written if other not in used], 1)
        if near:
            raise invalid(f"{message}: did you mean {near[0]}?", text, written[near[0]])


@dataclass
class _Token:
    """One sign that may belong to a construct."""

    kind: str
    start: int
    end: int
    partner: int = -1
    bars: list[int] = field(default_factory=list)


class _Reader:
    """Reads one prompt: finds the signs, pairs the braces, then builds pieces and axes."""

    def __init__(
        self,
        text: str,
        vary: Mapping[str, tuple[str, ...]],
        namespace: Mapping[str, Any] | None,
        row: Mapping[str, str | None],
        where: str = "",
    ) -> None:
        self.text = text
        self.vary = vary
        self.namespace = namespace
        self.row = row
        self.where = where
        self.last_close = text.rfind("}}") - 2
        self.longest_column = max(map(len, row), default=-1)
        self.axes: dict[str, Axis] = {}
        self.pieces: list[str | _Hole] = []

    def plan(self, raw: bool) -> PromptPlan:
        """Make the plan of this text."""
        if raw or not _TOKEN.search(self.text):
            return PromptPlan(self.text, (), (self.text,))
        self.tokens = self._signs()
        self._pair()
        self.starts = [token.start for token in self.tokens]
        self._named = {name for token in self.tokens if (name := self._header(token))} | set(self.vary)
        self._read()
        return PromptPlan(self.text, tuple(self.axes.values()), tuple(self.pieces))

    def _fault(self, message: str, position: int) -> PromptInvalid:
        """Make the error for a place of this text."""
        return invalid(message, self.text, position, self.where)

    def _signs(self) -> list[_Token]:
        """Find all signs of the text in order; an expression is one sign."""
        found: list[_Token] = []
        position = 0
        while match := _TOKEN.search(self.text, position):
            kind, end = match[0], match.end()
            if kind == "{{":
                close = self._expression_end(match.start())
                kind, end = ("{", match.start() + 1) if close < 0 else ("{{", close)
            if kind == "{" and (close := self.text.find("}", end, end + self.longest_column + 1)) >= 0:
                kind, end = ("{=", close + 1) if self.text[end:close] in self.row else (kind, end)
            found.append(_Token(kind, match.start(), end))
            position = end
        return found

    def _expression_end(self, start: int) -> int:
        """Find where the expression that begins here ends; below 0 for none, where ``{{`` means nothing."""
        if self.namespace is None:
            if start > self.last_close:
                return -1
            return self.text.find("}}", start + 2) + 2
        end, quote = expression_end(self.text, start)
        if end < 0 and quote >= 0:
            raise self._fault("This quote inside {{ }} is not closed: close it before }}.", quote)
        if end < 0:
            raise self._fault("No }} closes this {{: add it, or write \\{{ for plain braces.", start)
        return end

    def _pair(self) -> None:
        """Give each opening brace its closing one and its own bars; the rest is plain text."""
        open_: list[int] = []
        for number, token in enumerate(self.tokens):
            if token.kind == "{":
                open_.append(number)
            elif token.kind == "|" and open_:
                self.tokens[open_[-1]].bars.append(number)
            elif token.kind == "}" and open_:
                self.tokens[open_.pop()].partner = number

    def _body(self, token: _Token) -> str:
        """Give what stands between a brace and its partner."""
        return self.text[token.end : self.tokens[token.partner].start]

    def _header(self, token: _Token) -> str:
        """Give the name in ``{name: ...}``, or nothing."""
        if token.kind != "{" or token.partner < 0:
            return ""
        match = _HEADER.match(self.text, token.end, self.tokens[token.partner].start)
        return match[1] if match else ""

    def _is_construct(self, token: _Token) -> bool:
        """Say whether a brace opens alternatives or an axis."""
        if token.kind != "{" or token.partner < 0:
            return False
        return bool(token.bars or self._header(token)) or bool(self.vary and self._body(token) in self.vary)

    def _read(self) -> None:
        """Turn the whole text into pieces."""
        number, position = 0, 0
        while number < len(self.tokens):
            token = self.tokens[number]
            if self._is_construct(token):
                self._add(self.text[position : token.start])
                self.pieces.append(_Hole(self._axis(number)))
                number = token.partner
                position = self.tokens[number].end
            elif token.kind in _LITERALS:
                self._add(self.text[position : token.start] + self._literal(token))
                position = token.end
            number += 1
        self._add(self.text[position:])

    def _add(self, text: str) -> None:
        """Add plain text."""
        if text:
            self.pieces.append(text)

    def _literal(self, token: _Token) -> str:
        """Give what an escape, an expression or a column stands for."""
        if token.kind == "\\{":
            return "{"
        if token.kind == "{=":
            name = self.text[token.start + 1 : token.end - 1]
            if (value := self.row[name]) is None:
                raise self._fault(f"{name} is missing here: fill it in, or drop the row.", token.start + 1)
            return value
        if self.namespace is None:
            return self.text[token.start : token.end]
        from hailuo_nb.prompts.values import ValueFault, evaluate

        try:
            return evaluate(self.text[token.start + 2 : token.end - 2], self.namespace)
        except ValueFault as fault:
            raise self._fault(str(fault), token.start + 2) from None

    def _axis(self, number: int) -> str:
        """Note the axis that a brace opens, and give its name."""
        token = self.tokens[number]
        name, body = self._header(token), self._body(token)
        if not name and not token.bars:
            return self._note(body, self.vary[body], token, is_named=True)
        if name in self.row:
            message = f"{name} has values here and is a column too: leave out one, or write {{{name}}} here."
            raise self._fault(message, token.start)
        values = tuple(self._alternatives(number, token.end + (len(name) + 2 if name else 0)))
        if name and self.vary.get(name, values) != values:
            raise self._fault(
                f"{name} has values here and others in --vary: leave out one, or write {{{name}}} here.",
                token.start,
            )
        return self._note(name or self._free_name(), values, token, is_named=bool(name))

    def _note(self, name: str, values: tuple[str, ...], token: _Token, *, is_named: bool) -> str:
        """Keep an axis; one that is named twice has the same values both times and moves together."""
        known = self.axes.setdefault(name, Axis(name, values, is_named))
        if known.values != values:
            raise self._fault(
                f"The axis {name} has other values here than before ({'|'.join(known.values)}): "
                "repeat the same ones to move together, or take another name.",
                token.start,
            )
        return name

    def _free_name(self) -> str:
        """Give the next of alt1, alt2... that the user has not taken."""
        unnamed = 1
        while f"alt{unnamed}" in self.axes or f"alt{unnamed}" in self._named:
            unnamed += 1
        return f"alt{unnamed}"

    def _alternatives(self, number: int, start: int) -> Iterator[str]:
        """Yield the alternatives of one construct, from a position on."""
        token = self.tokens[number]
        for bar in (*token.bars, token.partner):
            end = self.tokens[bar].start
            yield self._alternative(start, end)
            start = self.tokens[bar].end

    def _alternative(self, start: int, end: int) -> str:
        """Read one alternative: blanks at its ends belong to the braces, those of a value to the value."""
        written = self.text[start:end]
        if not written.strip():
            raise self._fault(
                "An alternative is empty: write something there, or take away its |. (\\{ is a plain brace.)",
                start,
            )
        start += len(written) - len(written.lstrip())
        end -= len(written) - len(written.rstrip())
        parts: list[str] = []
        for inner in self.tokens[bisect_left(self.starts, start) :]:
            if inner.start >= end:
                break
            if self._is_construct(inner):
                raise invalid(
                    "Alternatives inside alternatives are not read: write them side by side. \\{ is a brace.",
                    self.text,
                    inner.start,
                )
            if inner.kind in _LITERALS:
                parts += (self.text[start : inner.start], self._literal(inner))
                start = inner.end
        return "".join([*parts, self.text[start:end]])


def expression_end(text: str, start: int) -> tuple[int, int]:
    """Find the end of the expression that begins at a ``{{``.

    Braces in its texts and the braces of its dicts do not end it.

    Returns
    -------
    tuple of int
        The position after its ``}}`` or -1, and the position of a quote that is still open or -1.
    """
    depth, position = 0, start + 2
    while position < len(text):
        sign = text[position]
        if sign in "'\"":
            close = _quote_end(text, position)
            if close < 0:
                return -1, position
            position = close
            continue
        if sign == "}" and not depth and text.startswith("}}", position):
            return position + 2, -1
        depth += (sign == "{") - (sign == "}" and depth > 0)
        position += 1
    return -1, -1


def _quote_end(text: str, start: int) -> int:
    """Find the position after a quoted text, or -1."""
    match = _QUOTED.match(text, start)
    return match.end() if match else -1
