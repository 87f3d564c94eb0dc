/**
 * The button, what it costs, and the form as code.
 *
 * In comes the trait `box`; out go `generate` with the stamp of the button that was pressed, and `sample`. The stamp is
 * how the kernel knows which sum was agreed to, and that a double click is one. This part also gives the form around it
 * what ipywidgets leaves out: groups of radio buttons, and faults that belong to their fields.
 *
 * @typedef {{label: string, stamp: number, is_ready: boolean, price: string, purse: string, note: string,
 *   is_asking: boolean, mark: string, samples: {kind: string, label: string}[]}} Box
 */

const BUSY_AFTER_MS = 2500;

/**
 * Keep the focus where it was: ipywidgets makes its radio buttons anew whenever the kernel answers, and whoever goes
 * through them by arrows would be thrown out. @param {HTMLElement} form @returns {() => void} to call after a change
 */
function keepFocus(form) {
  let isInside = false;
  form.addEventListener("focusin", (event) => {
    isInside = event.target instanceof HTMLInputElement && event.target.type === "radio";
  });
  form.addEventListener("focusout", (event) => { if (event.relatedTarget) isInside = false; });
  return () => {
    const isLost = !document.activeElement || document.activeElement === document.body;
    if (!isInside || !isLost) return;
    const now = /** @type {HTMLElement | null} */ (form.querySelector(".widget-radio-box input:checked"));
    now?.focus({ preventScroll: true });
  };
}

/** Give the controls of a form what ipywidgets leaves out. @param {HTMLElement} form */
function groom(form) {
  // Enter and the arrows are no shortcuts of the notebook. JupyterLab looks for the mark on the very element that has
  // the focus: one on the form around it is found too late.
  form.querySelectorAll("input, select, textarea, button, summary, [tabindex]").forEach((node) => {
    /** @type {HTMLElement} */ (node).dataset.lmSuppressShortcuts = "true";
  });
  form.setAttribute("role", "form");
  form.setAttribute("aria-label", "Make a clip");
  form.querySelectorAll(".widget-radio-box").forEach((group, place) => {
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", "Variant");
    group.querySelectorAll("input").forEach((radio) => { radio.name = `${form.dataset.hailuo}-${place}`; });
  });
  form.querySelectorAll(".hailuo-field").forEach((field, place) => {
    const fault = /** @type {HTMLElement | null} */ (field.querySelector(".hailuo-fault .widget-html-content"));
    if (!fault) return;
    fault.id = `${form.dataset.hailuo}-fault-${place}`;
    fault.setAttribute("role", "alert");
    field.querySelectorAll("input, select, textarea").forEach((control) => {
      control.setAttribute("aria-describedby", fault.id);
      control.setAttribute("aria-invalid", String(!!fault.textContent));
    });
  });
}

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const root = make("div", "part costs-part");
  const go = button("Generate", () => press(), "go");
  const price = make("span", "price-text");
  const purse = make("span", "quiet");
  const note = make("div", "note");
  note.setAttribute("role", "status");
  const row = make("div", "costs-row");
  const words = make("div", "costs-words");
  words.append(price, purse);
  row.append(go, words);
  const copies = make("div", "copies");
  copies.setAttribute("role", "group");
  copies.setAttribute("aria-label", "Copy as");
  const sample = make("div", "sample");
  const said = make("span", "quiet");
  said.setAttribute("role", "status");
  const code = /** @type {HTMLTextAreaElement} */ (make("textarea", "code"));
  code.readOnly = true;
  code.spellcheck = false;
  const close = button("close", () => { sample.hidden = true; });
  const bar = make("div", "part-foot");
  bar.append(said, close);
  sample.append(code, bar);
  sample.hidden = true;
  root.append(row, note, copies, sample);
  el.append(root);

  let pressed = 0;
  let timer = 0;
  let known = "";

  /** @returns {Box} */
  const box = () => model.get("box");

  const press = () => {
    const { stamp, is_ready: isReady } = box();
    if (!isReady || !stamp || stamp === pressed) return;
    pressed = stamp;
    model.send({ type: "generate", stamp });
    draw();
    timer = window.setTimeout(() => {
      if (box().stamp === pressed) say(note, "The kernel is busy; this happens when it is free.");
    }, BUSY_AFTER_MS);
  };

  const draw = () => {
    const now = box();
    const isOff = !now.is_ready || now.stamp === pressed;
    if (go.textContent !== now.label) go.textContent = plain(now.label);
    // A disabled button would lose the focus of whoever pressed Enter on it.
    go.setAttribute("aria-disabled", String(isOff));
    go.classList.toggle("hailuo-off", isOff);
    say(price, now.price);
    say(purse, now.purse);
    say(note, now.note);
    const listed = JSON.stringify(now.samples);
    if (listed !== known) {
      known = listed;
      copies.replaceChildren(make("span", "quiet", "Copy as"), ...now.samples.map(({ kind, label }) =>
        button(label, () => { say(said, "asking the kernel"); model.send({ type: "sample", kind }); })));
    }
  };

  /** @param {{type: string, kind: string, text: string, fault: string}} content */
  const receive = async (content) => {
    if (content?.type !== "sample") return;
    sample.hidden = false;
    code.hidden = !content.text;
    code.value = content.text;
    code.rows = Math.min(16, content.text.split("\n").length);
    code.setAttribute("aria-label", `The form as ${box().samples.find((one) => one.kind === content.kind)?.label ?? "code"}`);
    if (!content.text) { say(said, content.fault); return; }
    try {
      await navigator.clipboard.writeText(content.text);
      say(said, "copied");
    } catch {
      say(said, "select it to copy: this page may not write to the clipboard");
    }
  };

  /** @type {HTMLElement | null} */ let form = null;
  /** @type {HTMLStyleElement | undefined} */ let rule;
  let refocus = () => {};
  const watcher = new MutationObserver(() => { if (form) { groom(form); refocus(); } });
  // A part is drawn before it is on the page; it is seen once it is.
  const seen = new IntersectionObserver(() => {
    const found = /** @type {HTMLElement | null} */ (el.closest(".hailuo-form"));
    if (!found || found === form) return;
    form = found;
    form.dataset.hailuo = box().mark;
    groom(form);
    refocus = keepFocus(form);
    watcher.observe(form, { childList: true, subtree: true, characterData: true });
    rule = document.createElement("style"); // what stands for the form in a saved notebook is not needed beside it
    rule.textContent = `.${CSS.escape(box().mark)}{display:none !important}`;
    document.head.append(rule);
  });
  seen.observe(root);
  const stop = listen(model, { "change:box": draw, "msg:custom": receive });
  draw();
  return () => {
    stop();
    seen.disconnect();
    watcher.disconnect();
    rule?.remove();
    window.clearTimeout(timer);
    root.remove();
  };
}

export default { render };
