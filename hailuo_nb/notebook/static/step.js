// @ts-check
/**
 * Several videos on one clock. The measures are in tests/browser/test_browser_step.py: left alone, one that starts
 * 300 ms late stays 300 ms late.
 *
 * All wait until each can play through, are set to one place and started together; from then on each is held against the
 * one in the middle: more than 250 ms off is a seek, more than 20 ms a slightly different speed until it is within 5.
 * Chromium needs 50 to 150 ms for a seek; it is aimed ahead by what the last one took.
 *
 * @typedef {{video: HTMLVideoElement, seconds: number, nudge: number, lag?: number, soughtAt?: number, movedAt?: number, want?: number,
 *   isBent?: boolean, onSeeked?: () => void}} Seat
 */

const SEEK_BEYOND_S = 0.25;
const BEND_BEYOND_S = 0.02;
const STRAIGHT_WITHIN_S = 0.005;
const BEND_MOST = 0.1;
const READY_WITHIN_MS = 8000;
const STALLED_AFTER_MS = 400;

class Step {
  /** @param {() => void} changed called at every frame while playing, and after every change */
  constructor(changed) {
    this.changed = changed;
    /** @type {Set<Seat>} */ this.seats = new Set();
    this.total = 0;
    this.at = 0;
    this.speed = 1;
    this.isLooping = true;
    this.byShare = false;
    this.isPlaying = false;
    this.isRunning = false; // aligned, and the media clocks go
    this.turn = 0;
    this.frame = 0;
    this.stalledAt = 0;
  }

  /** Take part. @param {Seat} seat */
  add(seat) {
    this.seats.add(seat);
    seat.onSeeked = () => {
      if (seat.soughtAt) seat.lag = Math.min(0.4, (performance.now() - seat.soughtAt) / 1000);
      seat.soughtAt = undefined;
      const { want } = seat;
      seat.want = undefined;
      if (want !== undefined && Math.abs(seat.video.currentTime - want) > 0.001) this.move(seat, want);
    };
    seat.video.addEventListener("seeked", seat.onSeeked);
    if (this.isPlaying && this.isRunning) this.join(seat);
    else this.move(seat, this.target(seat));
  }

  /** Come in while the others play. @param {Seat} seat */
  async join(seat) {
    const { turn } = this;
    await ready(seat.video);
    if (turn !== this.turn || !this.isRunning || !this.seats.has(seat)) return;
    this.move(seat, this.target(seat, this.at + 0.15 * this.speed));
    await sought(seat.video);
    if (turn === this.turn && this.isRunning && this.seats.has(seat)) this.begin(seat);
  }

  /** @param {Seat} seat */
  drop(seat) {
    this.seats.delete(seat);
    if (seat.onSeeked) seat.video.removeEventListener("seeked", seat.onSeeked);
  }

  /** Where a seat's own clock should be. @param {Seat} seat @param {number} [at] */
  target(seat, at = this.at) {
    const own = this.byShare && this.total ? (at / this.total) * seat.seconds : at;
    return Math.min(Math.max(0, own + seat.nudge), Math.max(0, seat.seconds - 0.001));
  }

  /** How fast a seat's own clock should go. @param {Seat} seat */
  rate(seat) {
    const share = this.byShare && this.total ? seat.seconds / this.total : 1;
    return Math.min(16, Math.max(0.0625, this.speed * share));
  }

  /** Seek; of several in quick succession the newest. @param {Seat} seat @param {number} to */
  move(seat, to) {
    if (seat.video.readyState < 1) return; // it is aligned when it is ready
    if (seat.video.seeking) seat.want = to;
    else if (Math.abs(seat.video.currentTime - to) > 0.0005) {
      seat.soughtAt = performance.now();
      seat.video.currentTime = to;
    }
  }

  /** Go to a place. @param {number} at */
  seek(at) {
    const wasPlaying = this.isPlaying;
    this.halt();
    this.at = Math.min(Math.max(0, at), this.total);
    for (const seat of this.seats) this.move(seat, this.target(seat));
    this.changed();
    if (wasPlaying) this.play();
  }

  /** Start together. */
  async play() {
    this.halt();
    const { turn } = this;
    this.isPlaying = true;
    if (this.at >= this.total - 0.02) this.at = 0;
    this.changed();
    const seats = [...this.seats];
    await Promise.all(seats.map((seat) => ready(seat.video)));
    if (turn !== this.turn) return;
    for (const seat of seats) this.move(seat, this.target(seat));
    await Promise.all(seats.map((seat) => sought(seat.video)));
    if (turn !== this.turn) return;
    this.isRunning = true;
    this.last = performance.now();
    for (const seat of this.seats) this.begin(seat);
    const tick = (/** @type {number} */ now) => {
      if (turn !== this.turn) return;
      this.frame = requestAnimationFrame(tick);
      this.tick(now);
    };
    this.frame = requestAnimationFrame(tick);
  }

