"""The line magics: ``%hailuo jobs``, ``%hailuo history`` and their siblings.

In comes a parsed command; one function here runs it and returns an object: a batch, a job, a DataFrame. What a command
takes is data in `hailuo_nb.notebook.option_table`; a test holds the two together.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.catalog.variants import Variant, all_variants, looks_like_model_id
from hailuo_nb.errors import InvalidRequest, KeyMissing
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook import film_commands, travel_commands
from hailuo_nb.notebook.clean_command import clean
from hailuo_nb.notebook.compare import SideBySide
from hailuo_nb.notebook.doctor import doctor
from hailuo_nb.notebook.option_table import COMMANDS, command_help, line_help
from hailuo_nb.notebook.options import LineCommand
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.notebook.vote import Vote
from hailuo_nb.session import aftercare, comparing, judging, records
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.session import Session, Terms

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.notebook.form.form import Form
    from hailuo_nb.notebook.magics import HailuoMagics


def run(magics: HailuoMagics, command: LineCommand) -> Any:
    """Run one command and give what it returns."""
    if command.options.get("help"):
        found = next(each for each in COMMANDS if each.name == command.name)
        print(command_help(found))  # noqa: T201 - the line asked for it
        return None
    return RUN[command.name](magics, command)


def _jobs(magics: HailuoMagics, _: LineCommand) -> Batch | None:
    """Show what is still out."""
    session = magics.session()
    out = session.jobs(only_out=True)
    if not out:
        print("Nothing is out: every clip is here, failed or was never sent.")  # noqa: T201 - the answer
        return None
    return session.batch_of(out[::-1], is_headless=look_around(magics.shell).is_headless)


def _show(magics: HailuoMagics, command: LineCommand) -> Any:
    """Show a clip or batch again, or whatever else of ours a variable holds: a comparison, a film, a form."""
    session = magics.session()
    held = magics.namespace.get(command.args[0]) if command.args else None
    if type(held).__module__.startswith("hailuo_nb.") and not isinstance(held, Batch | Job):
        return held
    jobs = _named(magics, command.args) if command.args else _last(session)
    return session.batch_of(jobs, is_headless=look_around(magics.shell).is_headless)


def _wait(magics: HailuoMagics, command: LineCommand) -> Batch:
    """Wait for jobs, all that are out when none are named."""
    session = magics.session()
    jobs = _named(magics, command.args) if command.args else session.jobs(only_out=True)[::-1]
    batch = session.batch_of(jobs, is_headless=look_around(magics.shell).is_headless)
    seconds = command.options.get("timeout")
    if not batch.wait(seconds):
        print(f"Still out after {seconds} s; the jobs go on. %hailuo jobs shows them.")  # noqa: T201 - the answer
    return batch


def _cancel(magics: HailuoMagics, command: LineCommand) -> None:
    """Drop what is unsent, and say what became of the rest."""
    jobs = _named(magics, command.args)
    print(magics.session().batch_of(jobs).cancel())  # noqa: T201 - the answer


def _history(magics: HailuoMagics, command: LineCommand) -> DataFrame:
    """Give the clips that fit as a DataFrame, or all versions of a cell."""
    session, filters = magics.session(), dict(command.options)
    wants_measures = filters.pop("measures", False)
    read = _reading(magics, filters)
    return judging.with_measures(session, read) if wants_measures else read()


def _reading(magics: HailuoMagics, filters: dict[str, Any]) -> Callable[[], DataFrame]:
    """Give what reads the history as the line asks for it."""
    session = magics.session()
    if "cell" in filters:
        cell = filters.pop("cell")
        if filters:
            raise InvalidRequest("--cell gives every version of one cell: leave out the other filters.")
        known = magics.namespace.get(cell)
        return partial(records.versions, session, known if isinstance(known, Batch) else cell)
    if "batch" in filters:
        filters["batch"] = _batch_named(magics, filters["batch"])
    return partial(records.find, session, **filters)


def _batch_named(magics: HailuoMagics, word: str) -> Batch | str:
    """Find a batch by its variable, else by its id in the ledger."""
    value = magics.namespace.get(word)
    if isinstance(value, Batch):
        return value
    if magics.session().has_ledger() and magics.session().ledger.batch(word) is not None:
        return word
    raise InvalidRequest(
        f"No batch {word[:40]!r}: write the variable that holds it, or an id of the column batch."
    )


def _rate(magics: HailuoMagics, command: LineCommand) -> None:
    """Give clips stars, a reject or a note."""
    word, *rest = command.args
    marks: dict[str, Any] = {}
    if rest:
        marks["rating"] = None if rest[0].lower() == "none" else _stars(rest[0])
    if command.options.get("note") is not None:
        marks["note"] = command.options["note"] or None
    jobs = judging.rate(magics.session(), _named(magics, [word]), **marks)
    clips = f"Clip {jobs[0].id}" if len(jobs) == 1 else f"{len(jobs)} clips"
    print(f"{clips}: {_marked(marks)}.")  # noqa: T201 - the answer


def _stars(word: str) -> int:
    """Read a rating as it was typed."""
    if not (word.isascii() and word.isdigit() and len(word) == 1 and int(word) <= 5):
        raise InvalidRequest(
            f"A rating is 1 to 5 stars, 0 for a reject, or none to take it away, not {word[:40]!r}."
        )
    return int(word)


def _marked(marks: Mapping[str, Any]) -> str:
    """Say what was written."""
    said = []
    if "rating" in marks:
        stars = marks["rating"]
        words = {None: "no rating", 0: "rejected", 1: "1 star"}
        said.append(words.get(stars, f"{stars} stars"))
    if "note" in marks:
        said.append("note kept" if marks["note"] else "note taken away")
    return ", ".join(said)


def _rank(magics: HailuoMagics, command: LineCommand) -> DataFrame:
    """Rank by the votes, and say what the table does not tell."""
    jobs = _named(magics, command.args) if command.args else None
    options = command.options
    frame = judging.rank(
        magics.session(), jobs, options.get("by") or "variant", seed=int(options.get("seed") or 0)
    )
    for note in frame.attrs["notes"]:
        print(note)  # noqa: T201 - the answer
    return frame


def _compare(magics: HailuoMagics, command: LineCommand) -> SideBySide:
    """Show clips side by side; a word is a variable of the notebook, a clip's name or id, or a file."""
    session = magics.session()
    things = [magics.namespace.get(word, word) for word in command.args]
    x, y = command.options.get("x"), command.options.get("y")
    return SideBySide(session, magics.shell, comparing.found(session, things), x=x, y=y)


