// @ts-check
/**
 * What the widgets for comparing and voting share: elements from text and a clip's bytes.
 *
 * Not a module of its own: hailuo_nb/notebook/scripts.py puts it behind players.js and before compare.js or vote.js, so
 * that each widget stays one file without an import. Text reaches the page through textContent alone.
 *
 * @typedef {{get(name: string): any, on(event: string, handler: Function): void,
 *   off(event: string, handler: Function): void, send(content: object): void}} Model
 */

// eslint-disable-next-line no-control-regex
const UNSHOWABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Show controls and direction marks instead of obeying them. @param {string | undefined} text */
const plain = (text) => (text ?? "").replace(/\r\n/g, "\n").replace(UNSHOWABLE, "\ufffd");

/**
 * Make an element.
 * @param {string} tag @param {string} [name] the classes after "hailuo-cv-", which no rule of card.css knows @param {string} [text]
 * @param {(Node | string)[]} [inner]
 */
function make(tag, name, text, inner) {
  const node = document.createElement(tag);
  if (name) node.className = name.split(" ").map((part) => `hailuo-cv-${part}`).join(" ");
  if (text !== undefined) node.textContent = plain(text);
  if (inner) node.append(...inner);
  return node;
}

/** Text that cannot turn the direction of what is beside it. @param {string} tag @param {string} name @param {string} text */
const said = (tag, name, text) => make(tag, name, undefined, [make("bdi", "", text)]);

/**
 * A button; its title names the key too.
 * @param {string} label @param {() => void} press @param {string} [title]
 */
function button(label, press, title) {
  const node = /** @type {HTMLButtonElement} */ (make("button", "button", label));
  node.type = "button";
  if (title) node.title = title;
  node.addEventListener("click", press);
  return node;
}

/** The bytes of clips as addresses, fetched from the kernel once. */
class Blobs {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Map<string, string>} */ this.urls = new Map();
    /** @type {Map<string, ((url: string) => void)[]>} */ this.waiting = new Map();
  }

  /** @param {string} key @param {(url: string) => void} done called with "" where there is none */
  fetch(key, done) {
    const known = this.urls.get(key);
    const others = this.waiting.get(key);
    if (known) done(known);
    else if (others) others.push(done);
    else {
      this.waiting.set(key, [done]);
      this.model.send({ type: "bytes", key });
    }
  }

  /** @param {string} key @param {DataView | undefined} bytes @param {string} [type] */
  keep(key, bytes, type = "video/mp4") {
    this.drop(key);
    const url = bytes ? URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)], { type })) : "";
    if (url) this.urls.set(key, url);
    const waiting = this.waiting.get(key) ?? [];
    this.waiting.delete(key);
    for (const done of waiting) done(url);
  }

  /** @param {string} key */
  drop(key) {
    const url = this.urls.get(key);
    if (url) URL.revokeObjectURL(url);
    this.urls.delete(key);
  }

  clear() {
    for (const key of [...this.urls.keys()]) this.drop(key);
    this.waiting.clear();
  }
}
