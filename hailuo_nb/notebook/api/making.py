"""Ask for clips: one call, a chain, a form; or what they would cost.

In come plain Python values; the kernel's session makes what is not there yet; out go batches and films.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.api.kernel import running_shell, session
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.session import chains, films
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.films import Film

if TYPE_CHECKING:
    from pandas import DataFrame

    from hailuo_nb.notebook.form.form import Form


def generate(
    prompt: str | DataFrame,
    variant: str | Sequence[str] | None = None,
    *,
    duration: int | Sequence[int] | None = None,
    image: object = None,
    fit: str | None = None,
    takes: int = 1,
    vary: Mapping[str, Sequence[object]] | None = None,
    zip: Sequence[str] | Sequence[Sequence[str]] | None = None,  # noqa: A002 - the contract's name
    sample: int | None = None,
    seed: int = 0,
    rows: DataFrame | None = None,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    expand: bool | None = None,
    go_fast: bool | None = None,
    inputs: Mapping[str, Any] | None = None,
    raw: bool = False,
    skip_invalid: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    wait: bool | None = None,
    yes: bool = False,
    max_cost: object = None,
    max_clips: int | None = None,
) -> Batch | DataFrame:
    """Make the clips that do not exist yet, and give all of them.

    Parameters
    ----------
    prompt : str or pandas.DataFrame
        The text, with ``{a|b}`` and ``{axis: a|b}`` as in a cell, but without ``{{ }}``: use an f-string. Or a
        DataFrame with a prompt in each row, in the column ``prompt`` or the only one of texts; nothing in them is
        read as axes.
    variant : str or sequence of str, optional
        What to make it with, as ``"t2v-pro"``, or any WaveSpeed model id; the setting when not given.
    duration : int or sequence of int, optional
        Seconds; several make an axis. The variant's own when not given.
    image : path, URL, Job or frame, optional
        The first frame; of a job or a clip its last frame.
    fit : str, optional
        ``pad`` or ``crop`` brings a picture into a clip's shape.
    takes : int
        Clips of each request. There is no seed: a take is the only way to a different clip of the same words.
    vary : Mapping, optional
        Values for ``{axis}`` in the prompt.
    zip : sequence of str, optional
        Axes that move together instead of being multiplied; or several such groups.
    sample : int, optional
        Make so many of the combinations only, chosen by chance.
    seed : int
        Chooses which; the same ones for the same seed. It changes nothing in a clip.
    rows : pandas.DataFrame, optional
        Values for ``{column}`` in the prompt, a row at a time. The columns ``variant``, ``duration``, ``image`` and
        ``takes`` say how a row is made, for a frame given as the prompt too; every other column is an axis.
    name : str, optional
        What the clips are called, in the history and in their file names.
    tags : str or sequence of str
        The user's words for them, to find them by.
    expand : bool, optional
        Whether the service may rewrite the prompt; the variant's default when not given.
    go_fast : bool, optional
        Speed before quality, where the variant has that; its default when not given.
    inputs : Mapping, optional
        Any other input of the model.
    raw : bool
        Send the text as it is.
    skip_invalid : bool
        Drop combinations that a variant does not allow, and say so, instead of refusing all.
    dry_run : bool
        Give a DataFrame of prompts and prices; nothing is sent.
    offline : bool
        Only what is on disk.
    wait : bool, optional
        Wait for the clips; when not given, only where nobody is at the notebook: headless, or in a plain script.
    yes : bool
        Do not ask above the confirmation limit; the budget stays.
    max_cost : Decimal, float or str, optional
        Send nothing if the new clips cost more, in US dollars.
    max_clips : int, optional
        Send nothing if there are more clips; the setting when not given.

    Returns
    -------
    Batch or pandas.DataFrame
        The jobs in order; with `dry_run` a table.

    Raises
    ------
    InvalidRequest
        With every fault of the request, before anything is sent.
    KeyMissing
        WaveSpeed is chosen, there is something to send, and no key.
    LimitReached
        Above a limit; nothing is sent.
    NotOnDisk
        With `offline`, for a clip that is not here.
    HailuoError
        Where it waited because nobody is at the notebook: the first clip's own error.

    Examples
    --------
    >>> batch = hn.generate("a fox {light: at dawn|at night}", "t2v-standard")  # doctest: +SKIP
    >>> batch[0].result()  # doctest: +SKIP
    PosixPath('/home/me/hailuo/clips/a-fox-at-dawn-5c0d4f7e-t1.mp4')
    """
    made = session().generate(
        prompt,
        variant,
        duration=duration,
        image=image,
        fit=fit,
        takes=takes,
        vary=vary,
        zip=zip,
        sample=sample,
        seed=seed,
        rows=rows,
        name=name,
        tags=tags,
        expand=expand,
        go_fast=go_fast,
        inputs=inputs,
        raw=raw,
        skip_invalid=skip_invalid,
        dry_run=dry_run,
        offline=offline,
        wait=wait,
        yes=yes,
        max_cost=max_cost,
        max_clips=max_clips,
    )
    if isinstance(made, Batch) and made.is_headless and wait is not False:
        raise_if_failed(made)
    return made


def chain(
    steps: Sequence[object],
    variant: str | Sequence[str] | None = None,
    *,
    duration: int | None = None,
    image: object = None,
    fit: str | None = None,
    expand: bool | None = None,
    go_fast: bool | None = None,
    inputs: Mapping[str, Any] | None = None,
    raw: bool = False,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    dry_run: bool = False,
    offline: bool = False,
    wait: bool | None = None,
    yes: bool = False,
    max_cost: object = None,
    max_clips: int | None = None,
) -> Batch | DataFrame:
    """Make clips that follow each other: each starts from the last frame of the one before.

    All are priced, weighed against the limits and written down at once; a later one waits in the background for its
    picture. Run again, a chain costs nothing and shows the same clips; after an interruption it goes on where it was.

    Parameters
    ----------
    steps : sequence
        In their order: a text; a tuple of a text with a variant, seconds or a mapping of options, in any order; or a
        mapping with ``prompt`` and any of ``variant``, ``duration``, ``image``, ``fit``, ``expand``, ``go_fast``,
        ``inputs``, ``raw``. A step with a picture of its own starts anew from that.
    variant : str or sequence of str, optional
        For the first step, or for the first and the second; further ones are as the one before. Where a text-to-video
        variant is followed by a step, the variant of its quality that takes a picture is meant.
    duration, expand, go_fast, inputs, raw
        As for `generate`, for every step that does not say otherwise.
    image, fit
        The first frame of the first step.
    name, tags, dry_run, offline, wait, yes, max_cost, max_clips
        As for `generate`, for the whole chain.

    Returns
    -------
    Batch or pandas.DataFrame
        The jobs in order; with `dry_run` a table.

    Raises
    ------
    InvalidRequest
        With every fault of every step, before anything is sent.
    LimitReached
        The whole chain is above a limit; nothing is sent.

    Examples
    --------
    >>> story = hn.chain(["a fox wakes", ("it runs to the river", 10), "it swims across"])  # doctest: +SKIP
    >>> hn.join(story, "fox.mp4")  # doctest: +SKIP
    """
    made = chains.chain(
        session(),
        steps,
        variant,
        duration=duration,
        image=image,
        fit=fit,
        expand=expand,
        go_fast=go_fast,
        inputs=inputs,
        raw=raw,
        name=name,
        tags=tags,
        dry_run=dry_run,
        offline=offline,
        wait=wait,
        yes=yes,
        max_cost=max_cost,
        max_clips=max_clips,
    )
    if isinstance(made, Batch) and made.is_headless and wait is not False:
        raise_if_failed(made)
    return made


def join(clips: object, path: str | Path, *, outside: bool = False) -> Film:
    """Put clips together as one film, in their order; waits for those that are still on their way.

    Clips of one format are put together as they are, without loss; others are encoded anew in the size of the first
    one, with black borders. The recipes of all are kept inside the film.

    Parameters
    ----------
    clips : Batch, Job, path, or sequence of these
        What follows what.
    path : str or pathlib.Path
        The film, an ``.mp4`` in the notebook's folder. A film that was joined before is written anew; no other file is
        ever written over.
    outside : bool
        Let it lie outside the notebook's folder, where Jupyter does not play it.

    Returns
    -------
    Film
        Shows itself as a player, and can be given wherever a path can.

    Raises
    ------
    InvalidRequest
        The path will not do, or something given is no clip.
    HailuoError
        Why one of the clips is not there.

    Examples
    --------
    >>> hn.join(story, "film.mp4")  # doctest: +SKIP
    """
    return films.join(session(), clips, path, outside=outside)


def form(
    clip: Job | Batch | str | None = None, *, variant: str | None = None, prompt: str | None = None
) -> Form:
    """Give a form to write prompts in; name it on the last line of a cell to show it.

    Parameters
    ----------
    clip : Job, Batch of one or str, optional
        An earlier clip, or its id, to fill the form with.
    variant : str, optional
        What to make, or any WaveSpeed model id.
    prompt : str, optional
        The text to begin with.

    Returns
    -------
    Form
        ``form.code("python")`` gives it as code, ``form.generate()`` makes it as a cell would.
    """
    # Loaded here: most notebooks never need ipywidgets.
    from hailuo_nb.notebook.form.form import Form
    from hailuo_nb.notebook.form.state import FormState

    shell, current = running_shell(), session()
    made = Form(
        current,
        namespace=None if shell is None else shell.user_ns,
        surroundings=partial(look_around, shell),
    )
    if isinstance(clip, Batch) and len(clip) == 1:
        clip = clip[0]
    if isinstance(clip, str):
        clip = current.job(clip)
    if clip is not None and not isinstance(clip, Job):
        raise InvalidRequest(
            f"A form is filled from one clip, not from a {type(clip).__name__}; name one of its jobs."
        )
    if clip is not None:
        made.fill(clip)
    if variant is not None or prompt is not None:
        start = made.state if clip is not None else FormState(current.settings().variant)
        made.fill(
            replace(
                start,
                variant=start.variant if variant is None else variant,
                prompt=start.prompt if prompt is None else prompt,
            )
        )
    return made


def quote(prompt: str = "", variant: str | Sequence[str] | None = None, **options: Any) -> DataFrame:
    """Say what a call of `generate` would make and cost; nothing is sent.

    WaveSpeed is asked for its prices where there is a key; the dated table stands in where it does not answer.

    Parameters
    ----------
    prompt, variant
        As for `generate`.
    **options
        What `generate` takes to say which clips: ``duration``, ``takes``, ``vary``, ``inputs`` and so on.

    Returns
    -------
    pandas.DataFrame
        A row per clip, with ``quote_usd`` in US dollars; ``attrs["new_usd"]`` is the sum of what is not there yet.
    """
    return session().quote(prompt, variant, **options)


def raise_if_failed(batch: Batch) -> None:
    """Show the batch and raise its first error, so that a run without anybody to look at it fails."""
    error = batch.first_error()
    if error is not None:
        batch.home.show(batch)
        raise error
