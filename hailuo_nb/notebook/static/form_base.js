// @ts-check
/**
 * Lines that all parts of the form share; hailuo_nb/notebook/form/parts.py puts them before each part.
 *
 * @typedef {{get(name: string): any, on(event: string, handler: Function): void,
 *   off(event: string, handler: Function): void, send(content: object, callbacks?: any, buffers?: ArrayBuffer[]): void}} Model
 */

// eslint-disable-next-line no-control-regex
const UNSHOWABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Show controls and direction marks instead of obeying them. @param {string | undefined} text */
const plain = (text) => (text ?? "").replace(/\r\n/g, "\n").replace(UNSHOWABLE, "\ufffd");

/** Make an element. @param {string} tag @param {string} [name] the class after "hailuo-" @param {string} [text] */
function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name.split(" ").map((part) => `hailuo-${part}`).join(" ");
  if (text !== undefined) node.textContent = plain(text);
  return node;
}

/** A button. @param {string} label @param {(event: Event) => void} press @param {string} [name] */
function button(label, press, name = "quiet-button") {
  const node = /** @type {HTMLButtonElement} */ (make("button", name, label));
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

let numbers = 0;

/** A label and what it is for. @param {string} text @param {HTMLElement} control */
function labelled(text, control) {
  numbers += 1;
  control.id = `hailuo-form-${Math.random().toString(36).slice(2)}-${numbers}`;
  const label = /** @type {HTMLLabelElement} */ (make("label", "label", text));
  label.htmlFor = control.id;
  return label;
}

/** Say a text once, in a node that screen readers follow. @param {HTMLElement} node @param {string | undefined} text */
function say(node, text) {
  const shown = plain(text);
  if (node.textContent !== shown) node.textContent = shown;
  node.hidden = !shown;
}

/**
 * Listen to a model until the part ends. @param {Model} model @param {Record<string, Function>} handlers
 * @returns {() => void}
 */
function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => { for (const [event, handler] of Object.entries(handlers)) model.off(event, handler); };
}
