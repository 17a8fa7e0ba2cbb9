// A progress bar, moved often and announced seldom.

import { announce, h } from '../dom.js';
import { sheet } from '../theme.js';

const SPOKEN_STEP = 25; // Percent between two announcements; each tick would be noise.

export const BAR = sheet(`
.bar { display: flex; align-items: center; gap: .75rem; margin-block-start: .5rem; color: var(--muted); font-size: .8125rem; font-variant-numeric: tabular-nums; }
.track { flex: 1; block-size: .375rem; border-radius: 1rem; overflow: hidden; background: var(--border); }
.track span { display: block; block-size: 100%; translate: -100%; border-radius: inherit; background: var(--level); transition: translate .25s linear; }
.track.unknown span { inline-size: 35%; translate: none; animation: wander 1.6s ease-in-out infinite; }
.bar output { min-inline-size: 3.2em; text-align: end; }
@keyframes wander { from { translate: -100%; } to { translate: 300%; } }
@media (forced-colors: active) { .track { border: 1px solid; } .track span { background: Highlight; } }
`);

/**
 * @param {number | null} percent null while nobody knows how far it is
 * @param {string} title
 * @returns {import('../types.js').Bar}
 */
export function bar(percent, title) {
  const fill = h('span', { part: 'progress-fill' });
  const number = h('output', { 'aria-hidden': 'true' });
  const track = h('div', { class: 'track', role: 'progressbar', 'aria-label': title, 'aria-valuemin': 0, 'aria-valuemax': 100 }, fill);
  const element = h('div', { class: 'bar', part: 'progress' }, track, number);
  element.advance = (now) => {
    track.classList.toggle('unknown', now === null);
    if (now === null) {
      fill.style.translate = ''; // The sheet's own, so that it is seen without motion, too.
      return track.removeAttribute('aria-valuenow');
    }
    fill.style.translate = `${now - 100}%`; // Moved by the compositor: a size would be laid out anew in every frame.
    number.textContent = `${now} %`;
    track.setAttribute('aria-valuenow', String(now));
  };
  element.advance(percent);
  return element;
}

/** Says how far a job is: at its start, its end, and at each quarter. */
export class Speaker {
  #spoken = new Map();

  /** @param {string} key @param {number | null} percent @param {string} text */
  say(key, percent, text) {
    const step = Math.floor((percent ?? 0) / SPOKEN_STEP);
    if (this.#spoken.get(key) === step) return;
    const isFirst = !this.#spoken.has(key);
    this.#spoken.set(key, step);
    if (!isFirst) announce(text, 'polite');
  }

  forget(key) {
    this.#spoken.delete(key);
  }
}
