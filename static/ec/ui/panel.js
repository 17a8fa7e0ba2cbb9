// What the bell opens: the inbox, below the bell, or over a phone's whole screen.

import { ICONS, h } from '../dom.js';
import { sheet } from '../theme.js';
import { iconButton } from './base.js';
import './inbox.js';

const GAP_PX = 8;

export const PANEL = sheet(`
.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; overflow: hidden; inline-size: min(26.5rem, calc(100vw - 1rem)); block-size: min(42rem, calc(100dvh - 5rem));
  border: 1px solid var(--border); border-radius: calc(var(--radius) + 4px); background: var(--bg); color: var(--fg); box-shadow: var(--shadow); z-index: var(--ec-z, 2147483000);
}
.panel:popover-open { display: flex; flex-direction: column; animation: drop .18s ease-out; }
.panel ec-inbox { flex: 1; block-size: auto; }
@keyframes drop { from { opacity: 0; translate: 0 -.5rem; } }
@media (width < 30rem) {
  .panel { inset: 0; inline-size: 100%; block-size: 100%; max-block-size: none; border: 0; border-radius: 0; padding-block: env(safe-area-inset-top) env(safe-area-inset-bottom); }
  @keyframes drop { from { opacity: 0; translate: 0 2rem; } }
}
`);

/**
 * @param {HTMLElement} bell
 * @param {import('./center.js').NotificationCenter} center
 * @param {(isOpen: boolean) => void} onToggle
 * @returns {HTMLElement}
 */
export function makePanel(bell, center, onToggle) {
  const { words } = center;
  const close = iconButton(ICONS.close, words.t('close'), () => panel.hidePopover(), { slot: 'header' });
  const inbox = /** @type {import('./inbox.js').Inbox} */ (h('ec-inbox', { lang: words.language }, close));
  const panel = h('div', { class: 'panel', popover: 'auto', role: 'dialog', part: 'panel', 'aria-label': words.t('notifications') }, inbox);
  panel.addEventListener('beforetoggle', ({ newState }) => newState === 'open' && place(panel, bell));
  panel.addEventListener('toggle', ({ newState }) => {
    onToggle(newState === 'open');
    if (newState !== 'open') return;
    inbox.shown();
    inbox.focus();
  });
  addEventListener('resize', () => panel.matches(':popover-open') && place(panel, bell));
  return panel;
}

/** Below the bell, on the side where there is room; on a phone the style lets it fill the screen. */
function place(panel, bell) {
  const { left, right, width, bottom } = bell.getBoundingClientRect();
  const isRight = left + width / 2 > innerWidth / 2;
  const top = Math.max(GAP_PX, bottom + GAP_PX);
  Object.assign(panel.style, matchMedia('(width < 30rem)').matches ? { top: '', left: '', right: '', maxHeight: '' } : {
    top: `${top}px`,
    maxHeight: `${innerHeight - top - GAP_PX}px`,
    left: isRight ? 'auto' : `${Math.max(GAP_PX, left)}px`,
    right: isRight ? `${Math.max(GAP_PX, innerWidth - right)}px` : 'auto',
  });
}
