// @ts-check
/**
 * The live card of one cell.
 *
 * In comes the trait `card` (see hailuo_nb/notebook/view.py) and messages with changes, posters and clips; out go
 * `hello`, `need`, `bytes` and `action` messages. The card's static twin stands in the next output of the cell: this
 * hides it while the widget lives, and takes the players' addresses from it, where the front end has resolved them. At the end the widget's own output is replaced, so that the saved notebook is static; the card then
 * moves over to the twin's output and stays usable. Text reaches the page through textContent alone.
 *
 * @import { Action, Card, Changes, Clip, Earlier, Group, Model, Word } from "./card.d.ts"
 */

const GONE = new Set(["failed", "cancelled", "abandoned"]);
const BUSY_AFTER_MS = 2500;
const LOST = "The kernel was restarted or has ended. Running the cell again pays nothing twice and shows the rest.";

/**
 * Make an element.
 * @param {string} tag @param {string} [name] the class after "hailuo-" @param {string} [text]
 */
function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name.split(" ").map((part) => `hailuo-${part}`).join(" ");
  if (text !== undefined) node.textContent = text;
  return node;
}

/**
 * Text that cannot turn the direction of what is beside it.
 * @param {string} [text] @param {string} [name] @param {string} [tag]
 */
function line(text, name, tag = "div") {
  const node = make(tag, name);
  node.append(make("bdi", "", text));
  return node;
}

/** @param {string} label @param {(event: Event) => void} press @param {string} [name] */
function button(label, press, name = "button") {
  const node = /** @type {HTMLButtonElement} */ (make("button", name, label));
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

/** 12 s, 1:05, 1:02:05. @param {number} seconds */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  return new Date(whole * 1000).toISOString().slice(11, 19).replace(/^(00:)?0?/, "");
}

/** @param {number} seconds */
const about = (seconds) => (seconds > 100 ? `about ${Math.ceil(seconds / 60)} min`
  : `about ${Math.max(5, Math.ceil(seconds / 5) * 5)} s`);

/** @param {Clip} clip */
const titleOf = (clip) => clip.label || clip.caption || clip.name || "";

/** A name for this page: after a reload it is another one. */
const page = () => (/** @type {any} */ (window))[Symbol.for("hailuo.page")] ??= Math.random().toString(36).slice(2);

/** About two lines of a text, all of it on demand. @param {string} text @param {string} [brief] @param {string} [name] */
function folded(text, brief, name = "prompt") {
  if (!brief) return line(text, name);
  const details = make("details", name);
  details.append(line(brief, "", "summary"), line(text, "whole"));
  return details;
}

