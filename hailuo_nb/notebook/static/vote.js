// @ts-check
/**
 * Two clips, four answers, and how many are left. Follows page.js and step.js in one module (notebook/scripts.py).
 *
 * In comes the trait `vote` and the two clips as bytes; out go `bytes`, `vote` and `undo` messages. The page is told two
 * tokens without meaning, never a name, a path or a price: whoever votes can find nothing here that says which is which.
 * Both clips are loaded before either shows, have the same place and size, and are seen through once before a vote counts.
 *
 * @typedef {{id: string, tokens: [string, string] | null, left: number, can_undo: boolean, over: string}} Vote
 */

const ANSWERS = [
  ["left", "←", "Left", "Upper"], ["tie", "↑", "Equal", ""], ["both_bad", "↓", "Both bad", ""], ["right", "→", "Right", "Lower"],
];
const ANSWER_KEYS = new Map([["ArrowLeft", "left"], ["ArrowRight", "right"], ["ArrowUp", "tie"], ["ArrowDown", "both_bad"]]);
const BUSY_AFTER_MS = 1500;
const NARROW = 560;

/** One of the two places. */
class Side {
  /** @param {VoteView} view @param {string} name */
  constructor(view, name) {
    this.view = view;
    this.isSeen = false;
    /** @type {import("./step.js").Seat | null} */ this.seat = null;
    this.track = make("span", "track");
    this.root = make("div", "place", undefined, [this.track]);
    this.root.setAttribute("role", "img");
    this.root.setAttribute("aria-label", `${name} clip`);
    this.root.addEventListener("click", () => view.toggle());
  }

  /** @param {string} url @param {() => void} done */
  load(url, done) {
    makeRoom();
    players().push(this);
    const video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, preload: "auto", tabIndex: -1, className: "hailuo-cv-video" });
    this.seat = { video, seconds: 1, nudge: 0 };
    video.addEventListener("loadedmetadata", () => { if (this.seat) this.seat.seconds = video.duration; });
    video.addEventListener("canplaythrough", done, { once: true });
    video.addEventListener("error", () => { if (video.getAttribute("src")) this.view.fail(); });
    this.root.prepend(video);
    video.src = url;
    this.view.step.add(this.seat);
  }

  /** How much was seen. */
  watch() {
    if (!this.seat) return;
    const { video, seconds } = this.seat;
    if (video.ended || video.currentTime >= seconds - 0.08) this.isSeen = true;
    this.track.style.transform = `scaleX(${this.isSeen ? 1 : Math.min(1, video.currentTime / seconds).toFixed(3)})`;
  }

  stop() {
    const all = players();
    if (all.includes(this)) all.splice(all.indexOf(this), 1);
    if (!this.seat) return;
    this.view.step.drop(this.seat);
    release(this.seat.video);
    this.seat = null;
    this.view.leave();
  }
}

