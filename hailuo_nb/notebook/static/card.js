// @ts-check
/**
 * The live card of one cell.
 *
 * In comes the trait `card` (see hailuo_nb/notebook/view.py) and messages with posters and clips; out go `hello`,
 * `need`, `bytes` and `action` messages. The static twin of the card stands in the next output of the cell: this
 * module hides it while the widget lives, and takes the players' addresses from it, because there the front end has
 * resolved them. Text reaches the page through textContent alone.
 *
 * @typedef {{name: string, label: string, is_enabled?: boolean, title?: string}} Action
 * @typedef {{key: string, id?: string, name?: string, file?: string, src?: string, caption?: string, prompt?: string,
 *   brief?: string, status: string, word: string, icon: string, usual?: string, started_ms?: number,
 *   elapsed_s?: number, typical_s?: [number, number], price?: string, cost_note?: string, is_simulated?: boolean,
 *   cached_note?: string, width?: number, height?: number, error?: string, hint?: string, prediction_id?: string,
 *   note?: string, why?: string, actions?: Action[], is_final?: boolean}} Clip
 * @typedef {{batch: string, clips: Clip[], shared?: string, prompt?: string, brief?: string, headline?: string,
 *   is_simulated?: boolean, note?: string, confirm?: {label: string, sum: string}, actions?: Action[],
 *   groups?: {head: string, keys: string[]}[], left_s?: number, is_final?: boolean, is_table?: boolean,
 *   counts: string}} Card
 * @typedef {{get(name: "card"): Card, on(event: string, handler: Function): void,
 *   off(event: string, handler: Function): void, send(content: object): void}} Model
 */

const MAX_PLAYERS = 6; // Chromium keeps six connections to a host: a seventh player would stall Jupyter's own requests
const GONE = new Set(["failed", "cancelled", "abandoned"]);
const BUSY_AFTER_MS = 2500;

// eslint-disable-next-line no-control-regex
const UNSHOWABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Show controls and direction marks instead of obeying them. @param {string | undefined} text */
const plain = (text) => (text ?? "").replace(/\r\n/g, "\n").replace(UNSHOWABLE, "\ufffd");

/** @param {string} key */
const slug = (key) => key.replace(/[^A-Za-z0-9_-]/g, "-");

/**
 * Make an element.
 * @param {string} tag @param {string} [name] the class after "hailuo-" @param {string} [text]
 */
function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name.split(" ").map((part) => `hailuo-${part}`).join(" ");
  if (text !== undefined) node.textContent = plain(text);
  return node;
}