def _vote(magics: HailuoMagics, command: LineCommand) -> Vote:
    """Show two clips at a time to choose between."""
    session = magics.session()
    things = [magics.namespace.get(word, word) for word in command.args] or None
    options = command.options
    by = str(options.get("by") or "clip")
    pairs = judging.ballot(
        session, things, by, across=bool(options.get("across")), votes=options.get("votes")
    )
    return Vote(session, magics.shell, pairs, then=" ".join(["%hailuo rank", *command.args, "--by", by]))


def _resume(magics: HailuoMagics, command: LineCommand) -> Batch | None:
    """Take up what is out, or one clip or prediction by its id; nothing is sent."""
    session = magics.session()
    jobs = [_taken_up(session, word) for word in command.args] if command.args else session.resume()
    if not jobs:
        print("Nothing is out.")  # noqa: T201 - the answer
        return None
    return session.batch_of(jobs, is_headless=look_around(magics.shell).is_headless)


def _taken_up(session: Session, word: str) -> Job:
    """Find a clip of this ledger by its id, else a prediction of the service."""
    try:
        job = _from_ledger(session, word)[0]
    except InvalidRequest:
        return aftercare.take_up(session, word)
    return aftercare.bring_back(session, job)


def _again(magics: HailuoMagics, command: LineCommand) -> Batch:
    """Send failed or unanswered clips once more, at their price."""
    session = magics.session()
    around = look_around(magics.shell)
    terms = Terms(
        yes=bool(command.options.get("yes")),
        max_cost=command.options.get("max_cost"),
        is_headless=around.is_headless,
    )
    wanted = {"retry": {"failed"}, "resend": {"unconfirmed", "abandoned"}}[command.name]
    jobs = _named(magics, command.args)
    for job in jobs:
        if job.status not in wanted:
            words = " or ".join(sorted(wanted))
            raise InvalidRequest(
                f"Clip {job.id} is {job.status}; %hailuo {command.name} is for clips that are {words}."
            )
    batch = session.batch_of(
        [aftercare.again(session, job, terms) for job in jobs], is_headless=around.is_headless
    )
    if around.is_headless:
        batch.wait()
    return batch


