"""A page of its own for a widget's script: no server, no kernel; clips come as bytes, as where no URL reaches them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from hailuo_nb.simulator.film import make_clip

PROMPTS = (
    "waves {light}",
    "a fox {light} [Push in]",
    "clouds over hills {light}",
    "a marble {light} [Pan left]",
)

# Counts listeners of the model, timers, addresses and frames asked for, so that a test can see that none is left.
SETUP = """async ([script, style, name, state]) => {
  document.head.append(Object.assign(document.createElement('style'), { textContent: style }));
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const { default: widget } = await import(url);
  const handlers = {};
  window.sent = [];
  window.clips = {};
  window.isBusy = false;
  window.held = new Set();
  window.give = (key) => {
    const clip = window.clips[key];
    window.answer({ type: 'bytes', key }, ...(clip ? [clip.slice(0)] : []));
  };
  window.model = {
    state: { [name]: state },
    get: (key) => window.model.state[key],
    on: (event, handler) => (handlers[event] ??= new Set()).add(handler),
    off: (event, handler) => handlers[event]?.delete(handler),
    send: (content) => { window.sent.push(content); window.onSent?.(content); },
  };
  window.fire = (event, ...args) => handlers[event]?.forEach((handler) => handler(...args));
  window.listening = () => Object.values(handlers).reduce((all, one) => all + one.size, 0);
  window.put = (state) => { window.model.state[name] = state; window.fire(`change:${name}`); };
  window.answer = (content, ...buffers) => window.fire('msg:custom', content, buffers.map((one) => new DataView(one)));
  window.onSent = (content) => {
    if (content.type === 'bytes') {
      if (!window.held.has(content.key)) setTimeout(() => window.give(content.key));
    } else if (content.type === 'mark' && !window.isBusy) {
      setTimeout(() => window.answer({ type: 'kept', n: content.n, error: '' }));
    }
  };
  const kinds = [['timers', 'setTimeout', 'clearTimeout'], ['frames', 'requestAnimationFrame', 'cancelAnimationFrame']];
  for (const [what, start, stop] of kinds) {
    const [begin, end] = [window[start], window[stop]];
    const running = window[what] = new Set();
    window[start] = (job, ...rest) => {
      const id = begin.call(window, (...args) => { running.delete(id); job(...args); }, ...rest);
      running.add(id);
      return id;
    };
    window[stop] = (id) => { end.call(window, id); running.delete(id); };
  }
  window.blobs = 0;
  const [make, drop] = [URL.createObjectURL, URL.revokeObjectURL];
  URL.createObjectURL = (blob) => { window.blobs += 1; return make.call(URL, blob); };
  URL.revokeObjectURL = (url) => { window.blobs -= 1; drop.call(URL, url); };
  window.show = () => {
    const el = document.body.appendChild(document.createElement('div'));
    window.unrender = widget.render({ model: window.model, el });
  };
}"""


@contextmanager
def widget_page(
    browser: Browser, *, size: tuple[int, int] = (1000, 800), scheme: Any = "light"
) -> Iterator[Page]:
    """Give an empty page, and fail where a script on it did."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content("<meta name='color-scheme' content='light dark'>")
    yield page
    context.close()
    assert errors == []


def show(
    page: Page,
    script: str,
    style: str,
    name: str,
    state: Mapping[str, Any],
    clips: Mapping[str, Path],
    *,
    held: Sequence[str] = (),
) -> None:
    """Draw a widget, with the files of its clips at hand; those that are held come when the page gives them."""
    page.evaluate(SETUP, [script, style, name, dict(state)])
    for key, path in clips.items():
        page.evaluate(
            """([key, text]) => {
              window.clips[key] = Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer;
            }""",
            [key, base64.b64encode(path.read_bytes()).decode("ascii")],
        )
    page.evaluate("(held) => { window.held = new Set(held); window.show(); }", list(held))


def draw_clips(
    folder: Path, count: int, *, width: int = 1366, height: int = 768, length_s: int = 6
) -> list[Path]:
    """Draw clips as the simulator does: 24 frames a second, a key frame each second."""
    paths = []
    for number in range(count):
        path = folder / f"clip-{number}.mp4"
        prompt = PROMPTS[number % len(PROMPTS)].format(light=f"at dawn {number}")
        job = {"width": width, "height": height, "length_s": length_s, "variant": "t2v-standard", "take": 1}
        make_clip({**job, "same": "s", "picture": None, "prompt": prompt, "path": str(path)})
        paths.append(path)
    return paths
