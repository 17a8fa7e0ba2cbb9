// <ec-preferences>: what reaches the person, when, and where. Each change is saved by itself.

import { announce, h } from '../dom.js';
import { devices } from '../settings/devices.js';
import { matrix } from '../settings/matrix.js';
import { digest, quietHours } from '../settings/rhythm.js';
import { settingsWords } from '../settings/words.js';
import { sheet } from '../theme.js';
import { Times } from '../times.js';
import { Base } from './base.js';

const STYLE = sheet(`
:host { display: block; }
section { margin-block-end: 1.5rem; }
h2 { margin-block-end: .5rem; font-size: .8125rem; font-weight: 600; color: var(--muted); }
.card { border: 1px solid var(--border); border-radius: var(--radius); background: var(--bg); overflow: clip; container-type: inline-size; }
.line { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; padding: .6rem .9rem; min-block-size: 3rem; }
.lines > * + *, li + li { border-block-start: 1px solid var(--border); }
.grow { flex: 1 1 12rem; display: grid; }
.span { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; padding: .6rem .9rem; }
.line .span { padding: 0; }
small, .hint { color: var(--muted); font-size: .8125rem; }
.hint { padding: .6rem .9rem; }
.own { color: var(--ok); }
table { inline-size: 100%; border-collapse: collapse; }
th, td { padding: .35rem .5rem; text-align: center; font-weight: 400; }
th[scope=row] { text-align: start; padding-inline-start: .9rem; }
thead th { color: var(--muted); font-size: .8125rem; padding-block-start: .7rem; }
tbody tr { border-block-start: 1px solid var(--border); }
.switch { display: inline-grid; place-items: center; position: relative; min-inline-size: 2.75rem; min-block-size: 2.5rem; cursor: pointer; }
.switch input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
.track { inline-size: 2.3rem; block-size: 1.35rem; border-radius: 1rem; border: 1px solid var(--muted); background: var(--raised); transition: background .15s; position: relative; }
.track::after { content: ""; position: absolute; inset-block: .15rem; inset-inline-start: .15rem; inline-size: .95rem; border-radius: 50%; background: var(--muted); transition: inset-inline-start .15s; }
input:checked + .track { background: var(--accent); border-color: var(--accent); }
input:checked + .track::after { inset-inline-start: 1.1rem; background: var(--accent-fg); }
input:focus-visible + .track { outline: 2px solid var(--focus); outline-offset: 2px; }
select, input[type=time], li input { font: inherit; color: inherit; min-block-size: 2.25rem; padding: .2rem .5rem; border: 1px solid var(--border); border-radius: .6rem; background: var(--bg); }
li input { border-color: transparent; padding-inline: 0; inline-size: 100%; }
li input:hover { border-color: var(--border); }
.problem { --level: var(--danger); margin-block-end: 1rem; padding: .55rem .8rem; border-radius: .65rem; color: var(--level); background: var(--tint); }
@container (width < 26rem) {
  table { table-layout: fixed; }
  th, td { padding-inline: .15rem; }
  th[scope=col] { inline-size: 21%; }
  th[scope=row] { padding-inline-start: .9rem; font-size: .875rem; line-height: 1.25; hyphens: auto; overflow-wrap: break-word; }
}
@media (pointer: coarse) { select, input[type=time] { min-block-size: 2.75rem; } }
@media (forced-colors: active) { .track::after { background: CanvasText; } input:checked + .track { border-width: 3px; } }
`);

export class Preferences extends Base {
  #center = null;
  #problem = h('p', { class: 'problem', role: 'alert', hidden: true });

  constructor() {
    super(STYLE);
  }

  async connectedCallback() {
    if (this.#center) return;
    this.#center = await this.center();
    await this.refresh();
  }

  /** Reads everything anew. */
  async refresh() {
    const { rest } = this.#center.client;
    const words = settingsWords(this.#center.words.language);
    const times = new Times(this.#center.words);
    this.words = words;
    const [kept, known, own] = await Promise.all([
      rest.get('api/preferences'), rest.get('api/push/devices').then((answer) => answer.devices, () => []), ownEndpoint(),
    ]);
    const save = (/** @type {object} */ change) => this.#save('PUT', 'api/preferences', change);
    const part = (/** @type {string} */ title, /** @type {Node[]} */ ...content) => h('section', { 'aria-label': title }, h('h2', {}, title), h('div', { class: 'card' }, ...content));
    this.root.replaceChildren(
      this.#problem,
      part(words.types, matrix({ ...kept.types }, words, (types) => save({ types })), h('p', { class: 'hint' }, words.critical)),
      part(words.quiet, quietHours(kept, words, save)),
      part(words.digest, digest(kept, words, save)),
      part(words.devices, devices(known, {
        words, own, ago: (at) => times.ago(at),
        rename: (id, name) => this.#save('PATCH', `api/push/devices/${id}`, { name }),
        remove: async (id) => {
          await this.#save('DELETE', `api/push/devices/${id}`);
          await this.refresh();
        },
      })));
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #save(method, path, body) {
    try {
      await this.#center.client.rest.send(method, path, body);
      this.#problem.hidden = true;
      announce(this.words.saved, 'polite');
    } catch (error) {
      const isHosts = error.status === 409;
      this.#problem.replaceChildren(isHosts ? this.words.host : this.words.failed.replace('{why}', error.message));
      this.#problem.hidden = false;
    }
  }
}

/** What the server calls this browser's endpoint, without saying it. @returns {Promise<string | null>} */
async function ownEndpoint() {
  const registration = await navigator.serviceWorker?.getRegistration();
  const subscription = await registration?.pushManager?.getSubscription();
  if (!subscription) return null;
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(subscription.endpoint));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

customElements.define('ec-preferences', Preferences);
