// <ec-bell>: how much is unread, and the inbox behind it.

import { ICONS, h, icon } from '../dom.js';
import { sheet } from '../theme.js';
import { Base } from './base.js';

const SHOWN_MAX = 99;

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
@keyframes ring { 20% { rotate: 14deg; } 45% { rotate: -11deg; } 70% { rotate: 6deg; } }
@media (forced-colors: active) { .badge { border: 1px solid; } }
`);

/** The bell, its badge, and the panel that it opens. */
export class Bell extends Base {
  #center = null;
  #badge = h('span', { class: 'badge', part: 'badge', 'aria-hidden': 'true' });
  #button = h('button', { type: 'button', class: 'bell', part: 'bell', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' }, icon(ICONS.bell), this.#badge);
  /** @type {HTMLElement | null} */
  #panel = null;

  constructor() {
    super(STYLE);
    this.root.append(this.#button);
    this.#button.addEventListener('click', () => this.toggle());
  }

  async connectedCallback() {
    if (this.#center) return;
    this.#center = await this.center();
    const { client } = this.#center;
    client.listen('counts', () => this.#count());
    document.addEventListener('ec-open-inbox', () => this.#panel?.matches(':popover-open') || this.toggle());
    this.#count();
  }

  /** Opens the panel, or closes it. */
  async toggle() {
    if (!this.#center) return;
    const { PANEL, makePanel } = await import('./panel.js');
    if (!this.#panel) {
      this.root.adoptedStyleSheets.push(PANEL);
      this.#panel = makePanel(this.#button, this.#center, (isOpen) => this.#button.setAttribute('aria-expanded', String(isOpen)));
      this.root.append(this.#panel);
    }
    this.#panel.togglePopover();
  }

  #count() {
    const { unread, unseen } = this.#center.client.counts;
    const { words } = this.#center;
    const shown = unread > SHOWN_MAX ? `${SHOWN_MAX}+` : unread ? String(unread) : '';
    if (this.#badge.textContent !== shown) this.#badge.textContent = shown;
    this.#badge.classList.toggle('seen', unseen === 0);
    this.#button.setAttribute('aria-label', unread ? words.t('bell', { n: unread }) : words.t('bell_none'));
    this.#button.classList.toggle('rung', unseen > 0); // It rings once for all that comes until somebody looks.
  }
}

customElements.define('ec-bell', Bell);