/** A button that looks like text. @param {string} label @param {(event: Event) => void} press @param {string} [name] */
function button(label, press, name = "button") {
  const node = /** @type {HTMLButtonElement} */ (make("button", name, label));
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

/** A time that passes: 12 s, 1:05, 1:02:05. @param {number} seconds */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** The players of all cards on the page, oldest first. @returns {{stop: () => void}[]} */
function players() {
  const name = Symbol.for("hailuo.players");
  return (/** @type {any} */ (window))[name] ??= [];
}

/** Make room for one more player; those of static twins (see hailuo_nb/notebook/handlers.py) count too. */
function makeRoom() {
  const all = players();
  const twins = [.../** @type {NodeListOf<HTMLVideoElement>} */ (document.querySelectorAll(".hailuo-twin video"))]
    .filter((one) => !one.paused);
  while (all.length + twins.length >= MAX_PLAYERS) {
    const [first] = twins.splice(0, 1);
    if (first) first.setAttribute("src", first.src); // its poster comes back
    else all[0].stop();
  }
}

/** Whether the system asks for less motion. */
const isCalm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A name for this page: after a reload it is another one. */
function page() {
  const name = Symbol.for("hailuo.page");
  return (/** @type {any} */ (window))[name] ??= Math.random().toString(36).slice(2);
}

/** Let go of a video's connection and memory. @param {HTMLVideoElement} video */
function release(video) {
  video.pause();
  video.removeAttribute("src");
  video.load();
  video.remove();
}

/** About two lines of a text, all of it on demand. @param {string} text @param {string} [brief] @param {string} [name] */
function folded(text, brief, name = "prompt") {
  if (!brief) {
    const line = make("div", name);
    line.append(make("bdi", "", text));
    return line;
  }
  const details = make("details", name);
  const summary = make("summary");
  summary.append(make("bdi", "", brief));
  const whole = make("div", "whole");
  whole.append(make("bdi", "", text));
  details.append(summary, whole);
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
    this.root = make("div", "clip");
    this.stage = make("div", "stage");
    this.frame = make("div", "frame");
    this.tools = make("div", "tools");
    this.acts = make("div", "acts");
    this.stage.append(this.frame, this.acts, this.tools);
    this.image = /** @type {HTMLImageElement} */ (make("img", "poster"));
    this.image.alt = "";
    this.image.hidden = true;
    this.badge = make("span", "badge");
    this.icon = make("span", "icon");
    this.icon.setAttribute("aria-hidden", "true");
    this.said = make("span");
    this.badge.append(this.icon, " ", this.said);
    this.bar = make("span", "bar");
    this.bar.setAttribute("aria-hidden", "true");
    this.body = make("div", "body");
    this.why = make("div", "why");
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
    const said = plain(`${clip.caption || clip.name || ""} ${clip.brief ?? clip.prompt ?? ""}`.trim());
    this.image.alt = said;
    if (this.isPlayable) {
      this.frame.setAttribute("role", "button");
      this.frame.tabIndex = 0;
      this.frame.setAttribute("aria-label", `Play full size: ${said}`);
      this.frame.title = "Click for full size";
    } else {
      for (const name of ["role", "tabindex", "aria-label", "title"]) this.frame.removeAttribute(name);
      this.stop();
    }
    this.showPoster();
    this.writeBody();
    this.tick();
  }

  /** Show a poster from the kernel, else the one of the twin. */
  showPoster() {
    const url = this.card.posterUrl(this.clip.key) ?? this.card.twinOf(this.clip)?.poster;
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
    const caption = make("span", "caption");
    caption.append(make("bdi", "", clip.caption || clip.name));
    this.word = make("span", "word");
    const isSimulated = clip.is_simulated || this.card.data.is_simulated;
    row.append(caption, this.word, make("span", "price", `${isSimulated ? "simulated " : ""}${clip.price ?? ""}`.trim()));
    const isRow = !!this.card.data.is_table; // a row has no room in its frame
    const why = isRow ? "" : clip.why;
    this.why.replaceChildren(...(why ? [make("bdi", "", why)] : []));
    this.why.hidden = !why;
    const remarks = [clip.error, clip.hint, clip.cached_note, clip.cost_note, clip.note];
    const lines = remarks.filter((text) => text && text !== why).map((text) => {
      const line = make("div", "quiet");
      line.append(make("bdi", "", text));
      return line;
    });
    const nodes = [row, ...lines];
    const acts = clip.actions?.length ? [this.card.actionRow(clip.actions, clip.key)] : [];
    this.acts.replaceChildren(...(isRow ? [] : acts));
    if (isRow) nodes.push(...acts);
    if (clip.prompt) nodes.push(folded(clip.prompt, clip.brief));
    if (clip.file && !GONE.has(clip.status)) nodes.push(this.filePath());
    nodes.push(this.writeTools());
    this.body.replaceChildren(...nodes);
    this.body.querySelectorAll("details").forEach((one, place) => { one.open = wasOpen[place] ?? false; });
    if (focused) /** @type {HTMLElement | null} */ (this.root.querySelector(`[data-name="${CSS.escape(focused)}"]`))?.focus();
  }

  /** Where the file is or will be. */
  filePath() {
    const { clip } = this;
    const isDone = clip.word === "done";
    const url = isDone ? this.card.urlOf(clip) : "";
    const line = make("div", "path");
    const name = /** @type {HTMLAnchorElement} */ (make(url ? "a" : "span"));
    if (url) Object.assign(name, { href: url, target: "_blank", rel: "noopener" });
    else if (isDone) this.card.later(800, () => { if (this.card.urlOf(clip)) this.writeBody(); }); // the twin comes next
    name.append(make("bdi", "", isDone ? clip.file : `will be ${clip.file}`));
    line.append(name);
    return line;
  }

  /** Copying the prompt, and facts on demand: in the corner of the frame, so that no line of the twin is missing. */
  writeTools() {
    const { clip } = this;
    const prompt = clip.prompt || this.card.data.prompt;
    const facts = [
      clip.id && `job ${clip.id}`, clip.prediction_id && `prediction ${clip.prediction_id}`, clip.status,
      clip.width && clip.height && `${clip.width} x ${clip.height}`, clip.elapsed_s && `took ${clock(clip.elapsed_s)}`,
    ].filter(Boolean).join(" · ");
    const more = make("div", "path", facts);
    const unfold = button("⋯", () => {
      this.isUnfolded = more.hidden;
      more.hidden = !this.isUnfolded;
      unfold.setAttribute("aria-expanded", String(this.isUnfolded));
    });
    more.hidden = !this.isUnfolded;
    unfold.title = "Ids and facts";
    unfold.setAttribute("aria-label", unfold.title);
    unfold.setAttribute("aria-expanded", String(!!this.isUnfolded));
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
      if (high) part = Math.min(0.97, elapsed / high);
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
    /** @type {Map<string, Tile>} */ this.tiles = new Map();
    /** @type {Map<string, string>} */ this.posters = new Map();
    /** @type {Map<string, string>} */ this.blobs = new Map();
    /** @type {Map<string, ((url: string) => void)[]>} */ this.waiting = new Map();
    /** @type {Set<string>} */ this.wanted = new Set();
    /** @type {Set<number>} */ this.timers = new Set();
    this.shape = "";
    this.root = make("div", "card");
    this.root.dataset.lmSuppressShortcuts = "true"; // Enter on a clip is no shortcut of the notebook
    this.head = make("div", "head");
    this.line = make("span", "headline");
    this.left = make("span", "left");
    this.all = make("span", "bar");
    this.track = make("span", "track");
    this.track.append(this.all);
    this.head.append(this.line, this.left, this.track);
    this.live = make("span", "spoken");
    this.live.setAttribute("role", "status");
    this.live.setAttribute("aria-live", "polite");
    this.question = make("div", "question");
    this.top = make("div", "top");
    this.grid = make("div", "grid");
    this.note = make("div", "quiet");
    this.root.append(this.head, this.live, this.note, this.question, this.top, this.grid);
    el.append(this.root);

    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { rootMargin: "400px" });
    this.onCard = () => { if (el.isConnected) this.update(model.get("card")); };
    /** @param {any} content @param {DataView[]} buffers */
    this.onMessage = (content, buffers) => this.receive(content, buffers);
    model.on("change:card", this.onCard);
    model.on("msg:custom", this.onMessage);
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

  get batchClass() {
    return `hailuo-b-${slug(this.data.batch)}`;
  }

  /**
   * Count seconds only while it can be seen, and hide the twin only while it is on the page: JupyterLab sometimes
   * makes a second view that it neither attaches nor removes.
   * @param {boolean} isSeen
   */
  follow(isSeen) {
    window.clearInterval(this.interval);
    if (this.isGone) return;
    if (this.el.isConnected) {
      if (!this.rule) this.hideTwin();
      this.update(this.model.get("card"));
    } else this.showTwin();
    if (isSeen) this.interval = window.setInterval(() => this.tick(), this.pause);
  }

  /** Hide the twin of this cell: by a rule, so that it stays hidden when it is rewritten, and shows if we die. */
  hideTwin() {
    this.area = this.el.closest(".jp-OutputArea");
    const mark = `hailuo-live-${slug(this.data.batch)}`;
    this.area?.classList.add(mark);
    const scope = this.area ? `.${mark} ` : "";
    this.rule = document.createElement("style");
    this.rule.textContent = `${scope}.${this.batchClass}{display:none !important}
${scope}.jp-OutputArea-child:has(> .jp-OutputArea-output > .${this.batchClass}){display:none !important}`;
    document.head.append(this.rule);
  }

  showTwin() {
    this.rule?.remove();
    this.rule = undefined;
    this.area?.classList.remove(`hailuo-live-${slug(this.data.batch)}`);
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

  /** @param {string} key */
  posterUrl(key) {
    return this.posters.get(key);
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
    if (content?.type === "now") {
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

  /** @param {Card} card */
  update(card) {
    this.data = card;
    const said = [card.is_simulated ? "simulated" : "", card.headline, card.shared].filter(Boolean).join(" · ");
    if (this.line.textContent !== plain(said)) this.line.textContent = plain(said);
    if (this.live.textContent !== card.counts) this.live.textContent = card.counts;
    this.writeTop(card);
    this.lay(card);
    for (const clip of card.clips) this.tiles.get(clip.key)?.update(clip);
    this.tick();
  }

  /** The note, the question, what can be done with all, and the prompt of all. @param {Card} card */
  writeTop(card) {
    const signature = JSON.stringify([card.confirm, card.note, card.actions, card.prompt]);
    if (signature === this.topSignature) return;
    this.topSignature = signature;
    this.note.textContent = plain(card.note);
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
    const shape = JSON.stringify([card.clips.map((clip) => clip.key), card.groups, card.is_table]);
    if (shape === this.shape) return;
    this.shape = shape;
    const one = card.clips.length === 1;
    const widths = card.clips.map((clip) => clip.width || Infinity);
    this.grid.style.setProperty("--hailuo-tile", `${Math.min(one ? 640 : 320, ...widths)}px`);
    this.grid.classList.toggle("hailuo-table", !!card.is_table);
    const keys = new Set(card.clips.map((clip) => clip.key));
    for (const [key, tile] of this.tiles) {
      if (keys.has(key)) continue;
      tile.stop();
      this.seen.unobserve(tile.root);
      this.tiles.delete(key);
    }
    for (const clip of card.clips) {
      if (this.tiles.has(clip.key)) continue;
      const tile = new Tile(this, clip);
      tile.root.dataset.key = clip.key;
      this.tiles.set(clip.key, tile);
      this.seen.observe(tile.root);
    }
    const nodes = (card.groups ?? [{ head: "", keys: [...keys] }]).flatMap((group) => {
      const flow = make("div", "flow");
      flow.append(...group.keys.map((key) => /** @type {Tile} */ (this.tiles.get(key)).root));
      return group.head ? [make("div", "group", group.head), flow] : [flow];
    });
    this.grid.replaceChildren(...nodes);
  }

  /** @param {Action[]} actions @param {string} key */
  actionRow(actions, key) {
    const row = make("div", "actions");
    for (const action of actions) {
      const node = button(action.label, () => this.act({ name: action.name, key }, row));
      node.disabled = !action.is_enabled;
      node.dataset.name = `action-${action.name}`;
      if (action.title) node.title = plain(action.title);
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
    dialog.setAttribute("aria-label", plain(clip.caption || clip.name || "clip"));
    const video = document.createElement("video");
    Object.assign(video, { controls: true, loop: true, muted: true, playsInline: true });
    if (clip.width) video.style.maxWidth = `min(96vw, ${clip.width}px)`;
    const poster = this.posterUrl(clip.key);
    if (poster) video.poster = poster;
    const foot = make("div", "row");
    const caption = make("span", "caption");
    caption.append(make("bdi", "", clip.caption || clip.name));
    const problem = make("span", "quiet");
    foot.append(caption, problem, button("Close", () => dialog.close(), "no"));
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
    this.load(video, clip, () => { problem.textContent = `Cannot be played here: ${plain(clip.file)}`; });
    video.play().catch(() => undefined);
  }

  tick() {
    for (const tile of this.tiles.values()) if (tile.isSeen && !tile.clip.is_final) tile.tick();
    const { clips, is_final, confirm, counts } = this.data;
    const isRunning = clips.length > 1 && !is_final && !confirm;
    let said = "";
    let part = 0;
    if (isRunning) {
      const left = this.data.left_s ?? this.guessLeft();
      said = left ? `${counts} · about ${clock(left)} left` : counts;
      part = clips.filter((clip) => clip.is_final).length / clips.length;
    }
    this.track.hidden = !isRunning;
    if (this.left.textContent !== said) this.left.textContent = said;
    this.all.style.transform = `scaleX(${part.toFixed(3)})`;
  }

  /** The longest typical time left, where every clip is on its way. */
  guessLeft() {
    let left = 0;
    for (const clip of this.data.clips) {
      if (clip.is_final) continue;
      if (!clip.started_ms || !clip.typical_s) return 0;
      left = Math.max(left, clip.typical_s[1] - (this.now() - clip.started_ms) / 1000);
    }
    return left;
  }

  destroy() {
    this.isGone = true;
    this.model.off("change:card", this.onCard);
    this.model.off("msg:custom", this.onMessage);
    window.clearInterval(this.interval);
    for (const timer of this.timers) window.clearTimeout(timer);
    this.seen.disconnect();
    this.closeFull?.();
    for (const tile of this.tiles.values()) tile.stop();
    for (const url of [...this.posters.values(), ...this.blobs.values()]) URL.revokeObjectURL(url);
    this.showTwin();
    this.root.remove();
  }
}

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const view = new CardView(model, el);
  return () => view.destroy();
}

export default { render };
