// @ts-check
/**
 * Clips as they stand in a comparison; part of compare.js, as page.js is: a screen that can take one of the page's few
 * players, a tile of the grid with stars and a note, and two clips in the same spot.
 *
 * @typedef {import("./compare.js").Clip} Clip
 * @typedef {import("./compare.js").Marks} Marks
 * @typedef {import("./compare.js").View} View
 */

/** A frame in which a clip is, or will be; it can take a player. */
class Screen {
  /** @param {View} view @param {Clip} clip */
  constructor(view, clip) {
    this.view = view;
    this.clip = clip;
    this.isSeen = false;
    /** @type {import("./step.js").Seat | null} */ this.seat = null;
    this.image = /** @type {HTMLImageElement} */ (make("img", "poster"));
    this.image.alt = "";
    this.frame = make("div", "frame", undefined, [this.image]);
    this.showPoster();
  }

  get isPlayable() {
    return this.clip.word === "done";
  }

  showPoster() {
    const url = this.view.posters.urls.get(this.clip.key) ?? this.view.twinOf(this.clip.key)?.poster;
    if (url && this.image.src !== url) this.image.src = url;
    this.image.hidden = !url;
  }

  /** Take one of the page's few players. */
  start() {
    if (!this.isPlayable || this.seat || this.view.isGone) return;
    makeRoom();
    players().push(this);
    const { clip, view } = this;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, preload: "auto", className: "hailuo-cv-poster hailuo-cv-video", tabIndex: -1 });
    const seat = { video, seconds: clip.seconds || 1, nudge: view.nudges.get(clip.key) ?? 0 };
    this.seat = seat;
    video.addEventListener("loadedmetadata", () => {
      seat.seconds = video.duration || seat.seconds;
      view.measure();
      if (!view.step.isRunning) view.step.move(seat, view.step.target(seat));
    });
    this.image.after(video);
    view.load(video, clip.key, () => this.fail());
    view.step.add(seat);
  }

  fail() {
    this.stop();
    this.view.tell(`Cannot be played here: ${plain(this.clip.file)}`);
  }

  stop() {
    const all = players();
    if (all.includes(this)) all.splice(all.indexOf(this), 1);
    if (!this.seat) return;
    this.view.step.drop(this.seat);
    release(this.seat.video);
    this.seat = null;
  }
}

/** One clip of the grid: its screen, and what a person says about it. */
class Tile extends Screen {
  /** @param {View} view @param {Clip} clip */
  constructor(view, clip) {
    super(view, clip);
    this.badge = make("span", "badge");
    this.why = make("div", "why");
    this.frame.append(this.badge, this.why);
    this.foot = make("div", "foot");
    this.root = make("div", "tile", undefined, [this.frame, this.foot]);
    this.root.dataset.key = clip.key;
    this.root.tabIndex = -1;
    this.root.setAttribute("role", "group");
    this.root.addEventListener("focusin", () => view.choose(this));
    this.frame.addEventListener("pointerdown", () => view.choose(this, true));
    this.frame.addEventListener("scroll", () => view.pan(this), { passive: true });
    this.signature = "";
    this.update(clip);
  }

  /** @param {Clip} clip */
  update(clip) {
    const marks = this.view.marksOf(clip);
    const isReference = this.view.reference === clip.key && !this.view.panel.hidden;
    const signature = JSON.stringify([clip, marks, isReference, this.isWriting, this.view.nudges.get(clip.key)]);
    if (signature === this.signature) return;
    this.signature = signature;
    this.clip = clip;
    this.root.dataset.word = clip.word;
    this.root.setAttribute("aria-label", plain(clip.label || clip.file));
    this.badge.textContent = `${clip.icon} ${clip.word}`;
    this.badge.hidden = this.isPlayable;
    this.why.replaceChildren(said("span", "", clip.why));
    this.why.hidden = this.isPlayable || !clip.why;
    this.frame.style.setProperty("--hailuo-own", clip.width ? `${clip.width}px` : "auto");
    if (!this.isPlayable) this.stop();
    this.showPoster();
    const focused = this.foot.contains(document.activeElement) && /** @type {HTMLElement} */ (document.activeElement).dataset.name;
    this.foot.replaceChildren(...this.lines(marks, isReference));
    if (focused) /** @type {HTMLElement | null} */ (this.foot.querySelector(`[data-name="${focused}"]`))?.focus();
  }

  /** @param {Marks} marks @param {boolean} isReference */
  lines(marks, isReference) {
    const { clip, view } = this;
    const row = make("div", "row");
    const frames = Math.round((view.nudges.get(clip.key) ?? 0) * view.fpsOf(clip));
    const notes = [isReference ? "reference" : "", frames ? `${frames > 0 ? "+" : "−"}${Math.abs(frames)} fr.` : ""];
    row.append(said("span", "caption", [clip.caption, ...notes].filter(Boolean).join(" · ")));
    if (clip.can_rate && this.isPlayable) row.append(this.stars(marks));
    const nodes = [row];
    if (this.isWriting) nodes.push(this.editor(marks.remark ?? ""));
    else if (marks.remark) nodes.push(said("div", "remark", marks.remark));
    return nodes;
  }

