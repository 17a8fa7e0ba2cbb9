// Toasts: a few at a time, never in the way of a dialog, never taking the focus, gone by themselves when that is fair.

import { ICONS, announce, frontModal, h, said } from '../dom.js';
import { sheet } from '../theme.js';
import { Base, glyph, iconButton } from './base.js';

const ANNOUNCED_BODY = 200; // Nobody listens to 16 KiB.

const STYLE = sheet(`
:host { display: contents; }
section {
  position: fixed; inset-block: auto calc(1.25rem + env(safe-area-inset-bottom)); inset-inline: auto 1.25rem; margin: 0; padding: 0; border: 0;
  inline-size: min(var(--ec-toast-width, 25rem), calc(100vw - 2.5rem)); max-block-size: calc(100dvh - 2.5rem); overflow: visible;
  background: none; color: inherit; pointer-events: none; z-index: var(--ec-z, 2147483000);
}
ol { display: flex; flex-direction: column; gap: .6rem; max-block-size: inherit; }
li {
  position: relative; display: grid; grid-template-columns: auto 1fr auto; gap: .1rem .8rem; padding: .85rem; pointer-events: auto; touch-action: pan-y; overflow: hidden;
  border: 1px solid var(--border); border-radius: var(--radius); background: var(--bg); box-shadow: var(--shadow);
  animation: arrive .28s cubic-bezier(.2, .9, .3, 1.1);
}
li[data-level=critical], li[data-level=error] { border-color: color-mix(in srgb, var(--level) 45%, var(--border)); }
li.leaving { opacity: 0; translate: 0 .5rem; transition: opacity .18s, translate .18s; }
.glyph { grid-row: span 3; }
.what { min-inline-size: 0; padding-block: .1rem; align-self: center; }
.title { font-weight: 600; line-height: 1.35; }
.title bdi, .body bdi { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.body { margin-block-start: .15rem; color: var(--muted); font-size: .875rem; }
.actions { grid-column: 2 / -1; display: flex; flex-wrap: wrap; gap: .5rem; margin-block-start: .6rem; }
.actions .button { font-size: .875rem; max-inline-size: 100%; }
.close { grid-area: 1 / 3; margin-block-start: -.35rem; margin-inline-end: -.35rem; align-self: start; }
.bar { grid-column: 2 / -1; }
/* Over a dialog they keep out of its way, which on a phone is at the bottom. */
:host([over]) section { inset-block: calc(1.25rem + env(safe-area-inset-top)) auto; }
@keyframes arrive { from { opacity: 0; translate: 0 1rem; scale: .97; } }
@media (width < 30rem) {
  section { inset-inline: .75rem; inline-size: auto; }
  :host([over]) li:not(:last-child) { display: none; }
}
`);

/** @typedef {import('../types.js').Toast} Toast */

/** The stack of toasts, in a popover, so that nothing lies above it. */
export class Toaster extends Base {
  #toasts = new Map();
  #list = h('ol');
  #section = h('section', { popover: 'manual', part: 'toasts', tabindex: '-1' }, this.#list);
  #holds = new Set();
  #swipe = matchMedia('(pointer: coarse)').matches ? import('./swipe.js') : null;