class VoteView {
  /** @param {Model} model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.isGone = this.isShown = this.isVisible = this.isWaiting = false;
    this.shown = "";
    this.startedAt = 0;
    this.blobs = new Blobs(model);
    this.step = new Step(() => this.watch());
    this.sides = [new Side(this, "first"), new Side(this, "second")];
    this.buttons = ANSWERS.map(([answer, key, wide, narrow]) => {
      const node = button("", () => this.answer(answer));
      node.append(make("kbd", "", key), " ", make("span", narrow ? "wide" : "", wide), ...(narrow ? [make("span", "narrow", narrow)] : []));
      node.dataset.answer = answer;
      return node;
    });
    this.undo = button("Undo", () => this.takeBack());
    this.left = make("span", "left");
    this.line = make("span", "line");
    this.line.setAttribute("role", "status");
    this.pair = make("div", "two", undefined, this.sides.map((side) => side.root));
    this.bar = make("div", "answers", undefined, this.buttons);
    this.foot = make("div", "row", undefined, [this.line, this.undo, this.left]);
    this.root = make("div", "vote live", undefined, [this.pair, this.bar, this.foot]);
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Which clip is better? Arrow keys answer: left, right, up for equal, down for both bad. Space plays.");
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.onChange = () => this.update(model.get("vote"));
    this.onMessage = (/** @type {any} */ content, /** @type {DataView[]} */ buffers) => this.receive(content, buffers);
    model.on("change:vote", this.onChange);
    model.on("msg:custom", this.onMessage);
    el.append(this.root);
    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), { threshold: 0.3 });
    this.sized = new ResizeObserver(() => this.root.classList.toggle("hailuo-cv-folded", this.root.clientWidth < NARROW));
    this.seen.observe(this.root);
    this.sized.observe(this.root);
    this.update(model.get("vote"));
  }

  /** @param {Vote} vote */
  update(vote) {
    this.vote = vote;
    this.isWaiting = false;
    window.clearTimeout(this.busy);
    this.left.textContent = vote.tokens ? `${vote.left} left` : "";
    const pair = JSON.stringify(vote.tokens);
    if (pair !== this.shown) {
      this.shown = pair;
      this.put();
    }
    this.tell(vote.over);
    this.enable();
  }

  /** Put away the last pair, and load the next one. */
  put() {
    this.isShown = false;
    this.isBroken = false;
    for (const side of this.sides) side.stop();
    for (const side of this.sides) side.isSeen = false;
    this.blobs.clear();
    this.step.halt();
    this.step.at = 0;
    this.root.classList.remove("hailuo-cv-shown");
    this.pair.hidden = this.bar.hidden = !this.vote?.tokens;
    this.loadIfSeen();
  }

  /** Load both; when both can be played through, show both. */
  loadIfSeen() {
    const tokens = this.vote?.tokens;
    if (!tokens || !this.isVisible || this.isGone || this.isBroken || this.sides.every((side) => side.seat)) return;
    const pair = this.shown;
    this.isLoading = true;
    let ready = 0;
    const done = () => {
      ready += 1;
      if (ready === 2 && pair === this.shown) this.reveal();
    };
    this.sides.forEach((side, place) => this.blobs.fetch(tokens[place], (url) => {
      if (pair !== this.shown || side.seat || this.isGone) return;
      if (url) side.load(url, done);
      else this.fail();
    }));
    this.enable();
  }

  reveal() {
    const videos = this.sides.flatMap((side) => (side.seat ? [side.seat.video] : []));
    if (videos.length < 2) return;
    this.isLoading = false;
    this.isShown = true;
    this.startedAt = performance.now();
    this.step.total = Math.max(...videos.map((video) => video.duration));
    const [a, b] = videos.map((video) => video.videoWidth / video.videoHeight || 16 / 9);
    // Only where both have one shape: else a frame of another shape would tell them apart.
    this.pair.style.setProperty("--hailuo-shape", String(Math.abs(a - b) < 0.02 * a ? a : 16 / 9));
    this.root.classList.add("hailuo-cv-shown");
    if (!isCalm()) void this.step.play();
    this.enable();
  }

  /** A player was taken away. */
  leave() {
    this.step.halt();
    if (!this.isGone && this.isShown) {
      this.isShown = false;
      this.root.classList.remove("hailuo-cv-shown");
      for (const side of this.sides) if (side.seat) side.stop();
      this.enable();
    }
  }

  fail() {
    this.isBroken = true;
    this.isLoading = false;
    this.tell("One of these two cannot be played here; nothing was voted.");
  }

  watch() {
    if (!this.isShown) return;
    const before = this.isReady;
    for (const side of this.sides) side.watch();
    if (before !== this.isReady) this.enable();
  }

  get isReady() {
    return this.isShown && this.sides.every((side) => side.isSeen);
  }

  enable() {
    for (const node of this.buttons) node.disabled = !this.isReady || this.isWaiting;
    this.undo.hidden = !this.vote?.can_undo;
    this.undo.disabled = this.isWaiting;
    if (this.isWaiting || this.isBroken || this.vote?.over) return;
    if (this.isReady) this.tell("Which is better?");
    else if (this.isShown) this.tell(this.step.isPlaying ? "See both through once" : "Space plays");
    else this.tell(this.isLoading ? "Loading two clips" : "Space loads the two clips");
  }

  /** @param {string} text */
  tell(text) {
    if (this.line.textContent !== text) this.line.textContent = plain(text);
  }

  toggle() {
    if (!this.isShown) this.loadIfSeen();
    else if (this.step.isPlaying) this.step.pause();
    else void this.step.play();
    this.enable();
  }

  /** @param {string} answer */
  answer(answer) {
    const tokens = this.vote?.tokens;
    if (!tokens || this.isWaiting) return;
    if (!this.isReady) {
      this.enable();
      return;
    }
    this.send({ type: "vote", token: tokens[0], answer, took_ms: Math.round(performance.now() - this.startedAt) });
  }

  takeBack() {
    if (!this.isWaiting && this.vote?.can_undo) this.send({ type: "undo" });
  }

  /** @param {object} content */
  send(content) {
    this.isWaiting = true;
    this.model.send(content);
    this.enable();
    this.busy = window.setTimeout(() => this.tell("The kernel is busy; this is written when it is free"), BUSY_AFTER_MS);
    this.root.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (/** @type {HTMLElement} */ (event.target).closest("button") && (key === " " || key === "Enter")) return;
    const answer = ANSWER_KEYS.get(key);
    if (answer) this.answer(answer);
    else if (key === " ") this.toggle();
    else if (key === "u" || key === "Backspace") this.takeBack();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {any} content @param {DataView[]} buffers */
  receive(content, buffers) {
    if (content?.type === "bytes") this.blobs.keep(content.key, buffers[0]);
    else if (content?.type === "answered") {
      this.isWaiting = false;
      window.clearTimeout(this.busy);
      this.enable();
      if (content.error) this.tell(content.error);
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  onSeen(entries) {
    for (const entry of entries) this.isVisible = entry.isIntersecting;
    if (this.el.isConnected && !this.rule && this.vote) {
      const name = `hailuo-b-${slug(this.vote.id)}`;
      this.rule = document.createElement("style");
      this.rule.textContent = `.${name}, .jp-OutputArea-child:has(> .jp-OutputArea-output > .${name}){display:none !important}`;
      document.head.append(this.rule);
    }
    if (this.isVisible) this.loadIfSeen();
    else if (this.step.isPlaying) this.step.pause();
  }

  destroy() {
    this.isGone = true;
    this.model.off("change:vote", this.onChange);
    this.model.off("msg:custom", this.onMessage);
    window.clearTimeout(this.busy);
    this.seen.disconnect();
    this.sized.disconnect();
    for (const side of this.sides) side.stop();
    this.step.destroy();
    this.blobs.clear();
    this.rule?.remove();
    this.root.remove();
  }
}

/** @param {{model: Model, el: HTMLElement}} context @returns {() => void} */
function render({ model, el }) {
  const view = new VoteView(model, el);
  return () => view.destroy();
}

export default { render };
