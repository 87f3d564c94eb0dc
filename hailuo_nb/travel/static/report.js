// Nothing here is needed to read the report: it plays a clip under the pointer, keeps the players' controls out of the
// pictures until somebody wants them, and sorts the table.
const clips = [...document.querySelectorAll('.frame video')];
const isCalm = matchMedia('(prefers-reduced-motion: reduce)');
const hasPointer = matchMedia('(hover: hover)').matches;

for (const clip of clips) {
  // Once a person has used the controls the clip is theirs, and the pointer leaves it alone.
  let keeper = '';
  let wait = 0;
  const take = () => {
    keeper = 'person';
    clip.controls = true;
  };
  if (hasPointer) {
    clip.controls = false;
    clip.tabIndex = 0;
  }
  clip.addEventListener('pointerenter', (event) => {
    if (event.pointerType !== 'mouse' || keeper || !clip.paused || isCalm.matches) return;
    wait = setTimeout(() => {
      keeper = 'pointer';
      clip.muted = true;
      clip.parentNode.classList.add('plays');
      clip.play().catch(() => { keeper = ''; });
    }, 120);
  });
  clip.addEventListener('pointerleave', () => {
    clearTimeout(wait);
    clip.parentNode.classList.remove('plays');
    if (keeper !== 'pointer') return;
    keeper = '';
    clip.pause();
    clip.load(); // brings the poster back
  });
  clip.addEventListener('click', (event) => {
    if (clip.controls) return; // then the controls know what a click means
    event.preventDefault();
    if (clip.paused) clip.play().catch(() => 0);
    take();
  });
  clip.addEventListener('keydown', (event) => {
    if (clip.controls || ![' ', 'Enter'].includes(event.key)) return;
    event.preventDefault();
    clip.click();
  });
  clip.addEventListener('play', () => {
    for (const other of clips) if (other !== clip && !other.paused) other.pause();
  });
}

for (const table of document.querySelectorAll('table.clips')) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
  heads.forEach((head, column) => {
    if (!head.textContent) return;
    const button = document.createElement('button');
    const sign = document.createElement('span');
    button.append(...head.childNodes, sign);
    head.append(button);
    button.addEventListener('click', () => {
      const isDown = head.ariaSort === 'ascending';
      for (const each of heads) {
        each.removeAttribute('aria-sort');
        const other = each.querySelector('button span');
        if (other) other.textContent = '';
      }
      head.ariaSort = isDown ? 'descending' : 'ascending';
      sign.textContent = isDown ? ' \u2193' : ' \u2191';
      body.append(...[...body.rows].sort((one, two) => {
        const [a, b] = [value(one, column), value(two, column)];
        if (!a || !b) return !a - !b;
        const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
        return isDown ? -order : order;
      }));
    });
  });
}
