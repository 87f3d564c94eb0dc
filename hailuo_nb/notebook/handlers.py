"""What a trusted twin or table does by itself: plays where the pointer is, opens full size, sorts and filters.

Nothing comes in: every handler is a constant, so no text of a prompt, a file or a service can become code. Out go
attributes for :mod:`hailuo_nb.notebook.twin` and :mod:`hailuo_nb.notebook.table`. They are inline because a saved
notebook that is reopened without a kernel has no script of ours on its page; where a notebook is not trusted the
sanitizer drops them, and native controls and links remain. What each does:

- The pointer on a clip plays it, muted, unless the system asks for less motion; leaving puts the poster back. Once a
  person has used the native controls (pause, the time line, the sound) the clip is theirs: the pointer leaves it alone.
- At most six clips play: Chromium has six connections to a host, and Jupyter's own requests need them too. A table has
  no players but the one under the pointer.
- A click on the picture, or Enter on the player, opens the clip at its own size over the page; Escape closes it. The
  native controls take about 72 pixels at the lower edge: clicks there are theirs.
- A table gets its controls from the handlers, so that where they are dropped nothing pretends to work: heads that
  sort, a field that filters, and a count of what it left. They outlive the table being drawn again with more posters.
"""

from __future__ import annotations

from html import escape

__all__ = ["CARD_HANDLERS", "PLAYER_HANDLERS", "TABLE_HANDLERS", "TABLE_START"]

# Only what does not bubble stands on every player: a notebook holds it once a clip. Setting `src` again brings the
# poster back and lets go of the connection; `load()` would fetch the clip once more, whatever `preload` says.
_AT_MOST_SIX = """
        [...document.querySelectorAll('.hailuo-twin video, .hailuo-play video')]
          .filter((v) => v !== this && !v.paused).slice(0, -5).forEach((v) => { v.src = v.src })
    """
_PLAYER = {"onplay": _AT_MOST_SIX}

# Opens `full`, a player, over the page; `label` says what it is, and `back` has the focus again in the end.
_OPEN = """
        const [dialog, foot, said, close] = ['dialog', 'div', 'bdi', 'button'].map((n) => document.createElement(n));
        full.style.cssText = 'display:block;height:auto;max-width:96vw;max-height:calc(96vh - 48px)';
        full.autoplay = full.muted = true;
        close.textContent = 'Close';
        close.style.cssText = 'border:1px solid #8888;border-radius:4px;padding:5px 12px;background:none;color:inherit;'
          + 'font:inherit';
        close.onclick = () => dialog.close();
        dialog.ariaLabel = said.textContent = label;
        said.style.cssText = 'overflow:hidden;text-overflow:ellipsis;white-space:nowrap';
        foot.style.cssText = 'display:flex;justify-content:space-between;align-items:center;gap:12px;padding:7px 12px';
        foot.append(said, close);
        dialog.style.cssText = 'border:0;padding:0;border-radius:4px;overflow:hidden;max-width:98vw;max-height:98vh;'
          + 'font:13px/20px var(--jp-content-font-family,system-ui);color:var(--jp-content-font-color1,CanvasText);'
          + 'background:var(--jp-layout-color1,Canvas);box-shadow:0 0 0 100vmax #000b';
        dialog.onclick = (click) => { if (click.target === dialog) dialog.close() };
        dialog.onclose = () => {
          full.removeAttribute('src'); full.load(); dialog.remove(); back.focus({ preventScroll: true })
        };
        dialog.dataset.lmSuppressShortcuts = 'true';
        dialog.append(full, foot);
        document.body.append(dialog);
        dialog.showModal()
    """