  constructor() {
    super(STYLE);
    this.root.append(this.#section);
    for (const [begins, ends] of [['pointerenter', 'pointerleave'], ['focusin', 'focusout']]) {
      this.#section.addEventListener(begins, () => this.#hold(begins, true));
      this.#section.addEventListener(ends, () => this.#hold(begins, false));
    }
    document.addEventListener('visibilitychange', () => this.#hold('hidden', document.hidden));
    this.#section.addEventListener('keydown', (event) => event.key === 'Escape' && this.#dismissFocused(event));
  }

  /** @param {import('../i18n.js').Words} words @param {number} most */
  setUp(words, most) {
    this.words = words;
    this.most = most;
    this.#section.setAttribute('aria-label', words.t('toasts'));
  }

  get size() {
    return this.#toasts.size;
  }

  has = (key) => this.#toasts.has(key);

  /** @param {Toast} toast */
  show(toast) {
    const known = this.#toasts.get(toast.key);
    if (known) clearTimeout(known.timer);
    const item = this.#build(toast);
    if (known) known.item.replaceWith(item);
    else this.#list.append(item);
    const entry = { toast, item, left: toast.ms, started: performance.now(), timer: 0 };
    this.#toasts.set(toast.key, entry);
    this.#run(entry);
    if (!known) this.#makeRoom();
    this.raise();
    this.#say(toast);
  }

  advance(key, percent, title) {
    const entry = this.#toasts.get(key);
    if (!entry?.toast.bar) return false;
    entry.toast.bar.advance(percent);
    const shown = entry.item.querySelector('.title bdi');
    if (shown.textContent !== title) shown.textContent = title;
    return true;
  }

  dismiss(key) {
    const entry = this.#toasts.get(key);
    if (!entry) return;
    clearTimeout(entry.timer);
    this.#toasts.delete(key);
    const hadFocus = entry.item.contains(this.root.activeElement);
    entry.item.classList.add('leaving');
    setTimeout(() => {
      entry.item.remove();
      if (this.#toasts.size === 0 && this.#section.matches(':popover-open')) this.#section.hidePopover();
    }, 200);
    if (hadFocus && this.#toasts.size > 0) this.#section.focus();
  }

  /** Whatever is open in front, the toasts are in front of it: inside a modal dialog, for all outside is inert. */
  raise() {
    if (this.#toasts.size === 0) return;
    const place = frontModal() ?? document.body;
    const isOpen = this.isConnected && this.#section.matches(':popover-open');
    if (isOpen && this.parentNode === place) return;
    if (isOpen) this.#section.hidePopover();
    if (this.parentNode !== place) this.#moveTo(place);
    this.toggleAttribute('over', place !== document.body);
    this.#section.showPopover();
  }

  /** F8: to the newest toast. */
  enter() {
    const button = /** @type {HTMLElement | null} */ (this.#list.lastElementChild?.querySelector('a, button'));
    (button ?? this.#section).focus();
  }

  #moveTo(place) {
    // `moveBefore` keeps the focus and the animations where there is such a thing.
    if (this.isConnected && 'moveBefore' in place) /** @type {any} */ (place).moveBefore(this, null);
    else place.append(this);
  }

  /** @param {Toast} toast */
  #build({ key, title, body, level, picture, word, actions = [], bar, onDismiss }) {
    const close = () => {
      onDismiss?.();
      this.dismiss(key);
    };
    const buttons = actions.filter(Boolean);
    const item = h('li', { 'data-level': level, 'data-key': key, part: 'toast' },
      glyph(picture),
      h('div', { class: 'what' },
        h('p', { class: 'title', part: 'title' }, h('span', { class: 'unseen' }, `${this.words.t(word)}: `), said(title)),
        body && h('p', { class: 'body', part: 'body' }, said(body))),
      bar,
      buttons.length > 0 && h('div', { class: 'actions', part: 'actions' }, buttons),
      iconButton(ICONS.close, this.words.t('close'), close, { class: 'quiet close' }));
    this.#swipe?.then(({ swipe }) => swipe(item, close));
    return item;
  }

  /** @param {Toast} toast */
  #say({ title, body = '', word, level }) {
    const text = `${this.words.t(word)}: ${title}. ${body.slice(0, ANNOUNCED_BODY)}`;
    announce(text, level === 'error' || level === 'critical' ? 'assertive' : 'polite');
  }

  /** One too many pushes out the oldest that would have gone anyway: it is in the inbox. */
  #makeRoom() {
    const passing = [...this.#toasts.values()].filter(({ toast }) => toast.ms !== Infinity);
    if (this.#toasts.size > this.most && passing.length > 1) this.dismiss(passing[0].toast.key);
  }

  #run(entry) {
    if (this.#holds.size > 0 || entry.left === Infinity) return;
    entry.started = performance.now();
    entry.timer = setTimeout(() => this.dismiss(entry.toast.key), entry.left);
  }

  /** Time stands still while somebody reads, and while nobody can. */
  #hold(why, isHeld) {
    const wasHeld = this.#holds.size > 0;
    if (isHeld) this.#holds.add(why);
    else this.#holds.delete(why);
    if (wasHeld === this.#holds.size > 0) return;
    for (const entry of this.#toasts.values()) {
      clearTimeout(entry.timer);
      if (isHeld) entry.left -= performance.now() - entry.started;
      else this.#run(entry);
    }
  }

  #dismissFocused(event) {
    const item = event.target.closest('li');
    if (!item) return;
    event.stopPropagation();
    this.#toasts.get(item.dataset.key)?.toast.onDismiss?.();
    this.dismiss(item.dataset.key);
  }
}

customElements.define('ec-toaster', Toaster);