def _adopt(magics: HailuoMagics, command: LineCommand) -> Batch:
    """Take a prediction for an unconfirmed clip."""
    session = magics.session()
    clip, prediction_id = command.args
    job = aftercare.adopt(session, _named(magics, [clip])[0], prediction_id)
    return session.batch_of([job], is_headless=look_around(magics.shell).is_headless)


def _abandon(magics: HailuoMagics, command: LineCommand) -> Batch:
    """Give up unconfirmed clips."""
    session = magics.session()
    jobs = [aftercare.abandon(session, job) for job in _named(magics, command.args)]
    return session.batch_of(jobs, is_headless=look_around(magics.shell).is_headless)


def _settle(magics: HailuoMagics, _: LineCommand) -> None:
    """Read the bills and write down what clips really cost."""
    session = magics.session()
    rows = aftercare.settle(session, session.service_name()) if session.has_ledger() else []
    print(aftercare.settled_line(rows))  # noqa: T201 - the answer


def _budget(magics: HailuoMagics, command: LineCommand) -> str:
    """Set the budget of this kernel, or say what is left of it."""
    if command.args:
        magics.budget_usd = command.args[0]
    session = magics.session()
    service = session.service_name()
    taken = usd_text(session.ledger.committed_usd(service)) if session.has_ledger() else "$0.00"
    left = session.budget_left(service) if session.has_ledger() else session.settings().budget_usd
    said = (
        "no budget is set"
        if left is None
        else f"{usd_text(left)} left of {usd_text(session.settings().budget_usd)}"
    )
    return f"{service}: {taken} spent or out, {said}"


def _variants(magics: HailuoMagics, command: LineCommand) -> DataFrame:
    """List the variants, or the inputs of one."""
    import pandas as pd

    if command.args:
        return _inputs_of(magics.session().variant(command.args[0]))
    rows = [
        {
            "variant": each.name,
            "makes": each.kind,
            "picture": each.picture,
            "lengths_s": _lengths(each),
            "price_usd": _prices(each),
            "usually": f"{each.typical_s[0]:g}-{each.typical_s[1]:g} s" if each.typical_s else "",
            "price_as_of": each.prices[0].as_of if each.prices else "",
            "model": each.model_id,
        }
        for each in all_variants()
    ]
    return pd.DataFrame(rows).set_index("variant")


def _quote(magics: HailuoMagics, command: LineCommand) -> DataFrame:
    """Say what clips would cost; nothing is sent."""
    session = magics.session()
    names = command.args or (session.settings().variant,)
    options = command.options
    takes = int(options.get("takes") or 1)
    return session.prices(
        names,
        durations=tuple(options.get("durations") or (None,)),
        takes=takes,
        inputs=dict(options.get("sets") or {}),
        expand=options.get("expand"),
        go_fast=options.get("go_fast"),
    )


def _balance(magics: HailuoMagics, _: LineCommand) -> str:
    """Say what is left on the account."""
    session = magics.session()
    left = usd_text(session.balance())
    return f"{left} simulated" if session.service_name() == "simulator" else left


def _key(magics: HailuoMagics, command: LineCommand) -> None:
    """Set the key for this kernel, or say which one is in use."""
    session = magics.session()
    if command.args[:1] != ("status",):
        if look_around(magics.shell).is_headless:
            raise KeyMissing("Nobody can type a key here; set WAVESPEED_API_KEY in the environment.")
        session.give_key(getpass.getpass("WaveSpeed key (kept in this kernel's memory only): "))
    key = session.key()
    if key is None:
        print("No key: the simulator is used, and nothing costs money.")  # noqa: T201 - the answer
    else:
        ending = f", ends in {key.last_four}" if key.last_four else ""
        print(f"Key from {key.source}{ending}.")  # noqa: T201 - the answer


def _help(_: HailuoMagics, command: LineCommand) -> None:
    """Explain one command, or list them."""
    named = next((each for each in COMMANDS if command.args[:1] == (each.name,)), None)
    print(command_help(named) if named else line_help())  # noqa: T201 - the line asked for it


