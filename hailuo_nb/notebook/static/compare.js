// @ts-check
/**
 * Clips side by side, in step. Follows page.js, step.js, words.js and tile.js in one module (notebook/scripts.py).
 *
 * In comes the trait `comparison` (see hailuo_nb/notebook/comparison.py) and messages with posters and clips; out go
 * `need`, `bytes` and `mark` messages. The static twin stands in the next output of the cell: this hides it
 * while the widget lives, and takes the players' addresses from it, because there the front end has resolved them.
 * Everything that plays is done here, since the kernel may be busy; only stars and notes go to it.
 *
 * @typedef {{key: string, column: number, row: number, tab: number[], caption: string, label: string, prompt: string,
 *   word: string, icon: string, why: string, file: string, width: number, height: number, fps: number,
 *   seconds: number, rating: number | null, remark: string, can_rate: boolean}} Clip
 * @typedef {{id: string, x: string, y: string, columns: string[], rows: string[],
 *   tabs: {name: string, values: string[]}[], shared: string, prompt: string, brief: string, is_simulated: boolean,
 *   counts: string, clips: Clip[]}} Comparison
 * @typedef {{rating?: number | null, remark?: string}} Marks
 */

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const BUSY_AFTER_MS = 1500;
const LEAST_COLUMN = 150;
const ICONS = {
  play: "M4 2.5v11l9-5.5z", pause: "M4 3h3v10H4zM9 3h3v10H9z", back: "M3 3h2v10H3zM13 3v10L6 8z", on: "M11 3h2v10h-2zM3 3v10l7-5z",
};
const MODES = [["side", "Side by side"], ["flip", "Flip"], ["wipe", "Wipe"], ["difference", "Difference"]];
const KEYS = [
  ["Space", "play or pause"], [", .", "one frame back or forth"], ["Home End", "to the start or the end"],
  ["< >", "slower or faster"], ["l", "loop"], ["m", "sound of the chosen clip"], ["z", "fit or 100 %"],
  ["arrows", "choose another clip"], ["1-5", "stars"], ["0", "take the stars back"], ["x", "reject"], ["n", "note"],
  ["[ ]", "move the chosen clip by a frame against the others"], ["r", "make it the reference"], ["p", "prompts"],
  ["s f w d", "side by side, flip, wipe, difference"], ["?", "these keys"],
];

/** @param {keyof typeof ICONS} name */
function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Minutes, seconds and hundredths: 0:02.13. @param {number} seconds */
function stamp(seconds) {
  const hundredths = Math.round(Math.max(0, seconds) * 100);
  return `${Math.floor(hundredths / 6000)}:${String(((hundredths % 6000) / 100).toFixed(2)).padStart(5, "0")}`;
}

