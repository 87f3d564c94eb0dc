"""What a trusted twin does by itself: plays where the pointer is, and opens full size.

Nothing comes in: every handler is a constant, so no text of a prompt, a file or a service can become code. Out go
attributes for :mod:`hailuo_nb.notebook.twin`. They are inline because a saved notebook that is reopened without a
kernel has no script of ours on its page; where a notebook is not trusted the sanitizer drops them, and the native
controls remain. What each does:

- The pointer on a clip plays it, muted, unless the system asks for less motion; leaving puts the poster back. Once a
  person has used the native controls (pause, the time line, the sound) the clip is theirs: the pointer leaves it alone.
- At most six twins play: Chromium has six connections to a host, and Jupyter's own requests need them too.
- A click on the picture, or Enter on the player, opens the clip at its own size over the page; Escape closes it. The
  native controls take about 72 pixels at the lower edge: clicks there are theirs.
"""

from __future__ import annotations

from html import escape

__all__ = ["CARD_HANDLERS", "PLAYER_HANDLERS"]

# Only what does not bubble stands on every player: a notebook holds it once a clip. Setting `src` again brings the
# poster back and lets go of the connection; `load()` would fetch the clip once more, whatever `preload` says.
_PLAYER = {
    "onplay": """
        [...document.querySelectorAll('.hailuo-twin video')].filter((v) => v !== this && !v.paused)
          .slice(0, -5).forEach((v) => { v.src = v.src })
    """,
}

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
        const v = event.target, make = (name) => document.createElement(name);
        if (v.tagName !== 'VIDEO' || (event.detail && event.offsetY > v.clientHeight - 72)) return;
        event.preventDefault();
        const full = v.cloneNode(), [dialog, foot, said, close] = ['dialog', 'div', 'bdi', 'button'].map(make);
        full.removeAttribute('class');
        full.removeAttribute('onplay');
        full.style.cssText = 'display:block;height:auto;max-width:96vw;max-height:calc(96vh - 48px)';
        full.autoplay = full.muted = true;
        full.currentTime = v.currentTime;
        clearTimeout(v.hailuoWait);
        v.hailuo = '';
        v.src = v.src;
        close.textContent = 'Close';
        close.style.cssText = 'border:1px solid #8888;border-radius:4px;padding:5px 12px;background:none;color:inherit;'
          + 'font:inherit';
        close.onclick = () => dialog.close();
        dialog.ariaLabel = said.textContent = v.ariaLabel;
        said.style.cssText = 'overflow:hidden;text-overflow:ellipsis;white-space:nowrap';
        foot.style.cssText = 'display:flex;justify-content:space-between;align-items:center;gap:12px;padding:7px 12px';
        foot.append(said, close);
        dialog.style.cssText = 'border:0;padding:0;border-radius:4px;overflow:hidden;max-width:98vw;max-height:98vh;'
          + 'font:13px/20px var(--jp-content-font-family,system-ui);color:var(--jp-content-font-color1,CanvasText);'
          + 'background:var(--jp-layout-color1,Canvas);box-shadow:0 0 0 100vmax #000b';
        dialog.onclick = (click) => { if (click.target === dialog) dialog.close() };
        dialog.onclose = () => {
          full.removeAttribute('src'); full.load(); dialog.remove(); v.focus({ preventScroll: true })
        };
        dialog.append(full, foot);
        document.body.append(dialog);
        dialog.showModal()
    """,
    "onkeydown": """
        if (event.key === 'Enter' && event.target.tagName === 'VIDEO') { event.preventDefault(); event.target.click() }
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