/** One clip: its frame, which lasts, and the lines below, which are written anew when they change. */
class Tile {
  /** @param {CardView} card @param {Clip} clip */
  constructor(card, clip) {
    this.card = card;
    this.clip = clip;
    this.signature = "";
    this.isSeen = false;
    /** @type {HTMLVideoElement | null} */ this.video = null;
    this.hover = 0;
    [this.root, this.stage, this.frame, this.tools, this.acts, this.body, this.why] =
      ["clip", "stage", "frame", "tools", "acts", "body", "why"].map((name) => make("div", name));
    [this.badge, this.icon, this.said, this.bar] = ["badge", "icon", "", "bar"].map((name) => make("span", name));
    this.stage.append(this.frame, this.acts, this.tools);
    this.image = /** @type {HTMLImageElement} */ (make("img", "poster"));
    this.image.alt = "";
    this.image.hidden = true;
    this.icon.ariaHidden = this.bar.ariaHidden = "true";
    this.badge.append(this.icon, " ", this.said);
    this.frame.append(this.image, this.badge, this.why, this.bar);
    this.root.append(this.stage, this.body);
    this.frame.addEventListener("click", () => this.open());
    this.frame.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.open();
    });
    this.stage.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse" && !isCalm()) this.hover = window.setTimeout(() => this.play(), 120);
    });
    this.stage.addEventListener("pointerleave", () => this.stop());
  }

  get isPlayable() {
    return this.clip.word === "done";
  }

  /** @param {Clip} clip */
  update(clip) {
    const signature = JSON.stringify(clip);
    if (signature === this.signature) return;
    this.signature = signature;
    this.clip = clip;
    this.root.dataset.word = clip.word;
    const said = `${titleOf(clip)} ${clip.brief ?? clip.prompt ?? ""}`.trim();
    this.image.alt = said;
    if (this.isPlayable) {
      const facts = { role: "button", tabIndex: 0, ariaLabel: `Play full size: ${said}`, title: "Click for full size" };
      Object.assign(this.frame, facts);
    } else {
      for (const name of ["role", "tabindex", "aria-label", "title"]) this.frame.removeAttribute(name);
      this.stop();
    }
    this.showPoster();
    this.writeBody();
  }

  /** The kernel's, else the twin's. */
  showPoster() {
    const url = this.card.posters.get(this.clip.key) ?? this.card.twinOf(this.clip)?.poster;
    if (url && this.image.src !== url) this.image.src = url;
    this.image.hidden = !url;
    this.frame.classList.toggle("hailuo-waits", !this.clip.is_final);
  }

  writeBody() {
    const { clip } = this;
    const wasOpen = [...this.body.querySelectorAll("details")].map((one) => one.open);
    const focused = this.root.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.name : undefined;
    const row = make("div", "row");
    const caption = line(clip.caption || (clip.label ? "" : clip.name), "caption", "span");
    this.word = make("span", "word");
    row.append(caption, this.word, make("span", "price", clip.price));
    this.why.replaceChildren(...(clip.why ? [make("bdi", "", clip.why)] : []));
    this.why.hidden = !clip.why;
    const lines = (clip.lines ?? []).map((text) => line(text, "quiet"));
    const isRow = !!this.card.data.is_table; // no room in its frame
    const nodes = [row, ...lines];
    const acts = clip.actions?.length ? [this.card.actionRow(clip.actions, clip.key)] : [];
    const isBelow = isRow || this.isPlayable; // a picture is no place for a button that costs
    this.acts.replaceChildren(...(isBelow ? [] : acts));
    if (clip.prompt) nodes.push(folded(clip.prompt, clip.brief));
    if (clip.file && !GONE.has(clip.status)) nodes.push(this.filePath());
    const more = make("div", isRow ? "" : "more");
    if (isBelow) more.append(...acts);
    nodes.push(more, this.writeTools());
    this.body.replaceChildren(...nodes);
    this.tick();
    this.body.querySelectorAll("details").forEach((one, place) => { one.open = wasOpen[place] ?? false; });
    if (focused) /** @type {HTMLElement | null} */ (this.root.querySelector(`[data-name="${CSS.escape(focused)}"]`))?.focus();
  }

  /** Where the file is or will be. */
  filePath() {
    const { clip } = this;
    const isDone = clip.word === "done";
    const url = isDone ? this.card.urlOf(clip) : "";
    const row = make("div", "path");
    const name = line(isDone ? clip.file : `will be ${clip.file}`, "", url ? "a" : "span");
    if (url) Object.assign(name, { href: url, target: "_blank", rel: "noopener" });
    else if (isDone) this.card.later(800, () => { // the twin comes next
      if (this.card.urlOf(clip)) row.replaceWith(this.filePath());
    });
    row.append(name);
    return row;
  }

  /** Copying the prompt, and facts on demand: in the corner of the frame, so no line of the twin is missing. */
  writeTools() {
    const { clip } = this;
    const { data } = this.card;
    const prompt = clip.copy ?? clip.prompt ?? data.copy ?? data.prompt;
    const more = make("div", "path", clip.facts);
    const unfold = button("⋯", () => {
      this.isUnfolded = more.hidden;
      more.hidden = !this.isUnfolded;
      unfold.ariaExpanded = String(this.isUnfolded);
    });
    more.hidden = !this.isUnfolded;
    unfold.ariaLabel = unfold.title = "Ids and facts";
    unfold.ariaExpanded = String(!!this.isUnfolded);
    unfold.dataset.name = "facts";
    this.tools.replaceChildren(unfold);
    if (prompt) {
      const copy = button("copy", () => this.card.copy(prompt, copy));
      copy.title = "Copy the prompt";
      copy.dataset.name = "copy";
      this.tools.prepend(copy);
    }
    return more;
  }

  /** Move what counts seconds. */
  tick() {
    const { clip } = this;
    let said = clip.word;
    let part = 0;
    if (!clip.is_final && clip.started_ms) {
      const elapsed = (this.card.now() - clip.started_ms) / 1000;
      const high = clip.typical_s?.[1];
      said = [clip.word, clock(elapsed), high && elapsed > high ? "longer than usual" : "", clip.usual]
        .filter(Boolean).join(" · ");
      part = this.card.partOf(clip);
    } else if (!clip.is_final && clip.usual && clip.word !== "planned") {
      said = `${clip.word} · ${clip.usual}`;
    }
    this.badge.hidden = clip.word === "done";
    if (this.icon.textContent !== clip.icon) this.icon.textContent = clip.icon;
    if (this.said.textContent !== said) this.said.textContent = said;
    const word = this.card.data.is_table ? `${clip.icon} ${said}` : "";
    if (this.word && this.word.textContent !== word) this.word.textContent = word;
    this.bar.style.transform = `scaleX(${clip.word === "failed" ? 1 : part.toFixed(3)})`;
  }

  /** Play in the frame, muted; at most six on the page. */
  play() {
    if (!this.isPlayable || this.video || this.card.isGone) return;
    makeRoom();
    const video = document.createElement("video");
    Object.assign(video, { muted: true, loop: true, playsInline: true, preload: "auto" });
    video.className = "hailuo-poster";
    video.tabIndex = -1;
    this.video = video;
    players().push(this);
    this.image.after(video);
    this.card.load(video, this.clip, () => this.stop());
    video.play().catch(() => undefined); // a policy or a release may refuse; the poster stays
  }

  stop() {
    window.clearTimeout(this.hover);
    const all = players();
    if (all.includes(this)) all.splice(all.indexOf(this), 1);
    if (this.video) release(this.video);
    this.video = null;
  }

  open() {
    if (!this.isPlayable) return;
    this.stop();
    this.card.openFull(this.clip, this.frame);
  }
}