def _form(magics: HailuoMagics, command: LineCommand) -> Form:
    """Give a form, empty or filled from a clip or with a variant."""
    from hailuo_nb.notebook import api

    session = magics.session()
    word = command.args[0] if command.args else ""
    if not word:
        return api.form()
    is_variant = looks_like_model_id(word) or word in {each.name for each in all_variants()}
    if is_variant:
        return api.form(variant=session.variant(word).name)
    return api.form(_named(magics, [word])[0])


def _tips(_: HailuoMagics, __: LineCommand) -> None:
    """Say how to write prompts."""
    from hailuo_nb.notebook.form.hints import tips_text

    print(tips_text())  # noqa: T201 - the line asked for it


RUN: Mapping[str, Callable[[HailuoMagics, LineCommand], Any]] = {
    "jobs": _jobs,
    "show": _show,
    "wait": _wait,
    "cancel": _cancel,
    "history": _history,
    "compare": _compare,
    "vote": _vote,
    "rate": _rate,
    "rank": _rank,
    "variants": _variants,
    "quote": _quote,
    "balance": _balance,
    "key": _key,
    "doctor": doctor,
    "resume": _resume,
    "retry": _again,
    "resend": _again,
    "adopt": _adopt,
    "abandon": _abandon,
    "settle": _settle,
    "budget": _budget,
    "form": _form,
    "tips": _tips,
    "help": _help,
    "clean": clean,
    "chain": film_commands.chain,
    "join": lambda magics, command: film_commands.join(magics, command, _named),
    "rerun": travel_commands.rerun,
    "export": travel_commands.export,
    "import": travel_commands.take_in,
    "promote": lambda magics, command: film_commands.promote(magics, command, _named),
}


def _named(magics: HailuoMagics, words: Sequence[str]) -> list[Job]:
    """Find the jobs that words name: a variable, a clip's name, the id of a batch, or a clip's id or its beginning."""
    session = magics.session()
    found: dict[Job, None] = {}
    for word in words:
        value = magics.namespace.get(word)
        if isinstance(value, Batch):
            found |= dict.fromkeys(value.jobs)
        elif isinstance(value, Job):
            found[value] = None
        elif hasattr(value, "columns"):
            places = comparing.found(session, value)
            found |= dict.fromkeys(place.job for place in places if isinstance(place, Place))
        else:
            found |= dict.fromkeys(_from_ledger(session, word))
    return list(found)


def _from_ledger(session: Session, word: str) -> list[Job]:
    if not session.has_ledger():
        raise InvalidRequest("There are no clips here yet; run a %%hailuo cell first.")
    return session.jobs_named(word) or session.jobs_of_batch(word) or [session.job(word)]


def _last(session: Session) -> list[Job]:
    """Give the clips of the newest batch."""
    jobs = session.jobs(limit=1)
    if not jobs:
        raise InvalidRequest("There is nothing to show yet; run a %%hailuo cell first.")
    return session.jobs_of_batch(jobs[0].row.batch_id)


def _prices(variant: Variant) -> str:
    """Write a variant's prices in one cell of the table, without a dollar sign: two of them would become a formula."""
    said = []
    for price in variant.prices:
        length = dict(price.when).get("duration")
        said.append(
            usd_text(price.usd)[1:] + (f" for {length} s" if length and len(variant.prices) > 1 else "")
        )
    return ", ".join(dict.fromkeys(said))


def _lengths(variant: Variant) -> str:
    """Write lengths in seconds: ``6, 10`` or ``4-12``."""
    lengths = sorted(variant.lengths_s)
    if len(lengths) > 3 and lengths == list(range(lengths[0], lengths[-1] + 1)):
        return f"{lengths[0]}-{lengths[-1]}"
    return ", ".join(map(str, lengths))


def _inputs_of(variant: Variant) -> DataFrame:
    import pandas as pd

    rows = []
    for name, schema in variant.schema["properties"].items():
        limits = [f"{key} {schema[key]}" for key in ("minimum", "maximum", "maxLength") if key in schema]
        rows.append(
            {
                "input": name,
                "type": schema.get("type", ""),
                "required": name in variant.required,
                "default": schema.get("default", ""),
                "values": ", ".join(map(str, schema.get("enum", ()))) or ", ".join(limits),
                "meaning": schema.get("description", ""),
            }
        )
    return pd.DataFrame(rows).set_index("input")
