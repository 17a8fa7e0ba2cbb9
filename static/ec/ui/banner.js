// <ec-banner>: alerts of the system at the top of the page, the worst first.

import { ICONS, announce, h, said } from '../dom.js';
import { sheet } from '../theme.js';
import { Base, ctaLink, glyph, iconButton, lookOf } from './base.js';

const LEVELS = ['critical', 'error', 'warning', 'info'];
const SHOWN_MAX = 3; // More alerts than that would bury the page; the rest follow as these are put away.

const STYLE = sheet(`
:host { display: block; position: sticky; inset-block-start: 0; z-index: calc(var(--ec-z, 2147483000) - 1); }
li {
  display: flex; align-items: center; gap: .8rem; padding: .6rem max(1rem, env(safe-area-inset-left)); border-block-end: 1px solid color-mix(in srgb, var(--level) 30%, var(--border));
  background: color-mix(in srgb, var(--level) 9%, var(--bg)); animation: unfold .25s ease-out;
}
li[data-level=critical] { --bg: var(--ec-bg, light-dark(#fff, #1c1e26)); background: light-dark(#b91f33, #8f1a2a); color: #fff; border-color: transparent; }
li[data-level=critical] :is(.body, .quiet, .glyph) { color: inherit; }
li[data-level=critical] .glyph { background: rgb(255 255 255 / .16); }
li[data-level=critical] .quiet:hover { background: rgb(255 255 255 / .16); }
li[data-level=critical] .button { border-color: #fff; background: #fff; color: #8f1a2a; }
li[data-level=critical] :focus-visible { outline-color: #fff; }
.what { flex: 1; min-inline-size: 0; max-block-size: 30dvh; overflow-y: auto; }
.title { font-weight: 600; }
.body { color: var(--muted); font-size: .875rem; }
.body bdi { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.glyph { inline-size: 2rem; block-size: 2rem; }
@keyframes unfold { from { opacity: 0; translate: 0 -100%; } }
.button { flex: none; max-inline-size: 16rem; }
@media (width < 30rem) { li { flex-wrap: wrap; } .what { flex-basis: 50%; } .button { order: 1; flex: 1 0 100%; max-inline-size: none; } }
`);

/** The page's alerts. A host may place the element itself; else it becomes the first of the body. */
export class Banner extends Base {
  #alerts = new Map();
  #list = h('ul', { role: 'list' });
  #region = h('section', {}, this.#list);

  constructor() {
    super(STYLE);
    this.root.append(this.#region);
  }

  /** @param {string} key @param {import('../ec.js').Event} event @param {import('./center.js').NotificationCenter} center */
  show(key, event, center) {
    this.center();
    this.#region.setAttribute('aria-label', center.words.t('alerts'));
    const look = lookOf(event);
    const dismiss = () => {
      center.router.putOff(event);
      center.client.mark('read', { ids: [event.id] }).catch(() => {});
    };
    const item = h('li', { 'data-level': look.level, part: 'banner' },
      glyph(look.picture),
      h('div', { class: 'what' },
        h('p', { class: 'title' }, h('span', { class: 'unseen' }, `${center.words.t(look.word)}: `), said(event.title)),
        event.body && h('p', { class: 'body' }, said(event.body))),
      ctaLink(event, center),
      iconButton(ICONS.close, center.words.t('dismiss'), dismiss));
    this.#alerts.delete(key);
    this.#alerts.set(key, { item, rank: LEVELS.indexOf(look.level) });
    this.#draw();
    announce(`${center.words.t(look.word)}: ${event.title}`, look.level === 'info' ? 'polite' : 'assertive');
  }

  dismiss(key) {
    if (this.#alerts.delete(key)) this.#draw();
  }

  #draw() {
    const worstFirst = [...this.#alerts.values()].reverse().sort((one, other) => one.rank - other.rank);
    this.#list.replaceChildren(...worstFirst.slice(0, SHOWN_MAX).map(({ item }) => item));
    this.hidden = worstFirst.length === 0;
  }
}

customElements.define('ec-banner', Banner);
