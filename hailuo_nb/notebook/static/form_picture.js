/**
 * The picture field.
 *
 * In come the traits `box` and `thumbnail`; out go the messages `source` (what was written or chosen), `fit`, `left`,
 * and `bytes` with the picture that was dropped, pasted or picked, a megabyte a message.
 *
 * @typedef {{text: string, number: number, fit: string, facts: string, fault: string, clips: {label: string, value: string}[]}} Box
 */

const PART = 1 << 20;
const MOST = 20 * PART;

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const root = make("div", "part picture-part");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Picture");
  const frame = make("div", "picture-frame");
  const image = /** @type {HTMLImageElement} */ (make("img"));
  image.alt = "";
  const empty = make("span", "", "drop a picture");
  frame.append(image, empty);
  const source = /** @type {HTMLInputElement} */ (make("input", "text"));
  source.type = "text";
  source.placeholder = "path, https://…, or clip.mp4 for its last frame";
  const fault = make("div", "fault-text");
  fault.setAttribute("role", "alert");
  const facts = make("div", "quiet");
  facts.setAttribute("role", "status");
  const clips = /** @type {HTMLSelectElement} */ (make("select", "select"));
  const fit = /** @type {HTMLSelectElement} */ (make("select", "select"));
  for (const [value, text] of [["", "as it is"], ["pad", "padded to 16:9"], ["crop", "cropped to 16:9"]]) {
    const option = /** @type {HTMLOptionElement} */ (make("option", "", text));
    option.value = value;
    fit.append(option);
  }
  const file = /** @type {HTMLInputElement} */ (make("input", "file"));
  file.type = "file";
  file.accept = "image/png,image/jpeg";
  const away = button("take away", () => { source.value = ""; tell(); source.focus(); });
  const label = labelled("Picture", source);
  fault.id = `${source.id}-fault`;
  facts.id = `${source.id}-facts`;
  source.setAttribute("aria-describedby", `${facts.id} ${fault.id}`);
  const row = make("div", "picture-row");
  /** @param {string} text @param {HTMLElement} control */
  const cell = (text, control) => { const node = make("div", "cell"); node.append(labelled(text, control), control); return node; };
  row.append(cell("Last frame of", clips), cell("Shape", fit), cell("From this computer, or paste", file));
  const words = make("div", "picture-words");
  const foot = make("div", "part-foot");
  foot.append(facts, away);
  words.append(label, source, fault, row, foot);
  root.append(frame, words);
  el.append(root);

  let sent = "";
  let seen = -1;
  let known = "";
  let address = "";

  /** @returns {Box} */
  const box = () => model.get("box");

  const tell = () => {
    if (source.value === sent) return;
    sent = source.value;
    model.send({ type: "source", text: source.value });
  };

  /** @param {File | undefined | null} picked */
  const send = async (picked) => {
    if (!picked) return;
    if (picked.size > MOST) { say(fault, "It is over 20 MB, which is the most that can be sent."); return; }
    say(facts, `reading ${picked.name}`);
    const data = await picked.arrayBuffer();
    const of = Math.max(1, Math.ceil(data.byteLength / PART));
    for (let at = 0; at < of; at += 1) {
      model.send({ type: "bytes", name: picked.name, at, of }, undefined, [data.slice(at * PART, (at + 1) * PART)]);
    }
  };

  const draw = () => {
    const now = box();
    if (now.number !== seen) {
      seen = now.number;
      sent = now.text;
      source.value = now.text;
      fit.value = now.fit;
    }
    say(fault, now.fault);
    source.setAttribute("aria-invalid", String(!!now.fault));
    say(facts, now.facts);
    away.hidden = !now.text;
    const listed = JSON.stringify(now.clips);
    if (listed !== known) {
      known = listed;
      const first = /** @type {HTMLOptionElement} */ (make("option", "", now.clips.length ? "choose a clip" : "no clips yet"));
      first.value = "";
      clips.replaceChildren(first, ...now.clips.map(({ label: text, value }) => {
        const option = /** @type {HTMLOptionElement} */ (make("option", "", text));
        option.value = value;
        return option;
      }));
    }
    clips.disabled = !now.clips.length;
    clips.value = now.clips.some((one) => one.value === now.text) ? now.text : "";
  };

  const drawImage = () => {
    const bytes = model.get("thumbnail");
    if (address) URL.revokeObjectURL(address);
    const isThere = !!bytes?.byteLength;
    address = isThere ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : "";
    if (address) image.src = address;
    else image.removeAttribute("src");
    image.hidden = !isThere;
    empty.hidden = isThere;
  };

  source.addEventListener("change", tell);
  source.addEventListener("blur", () => { tell(); model.send({ type: "left" }); });
  fit.addEventListener("change", () => model.send({ type: "fit", fit: fit.value }));
  clips.addEventListener("change", () => { if (clips.value) { source.value = clips.value; tell(); } });
  file.addEventListener("change", () => { void send(file.files?.[0]); file.value = ""; });
  root.addEventListener("paste", (event) => {
    const picked = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!picked) return;
    event.preventDefault();
    void send(picked);
  });
  root.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); root.classList.add("hailuo-over"); });
  root.addEventListener("dragleave", () => root.classList.remove("hailuo-over"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    root.classList.remove("hailuo-over");
    const picked = event.dataTransfer?.files[0];
    const text = event.dataTransfer?.getData("text/uri-list") || event.dataTransfer?.getData("text/plain");
    if (picked) void send(picked);
    else if (text) { source.value = text.split("\n")[0].trim(); tell(); }
  });
  const stop = listen(model, { "change:box": draw, "change:thumbnail": drawImage });
  draw();
  drawImage();
  return () => { stop(); if (address) URL.revokeObjectURL(address); root.remove(); };
}

export default { render };
