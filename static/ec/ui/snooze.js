// "Not now": a button that opens a few times to choose from.

import { h } from '../dom.js';

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
 * A native select, for its menu is at home on every phone and in every screen reader.
 * @param {import('./center.js').NotificationCenter} center
 * @param {(until: string) => void} onChoose
 */
export function snoozeMenu({ words }, onChoose, attributes = {}) {
  const select = h('select', { class: 'button', 'aria-label': words.t('snooze'), ...attributes },
    h('option', { value: '', selected: true }, words.t('snooze')),
    Object.keys(CHOICES).map((name) => h('option', { value: name }, words.t(name))));
  select.addEventListener('change', () => select.value && onChoose(CHOICES[select.value]().toISOString()));
  return select;
}