  /** @param {Seat} seat */
  begin(seat) {
    seat.video.playbackRate = this.rate(seat);
    if (seat.video.currentTime < seat.seconds - 0.02) seat.video.play().catch(() => undefined);
  }

  pause() {
    this.halt();
    for (const seat of this.seats) this.move(seat, this.target(seat)); // all show the same moment
    this.changed();
  }

  halt() {
    this.turn += 1;
    this.isPlaying = false;
    this.isRunning = false;
    this.stalledAt = 0;
    cancelAnimationFrame(this.frame);
    for (const seat of this.seats) seat.video.pause();
  }

  /** Another speed, or another way for unequal lengths. @param {Partial<{speed: number, byShare: boolean}>} change */
  set(change) {
    Object.assign(this, change);
    for (const seat of this.seats) seat.video.playbackRate = this.rate(seat);
    if (!this.isRunning) for (const seat of this.seats) this.move(seat, this.target(seat));
    this.changed();
  }

  /** @param {number} now */
  tick(now) {
    this.at += (Math.max(0, now - (this.last ?? now)) / 1000) * this.speed;
    this.last = now;
    const running = [...this.seats].filter(({ video }) => !video.paused && !video.seeking && !video.ended);
    if (this.isStalled(running, now)) {
      void this.play();
      return;
    }
    const off = running.map((seat) => this.offset(seat)).sort((a, b) => a - b);
    // Of two the one ahead: the other one jumps, and nothing is shown twice.
    const middle = off.length ? off[Math.floor(off.length / 2)] : 0;
    this.at = Math.max(0, this.at + middle);
    if (this.at >= this.total) {
      this.end();
      return;
    }
    for (const seat of running) this.hold(seat, now);
    this.changed();
  }

  /** How far a seat is ahead, in seconds of the time line. @param {Seat} seat */
  offset(seat) {
    const own = seat.video.currentTime - seat.nudge;
    return (this.byShare && seat.seconds ? (own / seat.seconds) * this.total : own) - this.at;
  }

  /** Whether one has run out of data: then all wait for it. @param {Seat[]} running @param {number} now */
  isStalled(running, now) {
    if (!running.some(({ video }) => video.readyState < 3)) this.stalledAt = 0;
    else this.stalledAt ||= now;
    return this.stalledAt > 0 && now - this.stalledAt > STALLED_AFTER_MS;
  }

  /** Hold one against the clock. @param {Seat} seat @param {number} now */
  hold(seat, now) {
    const off = this.offset(seat);
    const { video } = seat;
    if (Math.abs(off) > SEEK_BEYOND_S) {
      if (now - (seat.movedAt ?? -1e9) < 700) return; // one that cannot keep up is not sought for ever
      seat.movedAt = now;
      this.move(seat, this.target(seat, this.at + (seat.lag ?? 0.1) * this.speed));
      return;
    }
    seat.isBent = Math.abs(off) > (seat.isBent ? STRAIGHT_WITHIN_S : BEND_BEYOND_S);
    const bend = seat.isBent ? Math.min(BEND_MOST, Math.max(-BEND_MOST, off * 2)) : 0;
    const rate = this.rate(seat) * (1 - bend);
    if (Math.abs(video.playbackRate - rate) > 0.004) video.playbackRate = rate;
  }

  end() {
    this.halt();
    this.at = this.isLooping ? 0 : this.total;
    if (this.isLooping) void this.play();
    else this.pause();
  }

  destroy() {
    this.halt();
    for (const seat of [...this.seats]) this.drop(seat);
  }
}

/** Wait for one of some events, or give up. @param {HTMLVideoElement} video @param {string[]} names @param {number} ms */
function once(video, names, ms) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      for (const name of names) video.removeEventListener(name, end);
      done(undefined);
    };
    const timer = setTimeout(end, ms);
    for (const name of names) video.addEventListener(name, end);
  });
}

/** Until a video can play through, is broken or let go of. @param {HTMLVideoElement} video */
async function ready(video) {
  if (video.readyState < 4 && !video.error) await once(video, ["canplaythrough", "error", "emptied"], READY_WITHIN_MS);
}

/** Until a video is where it was told to go. @param {HTMLVideoElement} video */
async function sought(video) {
  if (video.seeking) await once(video, ["seeked", "error", "emptied"], 3000);
}
