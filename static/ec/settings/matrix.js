// What reaches the person: a switch for each kind of event and channel.

import { h } from '../dom.js';

const CHANNELS = ['ws', 'push', 'email'];
const TYPES = ['action.required', 'job.done', 'job.progress', 'message.new', 'reminder.due', 'task.created', 'system.alert'];
/** Ours: what asks for a test wants it, and digests have a switch of their own. */
const INTERNAL = new Set(['diagnostics.loopback', 'digest']);
/** Where a kind would only annoy, it is never sent, so there is nothing to switch. */
const NOISE = new Set(['job.progress push', 'job.progress email', 'message.new email']);

/**
 * @param {Record<string, Record<string, boolean>>} switches what is not mentioned is on
 * @param {any} words
 * @param {(switches: Record<string, Record<string, boolean>>) => Promise<void>} save
 */
export function matrix(switches, words, save) {
  const types = [...new Set([...TYPES, ...Object.keys(switches)])].filter((type) => !INTERNAL.has(type));
  const cell = (/** @type {string} */ type, /** @type {string} */ channel) => {
    if (NOISE.has(`${type} ${channel}`)) return h('td', {}, '–');
    const label = words.cell.replace('{type}', words.type[type] ?? type).replace('{channel}', words.channel[channel]);
    const box = h('input', { type: 'checkbox', role: 'switch', 'aria-label': label, checked: switches[type]?.[channel] ?? true });
    box.addEventListener('change', async () => {
      switches[type] = { ...switches[type], [channel]: box.checked };
      await save(switches);
    });
    return h('td', {}, h('label', { class: 'switch' }, box, h('span', { class: 'track' })));
  };
  return h('table', {},
    h('thead', {}, h('tr', {}, h('td'), ...CHANNELS.map((channel) => h('th', { scope: 'col' }, words.channel[channel])))),
    h('tbody', {}, ...types.map((type) => h('tr', {}, h('th', { scope: 'row' }, words.type[type] ?? h('code', {}, type)), ...CHANNELS.map((channel) => cell(type, channel))))));
}