# A click without a pointer (`detail` is 0) is the one of Enter.
# `hailuo` on a player says who keeps it playing: "pointer", or "person" for good.
_CARD = {
    "onmouseover": """
        const v = event.target, calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
        if (v.tagName !== 'VIDEO' || !v.paused || v.hailuo === 'person' || calm) return;
        const person = () => { v.hailuo = 'person' };
        v.onpause = person;
        v.onvolumechange = () => v.muted || person();
        v.onseeking = () => v.currentTime > 0.1 && person(); /* a loop seeks to 0 by itself */
        v.hailuoWait = setTimeout(() => { v.hailuo = 'pointer'; v.muted = true; v.play().catch(() => 0) }, 120)
    """,
    "onmouseout": """
        const v = event.target;
        clearTimeout(v.hailuoWait);
        if (v.hailuo === 'pointer') { v.hailuo = ''; v.src = v.src }
    """,
    "onclick": """
        const v = event.target;
        if (v.tagName !== 'VIDEO' || (event.detail && event.offsetY > v.clientHeight - 72)) return;
        event.preventDefault();
        const full = v.cloneNode(), label = v.ariaLabel, back = v;
        full.removeAttribute('class');
        full.removeAttribute('onplay');
        full.currentTime = v.currentTime;
        clearTimeout(v.hailuoWait);
        v.hailuo = '';
        v.src = v.src;
    """
    + _OPEN,
    "onkeydown": """
        if (event.key === 'Enter' && event.target.tagName === 'VIDEO') { event.preventDefault(); event.target.click() }
    """,
}


# The link to a clip is its place: with the pointer on it a player lies over its picture.
# JupyterLab listens on the link itself and would open the clip in a tab of its own: a click is caught on its way down.
_CATCH = """
        if (!this.hailuoCatches) {
          this.hailuoCatches = true;
          this.addEventListener('click', (click) => {
            if (!click.target.closest('.hailuo-play') || click.ctrlKey || click.metaKey || click.shiftKey) return;
            click.stopPropagation();
            this.onclick(click)
          }, true)
        }
    """
_LET_GO = "(v) => { v.removeAttribute('src'); v.load(); v.remove() }"
_TABLE = {
    "onmouseover": _CATCH
    + """
        const link = event.target.closest('.hailuo-play');
        if (!link || link.hailuoWait || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
        link.hailuoWait = setTimeout(() => {
          const v = document.createElement('video');
          document.querySelectorAll('.hailuo-play video').forEach(LET_GO);
          v.preload = 'none';
          v.muted = v.loop = v.playsInline = true;
          v.src = link.href;
          v.style.cssText = 'position:absolute;top:0;left:0;width:100%;height:100%;margin:0;pointer-events:none';
          v.onplay = function () { AT_MOST_SIX };
          link.append(v);
          v.play().catch(() => 0)
        }, 120)
    """.replace("AT_MOST_SIX", _AT_MOST_SIX).replace("LET_GO", _LET_GO),
    "onkeydown": _CATCH,
    "onmouseout": """
        const link = event.target.closest('.hailuo-play');
        if (!link || link.contains(event.relatedTarget)) return;
        clearTimeout(link.hailuoWait);
        link.hailuoWait = 0;
        link.querySelectorAll('video').forEach(LET_GO)
    """.replace("LET_GO", _LET_GO),
    "onclick": """
        const back = event.target.closest('.hailuo-play');
        if (!back || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        event.stopPropagation();
        clearTimeout(back.hailuoWait);
        back.querySelectorAll('video').forEach(LET_GO);
        const full = document.createElement('video'), picture = back.querySelector('img');
        const label = picture ? picture.alt : back.textContent;
        full.controls = full.loop = full.playsInline = true;
        full.src = back.href;
    """.replace("LET_GO", _LET_GO)
    + _OPEN
    + """;
        full.style.minWidth = 'min(90vw, 480px)';
        full.style.aspectRatio = '16/9';
        full.onloadedmetadata = () => { full.style.minWidth = full.style.aspectRatio = '' }
    """,
}

