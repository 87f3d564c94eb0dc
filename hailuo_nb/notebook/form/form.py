"""The form itself.

In come changes of its controls, each on whatever thread the front end's message is handled; out go what the parts show,
written on one thread of the form's own, and batches that a click has made. Reading, pricing and sending are the
session's, as for a cell: the form only says what is asked.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from decimal import Decimal
from typing import Any

import ipywidgets
from IPython.display import publish_display_data

from hailuo_nb.errors import HailuoError, InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.form.board import Board, Shower
from hailuo_nb.notebook.form.codes import KINDS, code_of
from hailuo_nb.notebook.form.costs import SENDING, SENT, CostView, cost_of, grown, purse_text, wrong
from hailuo_nb.notebook.form.hints import CAMERA, MOST_AT_ONCE, hints_for
from hailuo_nb.notebook.form.inputs import Inputs
from hailuo_nb.notebook.form.latest import Latest
from hailuo_nb.notebook.form.parts import CostsPart
from hailuo_nb.notebook.form.picture import form_bundle
from hailuo_nb.notebook.form.preview import preview_of
from hailuo_nb.notebook.form.reading import Reading, read
from hailuo_nb.notebook.form.source import Pieces, Source, facts_of
from hailuo_nb.notebook.form.state import FormState, state_of_clip
from hailuo_nb.notebook.form.till import Shown, Till
from hailuo_nb.notebook.surroundings import Surroundings, unheard
from hailuo_nb.session import keeping, taste
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.forecast import Forecast, forecast
from hailuo_nb.session.pictures import VIDEO_ENDINGS, picture
from hailuo_nb.session.session import Cell, Session, Terms

__all__ = ["Form"]

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

LOOK_AFTER_S = 0.1
ASK_AFTER_S = 0.5
BALANCE_AGE_S = 60.0
MOST_CLIPS_LISTED = 24


class Form:
    """A form to make clips with.

    Show it by naming it on the last line of a cell. What stands in it is the same request as a cell's or a call's.

    Parameters
    ----------
    session : Session
        Makes the clips.
    namespace : Mapping, optional
        The notebook's variables, for ``{{values}}``.
    surroundings : callable, optional
        Tells what is known of the front end.

    Attributes
    ----------
    batches : list of Batch
        What has been made with it, oldest first.

    Examples
    --------
    >>> form = hn.form(variant="t2v-pro", prompt="A paper boat drifts")  # doctest: +SKIP
    >>> print(form.code("python"))  # doctest: +SKIP
    """

    def __init__(
        self,
        session: Session,
        *,
        namespace: Mapping[str, Any] | None = None,
        surroundings: Callable[[], Surroundings] = Surroundings,
    ) -> None:
        self._session = session
        self._namespace = namespace
        self._surroundings = surroundings
        # A saved page may hold what stood in for forms of kernels before: no two have the same name.
        self._mark = f"hailuo-form-{uuid.uuid4().hex[:12]}"
        self._till = Till()
        self._source = Source(lambda text, fit: picture(text, session.folder, fit), session.folder)
        self._pieces = Pieces()
        self._cell = Cell()
        self._note = ""
        self._purse: tuple[float, Decimal | None] = (float("-inf"), None)
        self._touched: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        # Held while looking, which may have to ask for a model: no handler waits for it.
        self._looking = threading.RLock()
        self._wrong: Mapping[str, str] = {}
        self._is_sending = False
        self._asked: FormState | None = None
        self._look_soon = Latest(self._look, LOOK_AFTER_S, "hailuo-form")
        self._ask_soon = Latest(self._ask, ASK_AFTER_S, "hailuo-form-prices")
        self.batches: list[Batch] = []
        with self._audience():
            self._inputs = Inputs(self._changed)
            self._costs = CostsPart(box=CostView().to_dict() | self._fixed())
            self._board = Board(f"{self._mark}-clips")
            parts = [*self._inputs.box.children, self._costs, self._board.box]
            self._box = ipywidgets.VBox(parts).add_class("hailuo-form")
            self._inputs.show_variant(self._session.variant(self._inputs.variant_name))
        self._inputs.prompt.on_msg(self._on_prompt)
        self._inputs.picture.on_msg(self._on_picture)
        self._costs.on_msg(self._on_costs)
        self._look()

    def _audience(self) -> AbstractContextManager[None]:
        """Decide who hears of new widgets: nobody, where nobody looks."""
        return unheard() if self._surroundings().is_headless else nullcontext()

    # From Python

    @property
    def state(self) -> FormState:
        """What stands in the form."""
        return self._inputs.state()

    def fill(self, job: Job | FormState) -> None:
        """Fill the form with what made an earlier clip.

        Parameters
        ----------
        job : Job
            The clip.
        """
        state, note = (job, "") if isinstance(job, FormState) else self._state_of(job)
        with self._audience():
            self._inputs.fill(state, self._session.variant(state.variant))
        with self._lock:
            self._note = note
        self._look()

    def code(self, kind: str) -> str:
        """Give the form as code.

        Parameters
        ----------
        kind : str
            ``magic``, ``python``, ``curl``, ``sdk`` or ``node``.

        Raises
        ------
        InvalidRequest
            Something in the form is wrong, or it cannot be said in this way.
        """
        state = self.state
        reading = self._read(state)
        if reading.asked is None:
            raise InvalidRequest(next(iter(reading.faults.values())), faults=tuple(reading.faults.values()))
        made = forecast(self._session, reading.asked)
        keep: Callable[[bytes, str], str] = lambda data, name: keeping.keep_picture(self._session, data, name)  # noqa: E731
        return code_of(kind, state, self._inputs.variant, reading, made, keep)

    def generate(self) -> Batch:
        """Make what stands in the form, under the limits of a cell.

        A click says yes to the sum on the button; this call says yes to nothing.

        Raises
        ------
        InvalidRequest
            With every fault.
        LimitReached
            Above a limit; nothing is sent.
        """
        state = self.state
        reading = self._read(state)
        if reading.asked is None:
            raise InvalidRequest("; ".join(reading.faults.values()), faults=tuple(reading.faults.values()))
        terms = Terms(is_headless=self._session.is_headless())
        batch = self._session.make(
            reading.asked, name=reading.name, tags=reading.tags, cell=self._session.where(), terms=terms
        )
        self.batches.append(batch)
        if terms.is_headless:
            batch.wait()
        self._look_soon.ask()
        return batch

    def close(self) -> None:
        """End the form: its controls go, and what stood in it stays as text."""
        self._look_soon.close()
        self._ask_soon.close()
        self._box.close()
        if isinstance(self._session.front, Shower) and self._session.front.fill == self.fill:
            self._session.front.fill = None
        publish_display_data(  # type: ignore[no-untyped-call]
            {"text/plain": ""}, transient={"display_id": self._mark}, update=True
        )

    def __repr__(self) -> str:
        return f"<Form {self._inputs.variant.name}: {self.state.prompt[:60]!r}>"

    def _ipython_display_(self) -> None:
        around = self._surroundings()
        if around.is_headless or not around.has_widgets:
            publish_display_data(self._static(""))  # type: ignore[no-untyped-call]
            return
        self._cell = Cell(around.notebook, around.cell_id)
        bundle = dict(self._box._repr_mimebundle_())
        bundle["text/plain"] = ""  # the twin says it, and text is said once
        publish_display_data(bundle, transient={"display_id": self._mark})  # type: ignore[no-untyped-call]
        self._board.open(self._static(self._mark))
        if isinstance(self._session.front, Shower):
            self._session.front.fill = self.fill

    def _static(self, mark: str) -> dict[str, str]:
        """Give the form as text, with the cell that says the same; `mark` is how a live form finds it."""
        said: list[str] = []
        try:
            said = ["The same as a cell:", *self.code("magic").strip().splitlines()]
        except HailuoError as error:
            said = [str(error)]
        return form_bundle(self.state, self._inputs.variant, said, mark)

    # What changes

    def _changed(self, name: str) -> None:
        """Note that something is another: the button is looked at anew, and a price is asked for."""
        with self._lock:
            self._touched |= {name}
            self._note = ""
        self._look_soon.ask()
        self._ask_soon.ask()

    def _on_prompt(self, _widget: object, content: object, _buffers: object) -> None:
        """Take what a person did in the prompt box."""
        if not isinstance(content, dict):
            return
        kind = content.get("type")
        if kind == "text":
            self._inputs.text, self._inputs.turn = str(content.get("text", "")), content.get("turn", 0)
            self._changed("")
        elif kind == "left":
            self._touch("prompt")
        elif kind == "hints":
            taste.remember(self._session, "hints", "on" if content.get("on") else "off")
            self._look_soon.ask(at_once=True)

    def _on_picture(self, _widget: object, content: object, buffers: Any) -> None:
        """Take what a person did in the picture field."""
        if not isinstance(content, dict):
            return
        kind = content.get("type")
        if kind == "source":
            self._inputs.image = str(content.get("text", "")).strip()
            self._changed("image")
        elif kind == "fit":
            self._inputs.fit = {"pad": "pad", "crop": "crop"}.get(str(content.get("fit")), "")
            self._changed("image")
        elif kind == "left" and self._inputs.image:
            self._touch("image")
        elif kind == "bytes" and buffers:
            self._take_piece(content, bytes(buffers[0]))

    def _take_piece(self, content: Mapping[str, Any], part: bytes) -> None:
        """Put a dropped picture together, and keep it as a file once it is whole."""
        try:
            whole = self._pieces.take(content.get("name"), content.get("at"), content.get("of"), part)
            if whole is not None:
                name, data = whole
                self._inputs.put_image(keeping.keep_picture(self._session, data, name))
        except HailuoError as error:
            self._inputs.picture.box = {**self._inputs.picture.box, "fault": str(error), "facts": ""}

    def _on_costs(self, _widget: object, content: object, _buffers: object) -> None:
        """Take a click, or the wish for code."""
        if not isinstance(content, dict):
            return
        if content.get("type") == "generate":
            shown = self._till.take(content.get("stamp"))
            if shown is not None:
                _apart(self._send, shown)
            self._look_soon.ask(at_once=True)
        elif content.get("type") == "sample":
            _apart(self._copy, str(content.get("kind", "")))

    def _touch(self, name: str) -> None:
        with self._lock:
            self._touched |= {name}
        self._look_soon.ask()

    # What is shown; on the form's own thread

    def _look(self) -> None:
        """Read the form and show what it comes to."""
        with self._looking:
            self._follow_variant()
            with self._lock:
                touched, note = self._touched, self._note
            turn = self._inputs.turn
            state = self.state
            reading = self._read(state)
            faults = dict(reading.faults)
            made: Forecast | None = None
            if reading.asked is not None and not self._wrong:
                made = self._forecast(reading, faults)
            faults = {**self._wrong, **faults}
            self._show_prompt(state, reading, faults, turn)
            self._show_picture(state, faults if "image" in touched else {})
            self._inputs.say(faults, touched)
            self._show_costs(state, made, faults, note)

    def _follow_variant(self) -> None:
        """Show the fields of the variant that is chosen now; another model may have to be asked for."""
        name = self._inputs.variant_name
        self._wrong = {}
        if name in {self._inputs.variant.name, self._inputs.variant.model_id}:
            return
        if not name:
            self._inputs.show_other(True)
            self._wrong = {"model": "Which model? Write its name or id, as a/b/c."}
            return
        try:
            self._inputs.show_variant(self._session.variant(name))
        except HailuoError as error:
            self._inputs.show_other(True)
            self._wrong = {"variant": str(error)}

    def _read(self, state: FormState) -> Reading:
        return read(state, self._inputs.variant, picture=self._source.read, namespace=self._namespace)

    def _forecast(self, reading: Reading, faults: dict[str, str]) -> Forecast | None:
        """Say what it would make, or note the fault of all of it together."""
        assert reading.asked is not None
        try:
            return forecast(self._session, reading.asked)
        except HailuoError as error:
            text = str(error).replace("this cell asks for", "this asks for")
            faults["takes" if "max_clips" in text else "prompt"] = text.replace(
                ", use --sample N", ""
            ).replace("with --max-clips", "with %config HailuoMagics.max_clips =")
            return None

    def _show_prompt(
        self, state: FormState, reading: Reading, faults: Mapping[str, str], turn: object
    ) -> None:
        part = self._inputs.prompt
        shown = preview_of(reading.plans)
        has_hints = taste.recall(self._session, "hints", "on") == "on"
        facts = self._inputs.variant.schema["properties"].get("prompt", {})
        _set(
            part,
            "box",
            {
                "limit": facts.get("maxLength"),
                "longest": shown.longest,
                "commands": list(CAMERA),
                "most": MOST_AT_ONCE,
                "preview": {"line": shown.line, "prompts": list(shown.prompts), "more": shown.more},
                "fault": faults.get("prompt", ""),
                "turn": turn,
                "hints": [hint.text for hint in hints_for(state.prompt)] if has_hints else [],
                "has_hints": has_hints,
            },
        )
        _set(part, "text", {"value": self._inputs.text, "number": self._inputs.text_number})

    def _show_picture(self, state: FormState, faults: Mapping[str, str]) -> None:
        """Show the picture that is read, what it is, and the clips that could be gone on from."""
        part = self._inputs.picture
        facts, small = "", b""
        if state.image:
            try:
                facts, small = facts_of(self._source.read(state.image, state.fit or None))
            except HailuoError:
                facts = ""  # the fault says it
        _set(
            part,
            "box",
            {
                "text": self._inputs.image,
                "number": self._inputs.image_number,
                "fit": self._inputs.fit,
                "facts": facts,
                "fault": faults.get("image", ""),
                "clips": self._clips() if self._inputs.variant.takes_image else [],
            },
        )
        _set(part, "thumbnail", small)

    def _clips(self) -> list[dict[str, str]]:
        """List the newest clips of this ledger."""
        jobs = self._session.jobs(limit=MOST_CLIPS_LISTED)
        done = [job for job in jobs if job.path is not None and job.path.suffix in VIDEO_ENDINGS]
        return [{"label": f"{job.name or job.id} · {job.prompt[:60]}", "value": job.file} for job in done]

    def _show_costs(
        self, state: FormState, made: Forecast | None, faults: Mapping[str, str], note: str
    ) -> None:
        """Show the button as it is now."""
        purse = self._purse_text()
        if made is None:
            self._till.hide(state)
            view = wrong(faults, touched=self._seen(), purse=purse)
            view = replace(view, note=note or view.note)
        else:
            stamp = self._till.show(state, made.new_usd if made.fresh else Decimal(0))
            if stamp:
                is_asking = made.is_estimate and self._can_ask() and self._asked != state
                view = cost_of(made, stamp=stamp, purse=purse, note=note, is_asking=is_asking)
            else:
                view = CostView(purse=purse, note=SENDING if self._is_sending else note or SENT)
        _set(self._costs, "box", view.to_dict() | self._fixed())

    def _seen(self) -> frozenset[str]:
        """Give the fields whose faults stand beside them."""
        return self._touched | {"axes"}

    def _fixed(self) -> dict[str, Any]:
        """Give what the costs part has to know once."""
        samples = [{"kind": kind, "label": label} for kind, label in KINDS.items()]
        return {"mark": self._mark, "samples": samples}

    # What is asked

    def _can_ask(self) -> bool:
        """Tell whether the service can be asked for prices."""
        return self._session.service_name() == "simulator" or self._session.key() is not None

    def _ask(self) -> None:
        """Ask for the live price of what stands there, and for the balance; away from everything else."""
        state = self.state
        reading = self._read(state)
        if reading.asked is None or not self._can_ask():
            return
        try:
            if forecast(self._session, reading.asked).is_estimate:
                forecast(self._session, reading.asked, is_live=True)
            self._ask_balance()
        except HailuoError as error:
            logger.debug("no price or balance just now: %s", error)
        self._asked = state
        self._look_soon.ask(at_once=True)

    def _ask_balance(self) -> None:
        """Ask what is left on the account, once a minute at most."""
        if time.monotonic() - self._purse[0] > BALANCE_AGE_S:
            self._purse = (time.monotonic(), self._session.balance())

    def _purse_text(self) -> str:
        service = self._session.service_name()
        left = self._session.budget_left(service)
        return purse_text(left, self._purse[1], is_simulated=service == "simulator")

    # What a click does; on a thread of its own

    def _send(self, shown: Shown) -> None:
        """Make what stands in the form, if it costs no more than the button said."""
        self._is_sending = True
        try:
            note = self._send_for(shown)
        except HailuoError as error:
            note = str(error)
        except Exception:
            logger.exception("a click failed")
            note = "Something of the form failed; %hailuo jobs shows what is out, and the log says more."
        self._is_sending = False
        if note:
            self._till.give_back()
            with self._lock:
                self._note = note
        taste.write_down(self._session)
        self._purse = (float("-inf"), self._purse[1])
        self._look_soon.ask(at_once=True)
        self._ask_soon.ask()

    def _send_for(self, shown: Shown) -> str:
        """Send; gives why nothing was sent, or nothing."""
        session, state = self._session, self.state
        reading = self._read(state)
        if reading.asked is None:
            return f"Nothing was sent: {next(iter(reading.faults.values()))}"
        service = session.service_name()
        if service == "wavespeed" and session.key() is None:
            return "Nothing was sent: WaveSpeed needs a key. Run %hailuo key in a cell, then press again."
        made = forecast(session, reading.asked, is_live=self._can_ask())
        usd = made.new_usd if made.fresh else Decimal(0)
        if usd != shown.usd and (usd is None or shown.usd is None or usd > shown.usd):
            return grown(shown.usd, usd)
        self._till.spend(state)
        # The sum on the button is the yes to that sum; the budget holds all the same.
        terms = Terms(yes=True, max_cost=shown.usd)
        cell = Cell(self._cell.notebook, self._cell.id, state.prompt)
        batch = session.make(reading.asked, name=reading.name, tags=reading.tags, cell=cell, terms=terms)
        self.batches.append(batch)
        for job in batch.jobs:
            # Then it can be gone on from, and the balance is another.
            job.add_done_callback(self._on_done)
        if isinstance(session.front, Shower):
            self._board.show(batch, session.front)
        self._board.retitle(self._static(self._mark))
        return ""

    def _on_done(self, _job: Job) -> None:
        """Look again when a clip has ended."""
        self._purse = (float("-inf"), self._purse[1])
        self._look_soon.ask()
        self._ask_soon.ask()

    def _copy(self, kind: str) -> None:
        """Answer with the form as code."""
        text, fault = "", ""
        try:
            text = self.code(kind)
        except HailuoError as error:
            fault = str(error)
        self._costs.send({"type": "sample", "kind": kind, "text": text, "fault": fault})

    def _state_of(self, job: Job) -> tuple[FormState, str]:
        """Give the form that would make a clip, and what to say where its picture is gone."""
        row = job.row
        found = keeping.picture_of(self._session, row)
        state = state_of_clip(
            self._session.variant(row.variant),
            prompt=row.prompt,
            inputs=row.inputs,
            image=found or "",
            name=row.name or "",
            tags=row.tags,
        )
        note = (
            ""
            if found is not None
            else f"The picture {row.image or ''} is not beside this notebook any more; choose it again."
        )
        return state, note


def _set(widget: Any, name: str, value: object) -> None:
    """Write a trait where it changes; each write is a message."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def _apart(function: Callable[..., None], *arguments: object) -> None:
    """Do something on a thread of its own, in an empty context: a handler only hands over."""
    threading.Thread(
        target=contextvars.Context().run, args=(function, *arguments), name="hailuo-form-click", daemon=True
    ).start()