/** The whole card. */
class CardView {
  /** @param {Model} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.isGone = false;
    this.skew = 0;
    this.data = model.get("card");
    this.batchClass = `hailuo-b-${slug(this.data.batch)}`;
    this.tiles = /** @type {Map<string, Tile>} */ (new Map());
    [this.posters, this.blobs] = [0, 0].map(() => /** @type {Map<string, string>} */ (new Map()));
    this.waiting = /** @type {Map<string, ((url: string) => void)[]>} */ (new Map());
    this.wanted = new Set();
    this.timers = new Set();
    this.shape = "";
    this.root = make("div", "card");
    this.root.dataset.lmSuppressShortcuts = "true"; // Enter on a clip is no shortcut of the notebook
    [this.head, this.question, this.top, this.past, this.grid] =
      ["head", "question", "top", "", "grid"].map((name) => make("div", name));
    [this.line, this.left, this.all, this.track] =
      ["headline", "left", "bar", "track"].map((name) => make("span", name));
    this.track.append(this.all);
    this.head.append(this.line, this.left, this.track);
    this.live = make("span", "spoken");
    Object.assign(this.live, { role: "status", ariaLive: "polite" });
    this.note = make("div", "quiet");
    this.root.append(this.head, this.live, this.note, this.question, this.top, this.past, this.grid);
    el.append(this.root);

    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { rootMargin: "400px" });
    this.onCard = () => { if (this.el.isConnected) this.update(model.get("card")); };
    /** @param {any} content @param {DataView[]} buffers */
    this.onMessage = (content, buffers) => this.receive(content, buffers);
    model.on("change:card", this.onCard);
    model.on("msg:custom", this.onMessage);
    this.onLost = () => this.lose();
    model.on("comm_live_update", this.onLost); // the kernel was restarted, or died
    this.pause = isCalm() ? 1000 : 250;
    this.update(this.data);
    this.seen.observe(this.root);
    this.follow(false);
    model.send({ type: "hello", page: page() });
  }

  /** The kernel's time. */
  now() {
    return Date.now() - this.skew;
  }

  /**
   * Count seconds only while it can be seen, and hide the twin only while it is on the page: JupyterLab sometimes
   * makes a second view that it neither attaches nor removes.
   * @param {boolean} isSeen
   */
  follow(isSeen) {
    window.clearInterval(this.interval);
    if (this.isGone || this.isLost) return;
    if (this.el.isConnected) {
      if (!this.rule) this.hideTwin();
      this.update(this.model.get("card"));
    } else this.showTwin();
    if (isSeen) this.interval = window.setInterval(() => this.tick(), this.pause);
  }

  /** Nobody hears this card any more: what is there stays static, what is on its way counts no further. */
  lose() {
    if (this.isMoved && this.data.is_final) { this.destroy(); return; }
    this.isLost = true;
    window.clearInterval(this.interval);
    this.note.textContent = LOST;
    for (const node of /** @type {NodeListOf<HTMLButtonElement>} */ (this.root.querySelectorAll(
      ".hailuo-question button, .hailuo-actions button",
    ))) node.disabled = true;
  }

  /** Hide the twin of this cell: by a rule, so that it stays hidden when it is rewritten, and shows if we die. */
  hideTwin() {
    this.area = /** @type {HTMLElement | null} */ (this.el.closest(".jp-OutputArea"));
    const mark = `${this.batchClass}-live`;
    this.area?.classList.add(mark);
    const scope = this.area ? `.${mark} ` : "";
    const [twin, head] = [`.${this.batchClass}`, `.${this.batchClass}-head`];
    const output = `${scope}.jp-OutputArea-output:has(> `;
    const child = `${scope}.jp-OutputArea-child:has(> .jp-OutputArea-output > ${this.isMoved ? head : twin})`;
    this.rule = document.createElement("style");
    this.rule.textContent = `${scope}${twin},${scope}${head},${output}${twin}),${child}{display:none !important}`;
    document.head.append(this.rule);
  }

  /** The view goes: for good, or because its output is static now; then the card moves beside its twin. */
  leave() {
    const twin = this.data.is_over ? (this.area ?? document).querySelector(`.${this.batchClass}`) : null;
    const place = twin?.closest(".jp-OutputArea-output") ?? twin;
    if (!place?.isConnected) {
      this.destroy();
      return;
    }
    this.el = make("div");
    this.el.className = "jp-OutputArea-output";
    this.el.append(this.root);
    place.after(this.el);
    this.isMoved = true;
    moved.add(this);
    this.showTwin();
    this.hideTwin();
    for (const tile of this.tiles.values()) tile.writeBody();
  }

  showTwin() {
    this.rule?.remove();
    this.rule = undefined;
    this.area?.classList.remove(`${this.batchClass}-live`);
  }

  /** What the twin knows of a clip. @param {Clip} clip @returns {{src: string, poster: string} | undefined} */
  twinOf(clip) {
    const nodes = (this.area ?? document).querySelectorAll(`.${this.batchClass} .hailuo-k-${slug(clip.key)}`);
    for (const node of nodes) {
      if (node instanceof HTMLVideoElement) return { src: node.src, poster: node.poster };
      const link = node.closest("a");
      if (node instanceof HTMLImageElement) return { src: link?.href ?? "", poster: node.src };
    }
    return undefined;
  }

  /** The address that the front end has given the clip. @param {Clip} clip */
  urlOf(clip) {
    const url = this.blobs.get(clip.key) ?? this.twinOf(clip)?.src ?? "";
    return /^(https?|blob|vscode-[\w-]+):/.test(url) ? url : "";
  }

  /** Give a video its clip: by address, else by bytes from the kernel. @param {HTMLVideoElement} video @param {Clip} clip @param {() => void} fail */
  load(video, clip, fail) {
    const url = this.urlOf(clip);
    const ask = () => this.fetchBytes(clip.key, (blob) => {
      if (!blob) { fail(); return; }
      if (!video.isConnected) return;
      video.src = blob;
      video.play().catch(() => undefined);
    });
    video.addEventListener("error", () => { if (video.getAttribute("src") === url) ask(); }, { once: true });
    if (url) video.src = url;
    else ask();
  }

  /** @param {string} key @param {(url: string) => void} done */
  fetchBytes(key, done) {
    const known = this.blobs.get(key);
    if (known) { done(known); return; }
    const others = this.waiting.get(key);
    if (others) { others.push(done); return; }
    this.waiting.set(key, [done]);
    this.model.send({ type: "bytes", key });
  }

  /** @param {any} content @param {DataView[]} buffers */
  receive(content, buffers) {
    if (content?.type === "changes") {
      this.take(content);
    } else if (content?.type === "now") {
      const skew = Date.now() - content.ms;
      this.skew = Math.abs(skew) > 2000 ? skew : 0; // smaller ones are the wire's
    } else if (content?.type === "posters") {
      content.keys.forEach((/** @type {string} */ key, /** @type {number} */ place) => {
        const old = this.posters.get(key);
        if (old) URL.revokeObjectURL(old);
        this.posters.set(key, URL.createObjectURL(new Blob([buffers[place]], { type: "image/jpeg" })));
        this.tiles.get(key)?.showPoster();
      });
    } else if (content?.type === "bytes") {
      const url = buffers.length ? URL.createObjectURL(new Blob([buffers[0]], { type: "video/mp4" })) : "";
      if (url) this.blobs.set(content.key, url);
      for (const done of this.waiting.get(content.key) ?? []) done(url);
      this.waiting.delete(content.key);
    }
  }

  /** Other views on this page have the same card. @param {Changes} changes */
  take({ clips, head, gone }) {
    const card = this.model.get("card");
    const places = new Map(card.clips.map((clip, place) => [clip.key, place]));
    for (const clip of clips) card.clips[/** @type {number} */ (places.get(clip.key))] = clip;
    Object.assign(card, head);
    for (const name of gone) delete (/** @type {any} */ (card))[name];
    if (this.el.isConnected) this.update(card, clips);
  }

  /** Ask for the posters that can be seen, and stop what cannot. @param {IntersectionObserverEntry[]} entries */
  onSeen(entries) {
    const keys = [];
    for (const entry of entries) {
      if (entry.target === this.root) this.follow(entry.isIntersecting);
      const tile = this.tiles.get(/** @type {HTMLElement} */ (entry.target).dataset.key ?? "");
      if (!tile) continue;
      tile.isSeen = entry.isIntersecting;
      if (!tile.isSeen) tile.stop();
      else if (!this.posters.has(tile.clip.key) && !this.wanted.has(tile.clip.key)) keys.push(tile.clip.key);
    }
    keys.forEach((key) => this.wanted.add(key));
    if (keys.length) this.model.send({ type: "need", keys });
  }

  /** @param {Card} card @param {Clip[]} changed */
  update(card, changed = [...card.clips, ...(card.earlier?.clips ?? [])]) {
    this.data = card;
    if (this.line.textContent !== card.line) this.line.textContent = card.line;
    if (this.live.textContent !== card.counts) this.live.textContent = card.counts;
    this.writeTop(card);
    this.lay(card);
    for (const clip of changed) this.tiles.get(clip.key)?.update(clip);
    this.tick();
  }

  /** The note, the question, what can be done with all, and the prompt of all. @param {Card} card */
  writeTop(card) {
    const signature = JSON.stringify([card.confirm, card.note, card.actions, card.prompt]);
    if (signature === this.topSignature) return;
    this.topSignature = signature;
    this.note.textContent = card.note ?? "";
    this.question.replaceChildren();
    if (card.confirm) {
      const { label, sum } = card.confirm;
      const answer = (/** @type {string} */ name) => () => this.act({ name, sum }, this.question);
      this.question.append(button(label, answer("confirm"), "yes"), button("Not now", answer("decline"), "no"));
    }
    const nodes = [];
    if (card.actions?.length) nodes.push(this.actionRow(card.actions, ""));
    if (card.prompt) nodes.push(folded(card.prompt, card.brief, "prompt shared"));
    this.top.replaceChildren(...nodes);
  }

  /** Put the tiles in their places, if those have changed. @param {Card} card */
  lay(card) {
    const { earlier } = card;
    const clips = [...card.clips, ...(earlier?.clips ?? [])];
    const shape = JSON.stringify([clips.map((clip) => clip.key), card.groups, card.is_table, earlier?.line]);
    if (shape === this.shape) return;
    this.shape = shape;
    const widths = card.clips.map((clip) => clip.width || Infinity);
    const width = Math.min(card.clips.length === 1 ? 640 : 320, ...widths);
    this.root.style.setProperty("--hailuo-tile", `${width}px`);
    this.grid.classList.toggle("hailuo-table", !!card.is_table);
    const keys = new Set(clips.map((clip) => clip.key));
    for (const [key, tile] of this.tiles) {
      if (keys.has(key)) continue;
      tile.stop();
      this.seen.unobserve(tile.root);
      this.tiles.delete(key);
    }
    for (const clip of clips) {
      if (this.tiles.has(clip.key)) continue;
      const tile = new Tile(this, clip);
      tile.root.dataset.key = clip.key;
      this.tiles.set(clip.key, tile);
      this.seen.observe(tile.root);
    }
    const groups = card.groups ?? [{ keys: card.clips.map((clip) => clip.key) }];
    this.grid.replaceChildren(...groups.flatMap((group) => [
      ...(group.head ? [make("div", "group", group.head)] : []),
      group.rows ? this.table(group, width) : this.flow(group.keys ?? []),
    ]));
    this.past.replaceChildren(...(earlier ? [this.version(earlier)] : []));
  }

  /** @param {string[]} keys @param {string} [name] */
  flow(keys, name = "flow") {
    const flow = make("div", name);
    flow.append(...keys.map((key) => /** @type {Tile} */ (this.tiles.get(key)).root));
    return flow;
  }

  /** A table; grid.css says which of its heads are seen. @param {Group} group @param {number} width */
  table({ columns = [], rows = [] }, width) {
    /** @param {string} role @param {string} name @param {(Node | string)[]} inside */
    const part = (role, name, ...inside) => {
      const node = make("div", name);
      node.role = role;
      node.append(...inside);
      return node;
    };
    const most = Math.max(...rows.flatMap((row) => row.cells.map((keys) => keys.length)));
    const takes = `flow takes${Math.min(most, 4)}`;
    /** @param {HTMLElement} node */
    const place = (node) => {
      node.style.maxWidth = `${most * (width + 12) - 12}px`;
      return node;
    };
    const heads = columns.map((head) => place(part("columnheader", "place head", head)));
    const lines = rows.map(({ head, cells }) => part("row", "line", part("rowheader", "rowhead head", head),
      ...cells.map((keys, at) => place(keys.length
        ? part("cell", "place", make("div", "colhead", columns[at]), this.flow(keys, takes)) : part("cell", "place none")))));
    const long = rows.some((row) => row.head.length > 22) ? " long" : "";
    return part("table", `lines of${columns.length}${long}`,
      part("row", "line heads", make("div", "rowhead"), ...heads), ...lines);
  }

  /** @param {Earlier} earlier */
  version({ line, title, was = [], now = [], clips, more }) {
    const details = make("details", "earlier");
    const summary = make("summary", "", line);
    summary.title = title;
    /** @param {string} said @param {Word[]} words @param {string} tag */
    const text = (said, words, tag) => {
      const node = make("div", "whole");
      node.append(`${said}: `, ...words.map((word) => make(word.is_changed ? tag : "span", "", word.text)));
      return node;
    };
    const past = make("div", "past");
    past.append(text("was", was, "del"), text("now", now, "ins"), this.flow(clips.map((clip) => clip.key)));
    if (more) past.append(make("div", "quiet", more));
    details.append(summary, past);
    return details;
  }

  /** @param {Action[]} actions @param {string} key */
  actionRow(actions, key) {
    const row = make("div", "actions");
    for (const action of actions) {
      const node = button(action.label, () => this.act({ name: action.name, key, sum: action.sum }, row));
      node.disabled = !action.is_enabled;
      node.dataset.name = `action-${action.name}`;
      if (action.title) node.title = action.title;
      row.append(node);
    }
    return row;
  }

  /** Tell the kernel, and say so if it does not answer soon. @param {object} action @param {HTMLElement} row */
  act(action, row) {
    this.model.send({ type: "action", ...action });
    for (const node of row.querySelectorAll("button")) node.disabled = true;
    this.later(BUSY_AFTER_MS, () => {
      if (row.isConnected && row.childElementCount) {
        row.append(make("span", "quiet", "The kernel is busy; this happens when it is free."));
      }
    });
  }

  /** @param {string} text @param {HTMLElement} node */
  async copy(text, node) {
    let said = "copied";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      said = "not allowed here"; // no clipboard without https or permission; the text is on the page
    }
    node.textContent = said;
    this.later(1600, () => { node.textContent = "copy"; });
  }

  /** @param {number} delay @param {() => void} job */
  later(delay, job) {
    if (this.isGone) return;
    const timer = window.setTimeout(() => { this.timers.delete(timer); job(); }, delay);
    this.timers.add(timer);
  }

  /** Show a clip as large as it is, over the page. @param {Clip} clip @param {HTMLElement} from */
  openFull(clip, from) {
    this.closeFull?.();
    const dialog = /** @type {HTMLDialogElement} */ (make("dialog", "full"));
    dialog.ariaLabel = titleOf(clip) || "clip";
    const video = document.createElement("video");
    Object.assign(video, { controls: true, loop: true, muted: true, playsInline: true });
    if (clip.width) video.style.maxWidth = `min(96vw, ${clip.width}px)`;
    const poster = this.posters.get(clip.key);
    if (poster) video.poster = poster;
    const foot = make("div", "row");
    const problem = make("span", "quiet");
    foot.append(line(titleOf(clip), "caption", "span"), problem, button("Close", () => dialog.close(), "no"));
    dialog.append(video, foot);
    document.body.append(dialog);
    const close = () => {
      if (this.closeFull !== close) return;
      this.closeFull = undefined;
      release(video);
      dialog.remove();
      if (from.isConnected) from.focus({ preventScroll: true });
    };
    this.closeFull = close;
    dialog.addEventListener("close", close);
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.showModal();
    this.load(video, clip, () => { problem.textContent = `Cannot be played here: ${clip.file}`; });
    video.play().catch(() => undefined);
  }

  tick() {
    for (const tile of this.tiles.values()) if (tile.isSeen && !tile.clip.is_final) tile.tick();
    const { clips, is_final, confirm, counts, until_ms, pace } = this.data;
    const isRunning = clips.length > 1 && !is_final && !confirm;
    let said = "";
    let part = 0;
    if (isRunning) {
      const left = until_ms ? (until_ms - this.now()) / 1000 : 0;
      said = left > 0 ? `${counts} · ${about(left)} left${pace ? ` ${pace}` : ""}` : counts;
      part = clips.reduce((sum, clip) => sum + this.partOf(clip) * (clip.is_final ? 1 : 0.5), 0) / clips.length;
    }
    this.track.hidden = !isRunning;
    if (this.left.textContent !== said) this.left.textContent = said;
    this.all.style.transform = `scaleX(${part.toFixed(3)})`;
  }

  /** By its usual time. @param {Clip} clip */
  partOf({ is_final, started_ms, typical_s }) {
    if (is_final) return 1;
    return started_ms && typical_s ? Math.min(0.97, (this.now() - started_ms) / 1000 / typical_s[1]) : 0;
  }

  destroy() {
    this.isGone = true;
    moved.delete(this);
    this.model.off("change:card", this.onCard);
    this.model.off("msg:custom", this.onMessage);
    this.model.off("comm_live_update", this.onLost);
    window.clearInterval(this.interval);
    for (const timer of this.timers) window.clearTimeout(timer);
    this.seen.disconnect();
    this.closeFull?.();
    for (const tile of this.tiles.values()) tile.stop();
    for (const url of [...this.posters.values(), ...this.blobs.values()]) URL.revokeObjectURL(url);
    this.showTwin();
    this.root.remove();
    if (this.isMoved) this.el.remove();
  }
}

/** The model as it is heard without any view. @type {Model | undefined} */
let lasting;
/** Those without a view. @type {Set<CardView>} */
const moved = new Set();

/** @param {{model: Model}} context @returns {() => void} */
function initialize({ model }) {
  lasting = model;
  return () => { for (const view of moved) view.destroy(); };
}

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const view = new CardView(lasting ?? model, el);
  return () => view.leave();
}

export default { initialize, render };
