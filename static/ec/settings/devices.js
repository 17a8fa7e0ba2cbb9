// The browsers that get the person's pushes.

import { ICONS, h, said } from '../dom.js';
import { iconButton } from '../ui/base.js';

/**
 * @param {{id: string, name: string | null, last_success_at: string | null, needs_resubscribe: boolean, endpoint_sha256: string}[]} known
 * @param {{words: any, ago: (at: string) => string, own: string | null, rename: (id: string, name: string) => Promise<void>, remove: (id: string) => Promise<void>}} tools
 */
export function devices(known, { words, ago, own, rename, remove }) {
  if (known.length === 0) return h('p', { class: 'hint' }, words.no_devices);
  return h('ul', { class: 'lines' }, ...known.map((device) => {
    const name = device.name ?? device.id;
    const field = h('input', { value: name, maxlength: 128, 'aria-label': `${words.rename}: ${name}` });
    field.addEventListener('change', () => field.value.trim() && rename(device.id, field.value.trim()));
    const last = device.last_success_at ? words.last.replace('{at}', ago(device.last_success_at)) : words.never;
    return h('li', { class: 'line' },
      h('span', { class: 'grow' }, field, device.endpoint_sha256 === own && h('small', { class: 'own' }, words.this_one),
        h('small', {}, said(device.needs_resubscribe ? words.stale : last))),
      iconButton(ICONS.close, `${words.remove}: ${name}`, () => remove(device.id)));
  }));
}
