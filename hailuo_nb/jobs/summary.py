"""A job as one small line of HTML, for a cell that ends with it.

In comes a job, out goes markup in which everything that came from a person or a service is text. Cards are the
notebook's; this is what stands in a table or under a variable's name.
"""

from __future__ import annotations

import html
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

from hailuo_nb.catalog.quotes import usd_text

if TYPE_CHECKING:
    from hailuo_nb.jobs.job import Job

LONGEST_PROMPT = 120
_BOX = (
    "border:1px solid rgba(128,128,128,.4);border-radius:6px;padding:.25em .6em;display:inline-block;"
    "max-width:100%;overflow-wrap:anywhere"
)


def job_html(job: Job) -> str:
    """Give a job's one line: variant, status, price, the clip's file or the reason there is none."""
    cost = job.quote_usd if job.cost_usd is None else job.cost_usd
    price = "on disk, $0.00" if job.cached else usd_text(cost)
    if job.service == "simulator":
        price += " simulated"
    facts = [f"<b>{_text(job.variant)}</b>", _text(job.status), _text(price)]
    if job.path is not None:
        facts.append(f'<a href="{quote(job.file)}">{_text(job.file.rpartition("/")[2])}</a>')
    reason = job.note or (job.row.error if job.status in {"failed", "unconfirmed", "downloading"} else "")
    said = f'<div style="opacity:.8">{_text(reason or "", 300)}</div>' if reason else ""
    prompt = _text(job.prompt, LONGEST_PROMPT)
    return (
        f'<div style="{_BOX}"><div>{" · ".join(facts)} <code>{_text(job.id)}</code></div>'
        f'<div style="opacity:.8">{prompt}</div>{said}</div>'
    )


def _text(text: str, longest: int = 200) -> str:
    """Make text of whatever it is: escaped, in one line, without control and direction characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    plain = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in cut)
    return html.escape(plain)
