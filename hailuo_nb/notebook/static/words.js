// @ts-check
/**
 * The words by which two prompts differ; part of compare.js, as page.js is. The kernel may be busy when somebody chooses
 * another reference, so this is done here.
 *
 * @typedef {{text: string, kind: "same" | "gone" | "new"}} Piece
 */

const MOST_WORDS = 600;

/**
 * Say how one text becomes another, word by word.
 * @param {string} from @param {string} to @returns {Piece[]}
 */
function wordPieces(from, to) {
  const cut = (/** @type {string} */ text) => text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
  const [a, b] = [cut(from), cut(to)];
  if (a.length > MOST_WORDS * 2 || b.length > MOST_WORDS * 2) return [{ text: to, kind: from === to ? "same" : "new" }];
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = a[i] === b[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  /** @type {Piece[]} */ const pieces = [];
  const add = (/** @type {string} */ text, /** @type {Piece["kind"]} */ kind) => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else pieces.push({ text, kind });
  };
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add(a[i], "same");
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      add(a[i], "gone");
      i += 1;
    } else {
      add(b[j], "new");
      j += 1;
    }
  }
  return joinedPieces(pieces);
}

/** Take changes with nothing but space between them for one: "Pan left" became "Push in". @param {Piece[]} pieces */
function joinedPieces(pieces) {
  /** @type {Piece[]} */ const joined = [];
  let [gone, fresh] = ["", ""];
  const flush = () => {
    if (gone) joined.push({ text: gone, kind: "gone" });
    if (fresh) joined.push({ text: fresh, kind: "new" });
    [gone, fresh] = ["", ""];
  };
  pieces.forEach(({ text, kind }, place) => {
    const isBetween = kind === "same" && !text.trim() && (gone || fresh) && place < pieces.length - 1;
    if (kind === "same" && !isBetween) {
      flush();
      joined.push({ text, kind });
    } else {
      if (kind !== "new") gone += text;
      if (kind !== "gone") fresh += text;
    }
  });
  flush();
  return joined;
}

/** Write a text so that what differs is struck out or underlined: no colour has to say it. @param {string} from @param {string} to */
function wordMarks(from, to) {
  const tags = { same: "span", gone: "del", new: "ins" };
  return wordPieces(from, to).map(({ text, kind }) => make(tags[kind], "", text));
}