/** The whole widget. */
class View {
  /** @param {Model} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.isGone = false;
    this.isAwake = false; // nothing is loaded before somebody wants to see it move
    this.mode = "side";
    this.isMuted = true;
    this.isOwnSize = false;
    this.reference = "";
    this.shape = "";
    this.count = 0;
    /** @type {number[]} */ this.tab = [];
    /** @type {Map<string, Tile>} */ this.tiles = new Map();
    /** @type {Map<string, number>} */ this.nudges = new Map();
    /** @type {Map<number, {key: string, marks: Marks}>} */ this.sent = new Map();
    /** @type {Set<number>} */ this.timers = new Set();
    /** @type {Set<string>} */ this.wanted = new Set();
    this.posters = new Blobs(model);
    this.blobs = new Blobs(model);
    this.step = new Step(() => this.showTime());
    /** @type {Comparison} */ this.data = model.get("comparison");
    this.head = make("div", "headline");
    this.tabs = make("div", "tabs");
    this.grid = make("div", "sides");
    this.panel = make("div", "panel");
    this.help = make("dl", "help", undefined, KEYS.map(([key, text]) => make("div", "", undefined, [make("dt", "", key), make("dd", "", text)])));
    this.panel.hidden = this.help.hidden = true;
    this.live = make("span", "quiet");
    this.live.setAttribute("role", "status");
    this.root = make("div", "compare live", undefined, [this.head, this.tabs, this.grid, this.writeBar(), this.live, this.panel, this.help]);
    this.root.dataset.lmSuppressShortcuts = "true"; // these keys are no shortcuts of the notebook
    this.root.tabIndex = -1;
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    el.append(this.root);
    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { threshold: 0.2 });
    this.sized = new ResizeObserver(() => this.fold());
    this.onChange = () => this.update(model.get("comparison"));
    this.onMessage = (/** @type {any} */ content, /** @type {DataView[]} */ buffers) => this.receive(content, buffers);
    model.on("change:comparison", this.onChange);
    model.on("msg:custom", this.onMessage);
    this.update(this.data);
    this.seen.observe(this.root);
    this.sized.observe(this.root);
  }

  get isMany() {
    return this.data.clips.length > 2;
  }

  /** @param {Clip} clip */
  fpsOf(clip) {
    return clip.fps || 24;
  }

  /** @param {string} key */
  clipOf(key) {
    return this.data.clips.find((clip) => clip.key === key);
  }

  // The bar

  writeBar() {
    const named = (/** @type {keyof typeof ICONS} */ name, /** @type {string} */ label, /** @type {() => void} */ press) => {
      const node = button("", press, label);
      node.setAttribute("aria-label", label);
      node.append(icon(name));
      return node;
    };
    this.play = named("play", "Play (space)", () => this.toggle());
    const back = named("back", "One frame back (,)", () => this.frame(-1));
    const on = named("on", "One frame on (.)", () => this.frame(1));
    this.time = make("span", "time");
    this.scrub = /** @type {HTMLInputElement} */ (make("input", "scrub"));
    Object.assign(this.scrub, { type: "range", min: "0", max: "1", step: "any", value: "0" });
    this.scrub.setAttribute("aria-label", "Place in the clips");
    this.scrub.addEventListener("pointerdown", () => { this.resume = this.step.isPlaying; });
    this.scrub.addEventListener("input", () => this.scrubTo(Number(this.scrub.value)));
    this.scrub.addEventListener("change", () => {
      if (this.resume) this.step.play();
      this.resume = false;
    });
    this.speed = /** @type {HTMLSelectElement} */ (make("select", "select"));
    this.speed.append(...SPEEDS.map((speed) => Object.assign(document.createElement("option"), { value: speed, textContent: `${speed}×` })));
    this.speed.value = "1";
    this.speed.setAttribute("aria-label", "Speed");
    this.speed.addEventListener("change", () => this.step.set({ speed: Number(this.speed.value) }));
    this.loop = button("Loop", () => { this.step.isLooping = !this.step.isLooping; this.showBar(); }, "Loop (l)");
    this.sound = button("Sound", () => this.mute(!this.isMuted), "Sound of the chosen clip (m)");
    this.size = button("100 %", () => { this.isOwnSize = !this.isOwnSize; this.showBar(); }, "Fit or 100 % (z)");
    this.share = button("By share", () => { this.step.set({ byShare: !this.step.byShare }); this.measure(); },
      "Unequal lengths: side by side in time, or by the share of each clip's length");
    this.modes = make("span", "modes", undefined, MODES.map(([mode, label]) => {
      const node = button(label, () => this.setMode(mode), `${label} (${mode[0]})`);
      node.dataset.mode = mode;
      return node;
    }));
    this.prompts = button("Prompts", () => this.showPanel(this.panel.hidden), "Prompts and how they differ (p)");
    this.hint = make("span", "hint quiet");
    this.question = button("?", () => this.showHelp(), "Keys");
    const bar = make("div", "bar", undefined, [back, this.play, on, this.scrub, this.time, this.speed, this.loop, this.sound,
      this.size, this.share, this.modes, this.prompts, this.question, this.hint]);
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Playback of all clips");
    return bar;
  }

  showBar() {
    const press = (/** @type {HTMLElement | undefined} */ node, /** @type {boolean} */ isOn) => node?.setAttribute("aria-pressed", String(isOn));
    press(this.loop, this.step.isLooping);
    press(this.sound, !this.isMuted);
    press(this.size, this.isOwnSize);
    press(this.share, this.step.byShare);
    press(this.prompts, !this.panel.hidden);
    press(this.question, !this.help.hidden);
    for (const node of this.modes?.querySelectorAll("button") ?? []) {
      press(node, node.dataset.mode === this.mode);
      node.disabled = this.pairOf().length < 2;
    }
    this.root.classList.toggle("hailuo-cv-own", this.isOwnSize);
    const lengths = this.data.clips.filter((clip) => clip.seconds).map((clip) => clip.seconds);
    if (this.share) this.share.hidden = Math.max(...lengths) - Math.min(...lengths) < 0.1;
    this.showTime();
  }

  showTime() {
    const { at, total, isPlaying } = this.step;
    const text = `${stamp(at)} / ${stamp(total)}`;
    if (this.time && this.time.textContent !== text) this.time.textContent = text;
    if (this.scrub) this.scrub.value = String(total ? at / total : 0);
    if (this.play && this.play.dataset.is !== String(isPlaying)) {
      this.play.dataset.is = String(isPlaying);
      this.play.replaceChildren(icon(isPlaying ? "pause" : "play"));
      this.play.title = isPlaying ? "Pause (space)" : "Play (space)";
      this.play.setAttribute("aria-label", this.play.title);
    }
  }

  /** The line of time is as long as the longest clip. */
  measure() {
    const seats = [...this.step.seats].map((seat) => seat.seconds);
    this.step.total = Math.max(0, ...(seats.length ? seats : this.data.clips.map((clip) => clip.seconds)));
    this.showBar();
  }

  // What is played

  /** Load what can be seen, at most as many as the page may play, the chosen one first. */
  wake() {
    this.isAwake = true;
    const all = this.pair ? this.pair.screens : [...this.tiles.values()].filter((tile) => tile.isSeen && tile.isPlayable);
    const chosen = all.find((screen) => screen === this.chosen);
    const live = (chosen ? [chosen, ...all.filter((screen) => screen !== chosen)] : all).slice(0, MAX_PLAYERS);
    for (const tile of this.tiles.values()) if (!live.includes(tile)) tile.stop();
    for (const screen of live) screen.start();
    if (this.hint) this.hint.textContent = all.length > live.length ? `${live.length} of ${all.length} in view play; choose a clip to play it` : "";
    this.mute(this.isMuted);
    this.measure();
  }

  toggle() {
    if (this.step.isPlaying) this.step.pause();
    else {
      this.wake();
      void this.step.play();
    }
  }

  /** @param {number} by */
  frame(by) {
    this.wake();
    const fps = this.fpsOf(this.chosen?.clip ?? this.data.clips[0]);
    this.step.halt();
    this.step.seek((Math.floor(this.step.at * fps + 0.01) + by + 0.5) / fps); // the middle of a frame is surely in it
  }

  /** @param {number} share */
  scrubTo(share) {
    if (!this.isAwake) this.wake();
    this.step.halt();
    this.step.seek(share * this.step.total);
  }

  /** @param {boolean} isMuted */
  mute(isMuted) {
    this.isMuted = isMuted;
    const heard = this.pair ? this.pair.screens[0] : this.chosen ?? [...this.tiles.values()][0];
    for (const screen of [...this.tiles.values(), ...(this.pair?.screens ?? [])]) {
      if (screen.seat) screen.seat.video.muted = isMuted || screen !== heard;
    }
    this.showBar();
  }

  /** @param {number} frames */
  nudge(frames) {
    const tile = this.chosen;
    if (!tile?.isPlayable) return;
    const { key } = tile.clip;
    const by = (this.nudges.get(key) ?? 0) + frames / this.fpsOf(tile.clip);
    this.nudges.set(key, Math.abs(by) < 1e-6 ? 0 : by);
    for (const screen of [tile, ...(this.pair?.screens ?? [])]) {
      if (screen.clip.key === key && screen.seat) screen.seat.nudge = by;
    }
    if (!this.step.isRunning) this.step.seek(this.step.at);
    tile.update(tile.clip);
  }

  /** The reference, and the chosen clip or the next one. */
  pairOf() {
    const there = this.data.clips.filter((clip) => clip.word === "done" && clip.tab.every((value, place) => value === this.tab[place]));
    const first = there.find((clip) => clip.key === this.reference) ?? there[0];
    const second = there.find((clip) => clip.key === this.chosen?.clip.key && clip !== first) ?? there.find((clip) => clip !== first);
    return first && second ? [first, second] : [];
  }

  /** @param {string} mode */
  setMode(mode) {
    const pair = this.pairOf();
    if (mode !== "side" && pair.length < 2) return;
    if (mode === "flip" && this.mode === "flip") this.pair?.flip();
    const wasPlaying = this.step.isPlaying;
    const { at } = this.step;
    this.mode = mode;
    if (mode === "side" || this.pair?.screens.some((screen, place) => screen.clip.key !== pair[place].key)) this.closePair();
    if (mode !== "side" && !this.pair) {
      for (const tile of this.tiles.values()) tile.stop();
      this.pair = new Pair(this, pair[0], pair[1]);
      this.grid.before(this.pair.root);
    }
    this.pair?.draw();
    this.grid.hidden = this.tabs.hidden = mode !== "side";
    if (mode === "side") this.tabs.hidden = !this.data.tabs.length;
    this.step.halt();
    this.wake();
    this.step.seek(at);
    if (wasPlaying) void this.step.play();
    // What had the focus may be hidden now; the keys go on working.
    const next = mode === "side" ? this.chosen?.root : this.pair?.slider.hidden ? this.root : this.pair?.slider;
    (next ?? this.root).focus({ preventScroll: true });
    this.showBar();
  }

  closePair() {
    for (const screen of this.pair?.screens ?? []) screen.stop();
    this.pair?.root.remove();
    this.pair = undefined;
  }

  // What is chosen, said and read

  /** @param {Tile} tile @param {boolean} [isPointed] */
  choose(tile, isPointed = false) {
    if (this.chosen !== tile) {
      if (this.chosen) this.chosen.root.tabIndex = -1;
      this.chosen = tile;
      for (const each of this.tiles.values()) each.root.classList.toggle("hailuo-cv-chosen", each === tile);
      tile.root.tabIndex = 0;
      if (this.isAwake && !tile.seat && tile.isPlayable) tile.start();
      this.mute(this.isMuted);
    }
    if (isPointed && !this.isOwnSize) tile.root.focus({ preventScroll: true });
  }

  /** @param {number} column @param {number} row */
  walk(column, row) {
    const all = [...this.tiles.values()];
    const from = (this.chosen ?? all[0])?.clip;
    if (!from) return;
    const grid = this.data.columns.length * this.data.rows.length > 0;
    const place = all.findIndex((tile) => tile.clip.key === from.key);
    const next = grid
      ? all.find(({ clip }) => clip.column === from.column + column && clip.row === from.row + row)
      : all[place + column + row];
    next?.root.focus();
    next?.root.scrollIntoView({ block: "nearest", behavior: isCalm() ? "auto" : "smooth" });
  }

  /** @param {Clip} clip @returns {Marks} */
  marksOf(clip) {
    const mine = [...this.sent.values()].filter((one) => one.key === clip.key).map((one) => one.marks);
    return Object.assign({ rating: clip.rating, remark: clip.remark }, ...mine);
  }

  /** Write down at once; while the kernel is busy it is shown and counted as waiting. @param {string} key @param {Marks} marks */
  mark(key, marks) {
    this.count += 1;
    this.sent.set(this.count, { key, marks });
    this.model.send({ type: "mark", n: this.count, key, ...marks });
    this.redraw(key);
    this.later(BUSY_AFTER_MS, () => this.showWaiting());
  }

  showWaiting() {
    const count = this.sent.size;
    this.tell(count ? `The kernel is busy: ${count === 1 ? "1 mark waits" : `${count} marks wait`} and will be written when it is free.` : "");
  }

  /** @param {string} text */
  tell(text) {
    if (this.live.textContent !== text) this.live.textContent = text;
  }

  /** @param {string} key */
  redraw(key) {
    const clip = this.clipOf(key);
    if (clip) this.tiles.get(key)?.update(clip);
  }

  /** @param {boolean} isOpen */
  showPanel(isOpen) {
    this.panel.hidden = !isOpen;
    if (isOpen) this.writePanel();
    this.redraw(this.reference);
    this.showBar();
  }

  /** The prompts, each against the reference. */
  writePanel() {
    const { clips, prompt } = this.data;
    const reference = this.clipOf(this.reference) ?? clips[0];
    if (prompt) {
      this.panel.replaceChildren(said("div", "prompt", prompt));
      return;
    }
    this.panel.replaceChildren(...clips.map((clip) => {
      const isIt = clip === reference;
      const choose = button(isIt ? "reference" : "compare with this", () => this.refer(clip.key));
      choose.disabled = isIt;
      const head = make("div", "row", undefined, [said("span", "caption", clip.label || clip.file), choose]);
      const text = make("bdi", "", undefined, isIt ? [plain(clip.prompt)] : wordMarks(reference.prompt, clip.prompt));
      return make("div", "entry", undefined, [head, make("div", "prompt", undefined, [text])]);
    }));
  }

  /** @param {string} key */
  refer(key) {
    const old = this.reference;
    this.reference = key;
    for (const each of [old, key]) this.redraw(each);
    if (!this.panel.hidden) this.writePanel();
    if (this.pair) this.setMode(this.mode);
  }

  showHelp() {
    this.help.hidden = !this.help.hidden;
    this.showBar();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("textarea, select")) return;
    if (target.closest("button") && (key === " " || key === "Enter")) return;
    if (target.closest("input") && /^(Arrow|Home|End|Page)/.test(key)) return;
    const clip = this.chosen?.clip;
    const canRate = clip?.can_rate && clip.word === "done";
    const rate = (/** @type {number | null} */ rating) => { if (clip && canRate) this.mark(clip.key, { rating }); };
    const speed = (/** @type {number} */ by) => {
      const next = SPEEDS[SPEEDS.indexOf(this.step.speed) + by];
      if (!next || !this.speed) return;
      this.speed.value = String(next);
      this.step.set({ speed: next });
    };
    /** @type {Record<string, () => void>} */
    const keys = {
      " ": () => this.toggle(), ",": () => this.frame(-1), ".": () => this.frame(1), "<": () => speed(-1), ">": () => speed(1),
      Home: () => this.scrubTo(0), End: () => this.scrubTo(1), l: () => this.loop?.click(), m: () => this.mute(!this.isMuted),
      z: () => this.size?.click(), x: () => rate(0), 0: () => rate(null), n: () => this.chosen?.write(),
      "[": () => this.nudge(-1), "]": () => this.nudge(1), r: () => { if (clip) this.refer(clip.key); },
      p: () => this.showPanel(this.panel.hidden), s: () => this.setMode("side"), f: () => this.setMode("flip"),
      w: () => this.setMode("wipe"), d: () => this.setMode("difference"), "?": () => this.showHelp(),
      ArrowLeft: () => this.walk(-1, 0), ArrowRight: () => this.walk(1, 0), ArrowUp: () => this.walk(0, -1), ArrowDown: () => this.walk(0, 1),
    };
    for (let star = 1; star <= 5; star += 1) keys[star] = () => rate(star);
    if (!keys[key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[key]();
  }

  /** At 100 % all show the same part. @param {Tile} from */
  pan(from) {
    if (!this.isOwnSize || this.panning) return;
    this.panning = true;
    const { scrollLeft, scrollTop } = from.frame;
    for (const tile of this.tiles.values()) if (tile !== from) Object.assign(tile.frame, { scrollLeft, scrollTop });
    requestAnimationFrame(() => { this.panning = false; });
  }

  // Places

  /** @param {Comparison} data */
  update(data) {
    this.data = data;
    if (!this.clipOf(this.reference)) this.reference = data.clips[0]?.key ?? "";
    this.tab = data.tabs.map((_, place) => this.tab[place] ?? 0);
    const words = [data.is_simulated ? "simulated" : "", data.shared, data.counts];
    this.head.replaceChildren(said("span", "", words.filter(Boolean).join(" · ")));
    this.lay();
    for (const clip of data.clips) this.redraw(clip.key);
    if (!this.panel.hidden) this.writePanel();
    if (this.isAwake) this.soon();
    this.measure();
  }

  /** Put the tiles of the chosen tab in their places, if those have changed. */
  lay() {
    const { clips, columns, rows, tabs, x, y } = this.data;
    const shape = JSON.stringify([columns, rows, tabs, this.tab, clips.map((clip) => [clip.key, clip.column, clip.row, clip.tab])]);
    if (shape === this.shape) return;
    this.shape = shape;
    this.seen.disconnect();
    for (const tile of this.tiles.values()) tile.stop();
    this.tiles.clear();
    this.chosen = undefined;
    for (const clip of clips) {
      if (clip.tab.some((value, place) => value !== this.tab[place])) continue;
      this.tiles.set(clip.key, new Tile(this, clip));
    }
    const all = [...this.tiles.values()];
    if (all[0]) all[0].root.tabIndex = 0;
    const widest = Math.min(640, ...clips.map((clip) => clip.width || 640));
    this.grid.style.setProperty("--hailuo-wide", `${widest}px`);
    this.grid.style.setProperty("--hailuo-columns", String(Math.max(1, columns.length)));
    this.grid.className = `hailuo-cv-sides hailuo-cv-${x || y ? (y ? "table" : "line-up") : "flow"}`;
    /** @type {Node[]} */ const nodes = [];
    if (columns.length) nodes.push(...(y ? [make("div", "corner")] : []), ...columns.map((text) => said("div", "column", text)));
    for (let row = 0; (x || y) && row < Math.max(1, rows.length); row += 1) {
      if (y) nodes.push(said("div", "head", rows[row]));
      for (let column = 0; column < Math.max(1, columns.length); column += 1) {
        const here = all.filter(({ clip }) => clip.row === row && clip.column === column);
        const cell = make("div", "cell", undefined, here.map((tile) => tile.root));
        cell.dataset.column = plain(columns[column]);
        nodes.push(cell);
      }
    }
    this.grid.replaceChildren(...(x || y ? nodes : all.map((tile) => tile.root)));
    this.seen.observe(this.root);
    for (const tile of all) this.seen.observe(tile.root);
    this.writeTabs();
    this.fold();
  }

  writeTabs() {
    const { tabs } = this.data;
    this.tabs.hidden = !tabs.length || !!this.pair;
    this.tabs.replaceChildren(...tabs.map(({ name, values }, place) => {
      const group = make("span", "tab", undefined, [make("span", "quiet", name)]);
      group.append(...values.map((value, number) => {
        const node = button(value, () => { this.tab[place] = number; this.lay(); this.tabs.querySelectorAll("button")[0]?.focus(); });
        node.setAttribute("aria-pressed", String(this.tab[place] === number));
        return node;
      }));
      return group;
    }));
  }

  /** Where the columns would be too narrow, they stand under each other. */
  fold() {
    const room = this.grid.clientWidth || this.root.clientWidth;
    this.grid.classList.toggle("hailuo-cv-folded", room > 0 && room / Math.max(1, this.data.columns.length) < LEAST_COLUMN);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  onSeen(entries) {
    const keys = [];
    for (const entry of entries) {
      if (entry.target === this.root) this.follow();
      const tile = this.tiles.get(/** @type {HTMLElement} */ (entry.target).dataset.key ?? "");
      if (!tile) continue;
      tile.isSeen = entry.isIntersecting;
      if (!tile.isSeen) tile.stop();
      else if (!tile.image.src && !this.wanted.has(tile.clip.key)) keys.push(tile.clip.key);
    }
    keys.forEach((key) => this.wanted.add(key));
    if (keys.length) this.model.send({ type: "need", keys });
    if (this.isAwake) this.soon();
  }

  /** After scrolling has come to rest, play what is seen. */
  soon() {
    window.clearTimeout(this.settling);
    this.settling = window.setTimeout(() => { if (!this.isGone && !this.pair) this.wake(); }, 150);
  }

  // The kernel and the twin

  /** Hide the twin only while this is on the page: JupyterLab sometimes makes a view that it neither attaches nor removes. */
  follow() {
    if (!this.el.isConnected || this.rule || this.isGone) return;
    const name = `hailuo-b-${slug(this.data.id)}`;
    this.area = this.el.closest(".jp-OutputArea");
    this.rule = document.createElement("style");
    this.rule.textContent = `.${name}, .jp-OutputArea-child:has(> .jp-OutputArea-output > .${name}){display:none !important}`;
    document.head.append(this.rule);
    for (const tile of this.tiles.values()) tile.showPoster();
  }

  /** What the twin knows of a clip. @param {string} key */
  twinOf(key) {
    const node = (this.area ?? document).querySelector(`.hailuo-b-${slug(this.data.id)} .hailuo-k-${slug(key)}`);
    return node instanceof HTMLVideoElement ? { src: node.src, poster: node.poster } : undefined;
  }

  /** Give a video its clip: by address, else by bytes from the kernel. @param {HTMLVideoElement} video @param {string} key @param {() => void} fail */
  load(video, key, fail) {
    const url = this.blobs.urls.get(key) ?? this.twinOf(key)?.src ?? "";
    const isGood = /^(https?|blob|vscode-[\w-]+):/.test(url);
    const ask = () => this.blobs.fetch(key, (blob) => {
      if (blob && video.isConnected) video.src = blob;
      else if (!blob) fail();
    });
    video.addEventListener("error", () => { if (video.getAttribute("src") === url && !url.startsWith("blob:")) ask(); }, { once: true });
    if (isGood) video.src = url;
    else ask();
  }

  /** @param {any} content @param {DataView[]} buffers */
  receive(content, buffers) {
    if (content?.type === "posters") {
      content.keys.forEach((/** @type {string} */ key, /** @type {number} */ place) => {
        this.posters.keep(key, buffers[place], "image/jpeg");
        this.tiles.get(key)?.showPoster();
      });
    } else if (content?.type === "bytes") this.blobs.keep(content.key, buffers[0]);
    else if (content?.type === "kept") {
      const mark = this.sent.get(content.n);
      this.sent.delete(content.n);
      const clip = mark && this.clipOf(mark.key);
      if (clip && !content.error) Object.assign(clip, mark.marks); // the trait says the same a moment later
      if (mark) this.redraw(mark.key);
      if (content.error) this.tell(plain(content.error));
      else this.showWaiting();
    }
  }

  /** @param {number} delay @param {() => void} job */
  later(delay, job) {
    const timer = window.setTimeout(() => { this.timers.delete(timer); job(); }, delay);
    this.timers.add(timer);
  }

  destroy() {
    this.isGone = true;
    this.model.off("change:comparison", this.onChange);
    this.model.off("msg:custom", this.onMessage);
    window.clearTimeout(this.settling);
    for (const timer of this.timers) window.clearTimeout(timer);
    this.seen.disconnect();
    this.sized.disconnect();
    this.closePair();
    for (const tile of this.tiles.values()) tile.stop();
    this.step.destroy();
    this.posters.clear();
    this.blobs.clear();
    this.rule?.remove();
    this.root.remove();
  }
}

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const view = new View(model, el);
  return () => view.destroy();
}

export default { render };