# Of the picture of one pixel in a table's head: the one thing that runs by itself, as soon as it is on the page.
_START = {
    "onload": """
        const root = this.closest('.hailuo-table'), body = root.querySelector('tbody'), tools = this.parentNode;
        if (root.hailuo || !body) return;
        root.hailuo = true;
        const kept = (window.hailuoTables ??= {})[root.className] ??= { words: '', column: -1, isDown: false };
        const [field, count] = ['input', 'span'].map((name) => document.createElement(name));
        const heads = [...root.querySelectorAll('thead th')];
        const valueOf = (row) => row.cells[kept.column].dataset.v ?? row.cells[kept.column].textContent.trim();
        const compare = (a, b) => {
          const [x, y] = [valueOf(a), valueOf(b)];
          if (!x || !y) return !x - !y;
          const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
          return kept.isDown ? -order : order
        };
        const sort = () => {
          if (!heads[kept.column]) return;
          body.append(...[...body.rows].sort(compare));
          heads.forEach((head, n) => {
            const isIt = n === kept.column, sign = head.querySelector('button span');
            if (sign) sign.textContent = isIt ? (kept.isDown ? ' \u2193' : ' \u2191') : '';
            if (isIt) head.ariaSort = kept.isDown ? 'descending' : 'ascending';
            else head.removeAttribute('aria-sort')
          })
        };
        const filter = () => {
          kept.words = field.value;
          const words = field.value.toLowerCase().split(' ').filter(Boolean), rows = [...body.rows];
          rows.forEach((row) => {
            const more = row.querySelector('.hailuo-more'); /* names of columns are in every row */
            const text = row.textContent.replace(more ? more.textContent : '', '').toLowerCase();
            row.style.display = words.every((word) => text.includes(word)) ? '' : 'none'
          });
          const shown = rows.filter((row) => !row.style.display).length;
          count.textContent = words.length ? shown + ' of ' + rows.length : ''
        };
        const plainly = 'font:inherit;color:inherit;background:none;';
        heads.forEach((head, n) => {
          if (!head.textContent) return;
          const button = document.createElement('button');
          button.append(...head.childNodes, document.createElement('span'));
          button.style.cssText = plainly + 'border:0;padding:0;margin:0;cursor:pointer;text-align:inherit';
          button.onclick = () => {
            kept.isDown = kept.column === n && !kept.isDown;
            kept.column = n;
            sort()
          };
          head.append(button);
          head.style.position = 'sticky';
          head.style.top = 0;
          head.style.zIndex = 1;
          head.style.background = 'var(--jp-layout-color0, Canvas)'
        });
        heads.filter((head) => !head.textContent).forEach((head) => {
          head.style.cssText += ';position:sticky;top:0;z-index:1;background:var(--jp-layout-color0, Canvas)'
        });
        field.type = 'search';
        field.placeholder = 'Filter';
        field.ariaLabel = 'Filter the rows that are shown';
        field.style.cssText = plainly + 'border:1px solid #8888;border-radius:4px;padding:2px 8px;width:160px';
        field.value = kept.words;
        field.oninput = filter;
        count.ariaLive = 'polite';
        count.style.cssText = 'margin-right:8px;opacity:0.78';
        tools.replaceChildren(count, field);
        sort();
        filter()
    """,
}


def _attributes(handlers: dict[str, str]) -> str:
    """Write handlers as attributes, in one line each; there is no double quote in them."""
    lines = {name: escape(" ".join(code.split()), quote=False) for name, code in handlers.items()}
    return "".join(f' {name}="{line}"' for name, line in lines.items())


# Without the mark JupyterLab takes the keys of the focused player as its own: Enter would edit the cell.
CARD_HANDLERS = ' data-lm-suppress-shortcuts="true"' + _attributes(_CARD)
"""For the element around all players of a card."""

PLAYER_HANDLERS = _attributes(_PLAYER)
"""For each player."""

TABLE_HANDLERS = ' data-lm-suppress-shortcuts="true"' + _attributes(_TABLE)
"""For the element around a table or pivot of clips."""

TABLE_START = _attributes(_START)
"""For the picture of one pixel that starts a table's own controls."""
