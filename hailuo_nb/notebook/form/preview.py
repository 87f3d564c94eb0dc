"""What a prompt expands to, in words.

In come the plans that the grammar made; out goes one line that counts, and the first prompts. Next: the prompt box
shows them under the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from hailuo_nb.prompts.grammar import PromptPlan

__all__ = ["Preview", "preview_of"]

MOST_SHOWN = 6


@dataclass(frozen=True)
class Preview:
    """What a prompt makes.

    Attributes
    ----------
    line : str
        ``light 2 x camera 3 = 6 prompts``, or ``2 prompts, one for each light``; empty for one plain prompt.
    prompts : tuple of str
        The first of them; empty for one plain prompt that is sent as it stands.
    more : int
        How many further ones there are.
    longest : int
        The characters of the longest that was looked at: what counts against a limit.
    """

    line: str = ""
    prompts: tuple[str, ...] = ()
    more: int = 0
    longest: int = 0


def preview_of(plans: Sequence[PromptPlan]) -> Preview:
    """Say what prompts expand to.

    Examples
    --------
    >>> from hailuo_nb.prompts.grammar import parse_cell
    >>> preview_of(parse_cell("a fox at {light: dawn|dusk}")).line
    '2 prompts, one for each light'
    """
    if not plans:
        return Preview()
    count = sum(plan.count for plan in plans)
    shown = [
        each.prompt for plan in plans for each in islice(plan.iter_expanded(), MOST_SHOWN) if plan.template
    ][:MOST_SHOWN]
    longest = max((len(prompt) for prompt in shown), default=0)
    if (
        count == 1
        and plans[0].prompt_for({axis.name: axis.values[0] for axis in plans[0].axes}) == plans[0].template
    ):
        return Preview(longest=longest, line=_unused(plans))
    if len(plans) == 1 and len(plans[0].axes) == 1 and count > 1:
        line = f"{_prompts(count)}, one for each {plans[0].axes[0].name}"
        return Preview(line, tuple(shown), count - len(shown), longest)
    said = " + ".join(_counted(plan) for plan in plans)
    line = f"{said} = {_prompts(count)}" if any(plan.axes for plan in plans) else _prompts(count)
    return Preview(line, tuple(shown), count - len(shown), longest)


def _counted(plan: PromptPlan) -> str:
    """Write the axes of one prompt as a product."""
    axes = [f"{axis.name} {len(axis.values)}" for axis in plan.axes]
    assert math.prod(len(axis.values) for axis in plan.axes) == plan.count
    return " × ".join(axes) or "1"


def _unused(plans: Sequence[PromptPlan]) -> str:
    """Say that a name in braces is plain text as long as it has no values."""
    names = dict.fromkeys(
        name for plan in plans for name in re.findall(r"(?<!\{)\{([^\W\d]\w*)\}(?!\})", plan.template)
    )
    if not names:
        return ""
    first = next(iter(names))
    return f"{{{first}}} is sent as it stands; give {first} values below to make a clip of each."


def _prompts(count: int) -> str:
    return "1 prompt" if count == 1 else f"{count:,} prompts"
