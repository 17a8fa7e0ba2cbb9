// <ec-bell>: how much is unread, and the inbox behind it.

import { ICONS, h, icon } from '../dom.js';
import { sheet } from '../theme.js';
import { Base, iconButton } from './base.js';

const SHOWN_MAX = 99;
const GAP_PX = 8;

const STYLE = sheet(`
:host { display: inline-block; }
.bell { position: relative; inline-size: 2.75rem; block-size: 2.75rem; padding: 0; border: 0; border-radius: .8rem; background: none; color: inherit; display: grid; place-items: center; }
.bell:hover, .bell[aria-expanded=true] { background: color-mix(in srgb, currentColor 9%, transparent); }
.bell svg { inline-size: 1.5rem; block-size: 1.5rem; }
.bell.rung svg { animation: ring .6s ease-out; transform-origin: 50% 15%; }
.badge {
  position: absolute; inset-block-start: .1rem; inset-inline-start: 56%; min-inline-size: 1.2rem; padding-inline: .3rem; border-radius: 1rem;
  background: var(--ec-badge, light-dark(#c01f36, #ff7e88)); color: var(--ec-badge-fg, light-dark(#fff, #2b0509)); box-shadow: 0 0 0 2px var(--bg);
  font-size: .72rem; line-height: 1.2rem; font-weight: 700; text-align: center; font-variant-numeric: tabular-nums;
}
.badge:empty { display: none; }
.badge.seen { background: var(--muted); color: var(--bg); }
.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; overflow: hidden; inline-size: min(26.5rem, calc(100vw - 1rem)); block-size: min(42rem, calc(100dvh - 5rem));
  border: 1px solid var(--border); border-radius: calc(var(--radius) + 4px); background: var(--bg); color: var(--fg); box-shadow: var(--shadow); z-index: var(--ec-z, 2147483000);
}
.panel:popover-open { display: flex; flex-direction: column; animation: drop .18s ease-out; }
.panel ec-inbox { flex: 1; block-size: auto; }
@keyframes drop { from { opacity: 0; translate: 0 -.5rem; } }
@keyframes ring { 20% { rotate: 14deg; } 45% { rotate: -11deg; } 70% { rotate: 6deg; } }
@media (width < 30rem) {
  .panel { inset: 0; inline-size: 100%; block-size: 100%; max-block-size: none; border: 0; border-radius: 0; padding-block: env(safe-area-inset-top) env(safe-area-inset-bottom); }
  @keyframes drop { from { opacity: 0; translate: 0 2rem; } }
}
@media (forced-colors: active) { .badge { border: 1px solid; } }
`);

/** The bell, its badge, and the panel that it opens. */
export class Bell extends Base {
  #center = null;
  #badge = h('span', { class: 'badge', part: 'badge', 'aria-hidden': 'true' });
  #button = h('button', { type: 'button', class: 'bell', part: 'bell', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' }, icon(...ICONS.bell), this.#badge);
  #panel = h('div', { class: 'panel', popover: 'auto', role: 'dialog', part: 'panel' });

  constructor() {
    super(STYLE);
    this.root.append(this.#button, this.#panel);
    this.#button.addEventListener('click', () => this.toggle());
    this.#panel.addEventListener('toggle', ({ newState }) => this.#toggled(newState === 'open'));
    this.#panel.addEventListener('beforetoggle', ({ newState }) => newState === 'open' && this.#place());
  }

  async connectedCallback() {
    if (this.#center) return;
    this.#center = await this.center();
    const { client, words } = this.#center;
    this.#panel.setAttribute('aria-label', words.t('notifications'));
    client.listen('counts', () => this.#count());
    document.addEventListener('ec-open-inbox', () => this.#panel.matches(':popover-open') || this.toggle());
    addEventListener('resize', () => this.#panel.matches(':popover-open') && this.#place());
    this.#count();
  }

  /** Opens the panel, or closes it. */
  async toggle() {
    if (!this.#center) return;
    if (this.#panel.matches(':popover-open')) return void this.#panel.hidePopover();
    await import('./inbox.js');
    if (!this.#panel.firstChild) {
      const close = iconButton('close', this.#center.words.t('close'), () => this.#panel.hidePopover(), { slot: 'header' });
      this.#panel.append(h('ec-inbox', { theme: this.getAttribute('theme'), lang: this.lang }, close));
    }
    this.#panel.showPopover();
    this.#inbox.focus();
  }

  get #inbox() {
    return /** @type {import('./inbox.js').Inbox} */ (this.#panel.querySelector('ec-inbox'));
  }

  #toggled(isOpen) {
    this.#button.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) this.#inbox.shown();
    else if (this.root.activeElement === null) this.#button.focus();
  }

  /** Below the bell, where there is room; on a phone the style lets it fill the screen. */
  #place() {
    const bell = this.#button.getBoundingClientRect();
    const top = Math.max(GAP_PX, bell.bottom + GAP_PX);
    const isRight = bell.left + bell.width / 2 > innerWidth / 2;
    Object.assign(this.#panel.style, matchMedia('(width < 30rem)').matches ? { top: '', left: '', right: '', maxHeight: '' } : {
      top: `${top}px`,
      maxHeight: `${innerHeight - top - GAP_PX}px`,
      left: isRight ? 'auto' : `${Math.max(GAP_PX, bell.left)}px`,
      right: isRight ? `${Math.max(GAP_PX, innerWidth - bell.right)}px` : 'auto',
    });
  }

  #count() {
    const { unread, unseen } = this.#center.client.counts;
    const { words } = this.#center;
    const hasMore = Number(this.#badge.textContent.replace('+', '')) < unread;
    this.#badge.textContent = unread > SHOWN_MAX ? `${SHOWN_MAX}+` : unread ? String(unread) : '';
    this.#badge.classList.toggle('seen', unseen === 0);
    this.#button.setAttribute('aria-label', unread ? words.t('bell', { n: unread }) : words.t('bell_none'));
    if (!hasMore || unseen === 0) return;
    this.#button.classList.remove('rung');
    requestAnimationFrame(() => this.#button.classList.add('rung'));
  }
}

customElements.define('ec-bell', Bell);
