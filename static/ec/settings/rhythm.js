// When it reaches the person: quiet hours, and mail gathered into digests.

import { h } from '../dom.js';

/** What is proposed to whoever switches quiet hours on. */
const NIGHT = { from: '22:00', to: '08:00' };
const CADENCES = ['off', 'daily', 'weekly'];

/**
 * @param {{quiet_hours: {from: string, to: string} | null, time_zone: string}} kept
 * @param {any} words
 * @param {(change: object) => Promise<void>} save
 */
export function quietHours(kept, words, save) {
  const hours = kept.quiet_hours ?? NIGHT;
  const time = (/** @type {'from' | 'to'} */ name) => h('input', { type: 'time', value: hours[name], required: true, 'aria-label': words[name] });
  const [from, to] = [time('from'), time('to')];
  const box = h('input', { type: 'checkbox', role: 'switch', checked: kept.quiet_hours !== null });
  const span = h('span', { class: 'span', hidden: kept.quiet_hours === null }, words.from, from, words.to, to, h('small', {}, zoneOf(kept)));
  const change = () => {
    span.hidden = !box.checked;
    if (!from.value || !to.value || from.value === to.value) return undefined;
    // Hours mean nothing without a zone: whoever never had one gets that of this device.
    return save({ quiet_hours: box.checked ? { from: from.value, to: to.value } : null, time_zone: zoneOf(kept) });
  };
  for (const field of [box, from, to]) field.addEventListener('change', change);
  return h('div', { class: 'lines' }, h('label', { class: 'line' }, h('span', { class: 'grow' }, words.quiet_on), h('span', { class: 'switch' }, box, h('span', { class: 'track' }))), span, h('p', { class: 'hint' }, words.quiet_hint));
}

/** @param {{time_zone: string}} kept */
const zoneOf = (kept) => (kept.time_zone === 'UTC' ? Intl.DateTimeFormat().resolvedOptions().timeZone : kept.time_zone);

/** @param {{digest: string, digest_hour: number, time_zone: string}} kept @param {any} words @param {(change: object) => Promise<void>} save */
export function digest(kept, words, save) {
  const cadence = h('select', { 'aria-label': words.gather }, ...CADENCES.map((one) => h('option', { value: one, selected: one === kept.digest }, words[one])));
  const hour = h('select', { 'aria-label': words.at }, ...Array.from({ length: 24 }, (_, at) => h('option', { value: at, selected: at === kept.digest_hour }, `${String(at).padStart(2, '0')}:00`)));
  const at = h('span', { class: 'span', hidden: kept.digest === 'off' }, words.at, hour);
  const change = () => {
    at.hidden = cadence.value === 'off';
    return save({ digest: cadence.value, digest_hour: Number(hour.value), time_zone: zoneOf(kept) });
  };
  for (const field of [cadence, hour]) field.addEventListener('change', change);
  return h('div', { class: 'line' }, h('span', { class: 'grow' }, words.gather), cadence, at);
}
