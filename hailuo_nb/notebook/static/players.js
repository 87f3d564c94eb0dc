// @ts-check
/**
 * The players of a page, which all widgets share.
 *
 * Not a module of its own: hailuo_nb/notebook/scripts.py puts it before the scripts of cards, comparisons and votes.
 */

const MAX_PLAYERS = 6; // Chromium keeps six connections to a host: a seventh player would stall Jupyter's own requests

/** A key as a class or an id can hold it. @param {string} key */
const slug = (key) => key.replace(/[^A-Za-z0-9_-]/g, "-");

/** Whether the system asks for less motion. */
const isCalm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The players of all widgets on the page, oldest first. @returns {{stop: () => void}[]} */
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

/** Let go of a video's connection and memory. @param {HTMLVideoElement} video */
function release(video) {
  video.pause();
  video.removeAttribute("src");
  video.load();
  video.remove();
}