  /** @param {Marks} marks */
  stars(marks) {
    const { clip, view } = this;
    const row = make("span", "stars");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", marks.rating === 0 ? "rejected" : marks.rating ? `${marks.rating} of 5 stars` : "no stars yet");
    const add = (/** @type {string} */ name, /** @type {HTMLButtonElement} */ node, /** @type {boolean} */ isOn) => {
      node.dataset.name = name;
      node.setAttribute("aria-label", `${name}: ${plain(clip.label)}`);
      node.setAttribute("aria-pressed", String(isOn));
      row.append(node);
    };
    for (let star = 1; star <= 5; star += 1) {
      const isOn = (marks.rating ?? 0) >= star;
      const rating = marks.rating === star ? null : star;
      add(`star ${star}`, button(isOn ? "★" : "☆", () => view.mark(clip.key, { rating }), `${star} of 5 (key ${star})`), isOn);
    }
    const isOut = marks.rating === 0;
    add("reject", button(isOut ? "rejected" : "reject", () => view.mark(clip.key, { rating: isOut ? null : 0 }), "Reject (key x)"), isOut);
    add("note", button("note", () => this.write(), "Write a note (key n)"), !!marks.remark);
    return row;
  }

  /** @param {string} text */
  editor(text) {
    const area = /** @type {HTMLTextAreaElement} */ (make("textarea", "note"));
    area.value = text;
    area.rows = 2;
    area.maxLength = 2000;
    area.dataset.name = "editor";
    area.setAttribute("aria-label", `Note on ${plain(this.clip.label)}`);
    const end = (/** @type {boolean} */ isKept) => {
      if (!this.isWriting) return;
      this.isWriting = false;
      if (isKept && area.value.trim() !== text) this.view.mark(this.clip.key, { remark: area.value.trim() });
      else this.update(this.clip);
      this.root.focus({ preventScroll: true });
    };
    area.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        end(event.key === "Enter");
      }
    });
    area.addEventListener("blur", () => end(true));
    return area;
  }

  write() {
    if (!this.clip.can_rate || !this.isPlayable) return;
    this.isWriting = true;
    this.update(this.clip);
    this.foot.querySelector("textarea")?.focus();
  }
}

/** Two clips in the same spot. */
class Pair {
  /** @param {View} view @param {Clip} under @param {Clip} over */
  constructor(view, under, over) {
    this.view = view;
    this.screens = [under, over].map((clip) => new Screen(view, clip));
    this.isFlipped = false;
    this.at = { wipe: "50", difference: "0" }; // where the line is, and how much a difference is amplified
    const [below, above] = this.screens.map((screen) => screen.frame);
    above.classList.add("hailuo-cv-over");
    this.line = make("span", "line");
    this.slider = /** @type {HTMLInputElement} */ (make("input", "slider"));
    Object.assign(this.slider, { type: "range", min: "0", max: "100", step: "0.5", value: "50" });
    this.slider.addEventListener("input", () => {
      if (view.mode === "wipe" || view.mode === "difference") this.at[view.mode] = this.slider.value;
      this.draw();
    });
    this.stage = make("div", "stage", undefined, [below, above, this.line, this.slider]);
    this.stage.style.setProperty("--hailuo-wide", `${Math.max(under.width, over.width) || 1280}px`);
    this.stage.addEventListener("click", () => { if (view.mode === "flip") this.flip(); });
    this.names = make("div", "row names");
    this.root = make("div", "pair", undefined, [this.stage, this.names]);
    this.draw();
  }

  flip() {
    this.isFlipped = !this.isFlipped;
    this.draw();
  }

  draw() {
    const { mode } = this.view;
    const [under, over] = this.screens.map((screen) => plain(screen.clip.label || screen.clip.file));
    if (mode === "wipe" || mode === "difference") this.slider.value = this.at[mode];
    const share = Number(this.slider.value);
    this.stage.dataset.mode = mode;
    this.stage.style.setProperty("--hailuo-cut", mode === "wipe" ? `${share}%` : "0%");
    this.stage.style.setProperty("--hailuo-gain", mode === "difference" ? String(1 + Math.round(share / 10)) : "1");
    this.screens[1].frame.style.visibility = mode === "flip" && !this.isFlipped ? "hidden" : "";
    this.slider.hidden = mode === "flip";
    this.slider.setAttribute("aria-label", mode === "wipe" ? `Wipe between ${under} and ${over}` : "Gain of the difference");
    const text = {
      wipe: [under, over], flip: [this.isFlipped ? over : under, "click or f to flip"],
      difference: [`${under} against ${over}`, `gain ${1 + Math.round(share / 10)}×`],
    }[mode] ?? [under, over];
    this.names.replaceChildren(...text.map((each) => said("span", "caption", each)));
  }
}
