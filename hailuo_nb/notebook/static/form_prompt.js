/**
 * The prompt box.
 *
 * In come the traits `box` (what the kernel says about the text) and `text` (what the kernel fills in: a new number
 * means a new text); out go the messages `text`, `left` and `hints`.
 *
 * @typedef {{label: string, limit?: number, longest: number, commands: string[], most: number,
 *   preview: {line: string, prompts: string[], more: number}, fault: string, turn: number, hints: string[], has_hints: boolean}} Box
 */

const PAUSE_MS = 150;

/**
 * Give a text with a camera command put in at the cursor: into the bracket there while it has room, else in one of its
 * own. @param {string} text @param {number} at @param {string} command @param {number} most
 * @returns {{from: number, to: number, put: string}}
 */
function withCommand(text, at, command, most) {
  const open = text.lastIndexOf("[", at - 1);
  const close = open < 0 ? -1 : text.indexOf("]", open);
  const words = close < 0 ? [] : text.slice(open + 1, close).split(",").map((word) => word.trim()).filter(Boolean);
  const isThere = open >= 0 && close >= 0 && at <= close + 1 && !text.slice(open, close).includes("\n");
  if (isThere && words.length < most && !words.includes(command)) {
    return { from: open, to: close + 1, put: `[${[...words, command].join(", ")}]` };
  }
  const place = isThere ? close + 1 : at;
  const before = text.slice(0, place);
  const gap = before && !/[\s([]$/.test(before) ? (/[,.;:]$/.test(before) || isThere ? " " : ", ") : "";
  return { from: place, to: place, put: `${gap}[${command}]` };
}

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const root = make("div", "part prompt-part");
  const area = /** @type {HTMLTextAreaElement} */ (make("textarea", "text"));
  area.rows = 4;
  area.spellcheck = true;
  const label = labelled("Prompt", area);
  const count = make("span", "count");
  const head = make("div", "part-head");
  head.append(label, count);
  const fault = make("div", "fault-text");
  fault.setAttribute("role", "alert");
  fault.id = `${area.id}-fault`;
  count.id = `${area.id}-count`;
  area.setAttribute("aria-describedby", `${count.id} ${fault.id}`);

  const camera = /** @type {HTMLDetailsElement} */ (make("details", "camera"));
  camera.append(make("summary", "", "Camera"));
  const bar = make("div", "commands");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Camera commands");
  camera.append(bar);

  const preview = /** @type {HTMLDetailsElement} */ (make("details", "preview"));
  const line = make("summary");
  const list = make("ol");
  preview.append(line, list);
  const unused = make("div", "quiet");
  const hints = make("ul", "hints");
  hints.setAttribute("aria-label", "Hints");
  const toggle = button("", () => model.send({ type: "hints", on: !box().has_hints }));
  root.append(head, area, fault, camera, preview, unused, hints, toggle);
  el.append(root);

  let seen = -1;
  let timer = 0;
  let sent = "";
  let turn = 0; // counts what was sent, so that no fault of an older text is shown
  let wasLeft = false;
  let signature = "";

  /** @returns {Box} */
  const box = () => model.get("box");

  const tell = () => {
    window.clearTimeout(timer);
    timer = 0;
    if (area.value === sent) return;
    sent = area.value;
    turn += 1;
    model.send({ type: "text", text: area.value, turn });
  };

  const countUp = () => {
    const { limit, longest, preview: shown } = box();
    const own = [...area.value.trim()].length;
    const used = shown?.prompts.length ? longest : own;
    const what = shown?.prompts.length ? "longest prompt " : "";
    count.textContent = limit ? `${what}${used.toLocaleString("en")} of ${limit.toLocaleString("en")}` : `${used.toLocaleString("en")} characters`;
    count.classList.toggle("hailuo-over", !!limit && used > limit);
  };

  /** @param {string} command */
  const insert = (command) => {
    area.focus();
    const { from, to, put } = withCommand(area.value, area.selectionEnd, command, box().most);
    area.setSelectionRange(from, to);
    // The old command keeps the person's undo; where it is gone the text is set.
    if (!document.execCommand("insertText", false, put)) area.setRangeText(put, from, to, "end");
    tell();
    countUp();
  };

  const drawCommands = () => {
    const nodes = box().commands.map((command, place) => {
      const node = button(command, () => insert(command), "command");
      node.tabIndex = place ? -1 : 0;
      return node;
    });
    bar.replaceChildren(...nodes);
  };

  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const nodes = /** @type {HTMLButtonElement[]} */ ([...bar.children]);
    const here = nodes.indexOf(/** @type {any} */ (document.activeElement));
    if (!step || here < 0) return;
    event.preventDefault();
    const next = nodes[(here + step + nodes.length) % nodes.length];
    nodes.forEach((node) => { node.tabIndex = node === next ? 0 : -1; });
    next.focus();
  });

  const draw = () => {
    const now = box();
    const next = JSON.stringify(now);
    if (next === signature) return;
    signature = next;
    if (bar.childElementCount !== now.commands.length) drawCommands();
    const hasMany = now.preview.prompts.length > 0;
    preview.hidden = !hasMany;
    unused.hidden = hasMany || !now.preview.line;
    if (hasMany) line.textContent = plain(now.preview.line);
    else unused.textContent = plain(now.preview.line);
    list.replaceChildren(...now.preview.prompts.map((prompt) => make("li", "", prompt)));
    if (now.preview.more) list.append(make("li", "more", `and ${now.preview.more.toLocaleString("en")} more`));
    hints.hidden = !now.has_hints || !now.hints.length;
    hints.replaceChildren(...now.hints.map((hint) => make("li", "", hint)));
    toggle.textContent = now.has_hints ? "hide hints" : "show hints";
    toggle.hidden = now.has_hints && !now.hints.length;
    showFault();
    countUp();
  };

  const showFault = () => {
    const isShown = wasLeft && document.activeElement !== area && (!turn || box().turn === turn);
    say(fault, isShown ? box().fault : "");
    area.setAttribute("aria-invalid", String(isShown && !!box().fault));
  };

  const fill = () => {
    const { value, number } = model.get("text");
    if (number === seen) return;
    seen = number;
    sent = value;
    area.value = value;
    wasLeft = wasLeft || !!value;
    countUp();
  };

  area.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(tell, PAUSE_MS);
    countUp();
  });
  area.addEventListener("focus", showFault);
  area.addEventListener("blur", () => {
    tell(); // before the click that took the focus away says anything
    wasLeft = true;
    model.send({ type: "left" });
    showFault();
  });
  const stop = listen(model, { "change:box": draw, "change:text": fill });
  draw();
  fill();
  return () => { stop(); window.clearTimeout(timer); root.remove(); };
}

export { withCommand };
export default { render };
