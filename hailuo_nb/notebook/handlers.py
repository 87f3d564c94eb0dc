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

# `hailuo` on a player says who keeps it playing: "pointer", or "person" for good. Setting `src` again brings the poster
# back and lets go of the connection; `load()` would fetch the clip once more, whatever `preload` says.
_PLAYER = {
    "onmouseenter": """
        if (!this.paused || this.hailuo === 'person' || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
        this.hailuoWait = setTimeout(() => {
          this.hailuo = 'pointer'; this.muted = true; this.play().catch(() => undefined)
        }, 120)
    """,
    "onmouseleave": """
        clearTimeout(this.hailuoWait);
        if (this.hailuo === 'pointer') { this.hailuo = ''; this.src = this.src }
    """,
    "onpause": "this.hailuo = 'person'",
    "onvolumechange": "if (!this.muted) this.hailuo = 'person'",
    # a loop seeks to its beginning by itself
    "onseeking": "if (this.currentTime > 0.1) this.hailuo = 'person'",
    "onplay": """
        [...document.querySelectorAll('.hailuo-twin video')].filter((one) => one !== this && !one.paused)
          .slice(0, -5).forEach((one) => { one.src = one.src })
    """,
}

# A click without a pointer (`detail` is 0) is the one of Enter.
_CARD = {
    "onclick": """
        const video = event.target;
        if (video.tagName !== 'VIDEO' || (event.detail && event.offsetY > video.clientHeight - 72)) return;
        event.preventDefault();
        const make = (name) => document.createElement(name);
        const [dialog, foot, said, close] = ['dialog', 'div', 'bdi', 'button'].map(make);
        const full = video.cloneNode();
        for (const name of full.getAttributeNames()) if (/^on|^class$/.test(name)) full.removeAttribute(name);
        full.style.cssText = 'display:block;height:auto;max-width:96vw;max-height:calc(96vh - 48px)';
        full.autoplay = full.muted = true;
        full.currentTime = video.currentTime;
        clearTimeout(video.hailuoWait);
        video.hailuo = '';
        video.src = video.src;
        close.textContent = 'Close';
        close.style.cssText = 'border:1px solid rgba(128,128,128,0.35);border-radius:4px;padding:5px 12px;'
          + 'background:none;color:inherit;font:inherit;cursor:pointer';
        close.onclick = () => dialog.close();
        said.textContent = full.ariaLabel;
        said.style.cssText = 'overflow:hidden;text-overflow:ellipsis;white-space:nowrap';
        foot.style.cssText = 'display:flex;justify-content:space-between;align-items:center;gap:12px;padding:7px 12px';
        foot.append(said, close);
        dialog.ariaLabel = full.ariaLabel;
        dialog.dataset.lmSuppressShortcuts = 'true';
        dialog.style.cssText = 'border:0;padding:0;border-radius:4px;overflow:hidden;max-width:98vw;max-height:98vh;'
          + 'font:13px/20px var(--jp-content-font-family,system-ui);color:var(--jp-content-font-color1,CanvasText);'
          + 'background:var(--jp-layout-color1,Canvas);box-shadow:0 0 0 100vmax rgba(0,0,0,0.75)';
        dialog.onclick = (click) => { if (click.target === dialog) dialog.close() };
        dialog.onclose = () => {
          full.removeAttribute('src'); full.load(); dialog.remove(); video.focus({ preventScroll: true })
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
    """Write handlers as attributes, in one line each."""
    return "".join(f' {name}="{escape(" ".join(code.split()))}"' for name, code in handlers.items())


CARD_HANDLERS = _attributes(_CARD)
"""For the element around all players of a card."""

# Without the mark JupyterLab takes the keys of the focused player as its own: Enter would edit the cell.
PLAYER_HANDLERS = ' data-lm-suppress-shortcuts="true"' + _attributes(_PLAYER)
"""For each player."""
