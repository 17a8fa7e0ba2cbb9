// "Not now": a button that opens a few times to choose from.

import { ICONS, h, icon } from '../dom.js';

const MINUTE_MS = 60_000;
const MORNING_HOUR = 9;

const CHOICES = {
  snooze_10m: () => new Date(Date.now() + 10 * MINUTE_MS),
  snooze_1h: () => new Date(Date.now() + 60 * MINUTE_MS),
  snooze_tomorrow: () => {
    const morning = new Date();
    morning.setDate(morning.getDate() + 1);
    morning.setHours(MORNING_HOUR, 0, 0, 0);
    return morning;
  },
};

/**
 * A native select under our own picture, for its menu is at home on every phone and in every screen reader.
 * @param {import('./center.js').NotificationCenter} center
 * @param {(until: string) => void} onChoose
 * @param {'button' | 'quiet'} look
 */
export function snoozeMenu({ words }, onChoose, look) {
  const select = h('select', { 'aria-label': words.t('snooze'), title: words.t('snooze') },
    h('option', { value: '', selected: true }, words.t('snooze')),
    Object.keys(CHOICES).map((name) => h('option', { value: name }, words.t(name))));
  select.addEventListener('change', () => select.value && onChoose(CHOICES[select.value]().toISOString()));
  const word = look === 'button' && h('span', { 'aria-hidden': 'true' }, words.t('snooze'));
  return h('span', { class: `snooze ${look}` }, icon(ICONS.clock), word, select);
}
