// One check as a line: what it is, how it went, what to do.

import { h, icon, ICONS } from '../dom.js';

/** @typedef {import('./diagnostics.js').Result} Result */

const PICTURES = /** @type {Record<string, string>} */ ({
  ok: ICONS.ok, info: ICONS.info, warn: ICONS.warning, fail: ICONS.error, needs_action: ICONS.ask, skipped: ICONS.info, running: ICONS.clock,
});

/** What a click here can mend. */
const TURNED_ON = new Set(['permission_default', 'permission_revoked', 'not_subscribed', 'key_changed', 'server_forgot']);

export class Row {
  /**
   * @param {import('./diagnostics.js').Check} check @param {import('./words.js').Speech} speech
   * @param {{tryIt: () => Promise<void>, turnOn: () => Promise<void>}} does
   */
  constructor(check, speech, { tryIt, turnOn }) {
    this.speech = speech;
    this.isPassive = check.kind === 'passive';
    this.turnOn = turnOn;
    this.mark = h('span', { class: 'mark' });
    this.word = h('span', { class: 'word' });
    this.text = h('p', { class: 'text', hidden: true });
    this.mend = h('div', {});
    const names = /** @type {Record<string, string>} */ (speech.words.checks);
    const name = names[check.id] ?? check.id;
    const button = check.kind === 'active'
      && h('button', { type: 'button', class: 'try', 'aria-label': `${speech.words.try_it}: ${name}`, onclick: tryIt }, speech.words.try_it);
    this.element = h('li', { 'data-check': check.id, 'data-kind': check.kind, part: 'check' },
      h('div', { class: 'line' }, this.mark, h('span', { class: 'name' }, name), this.word, button), this.text, this.mend);
    if (check.kind === 'active') this.#mark('idle');
  }

  running() {
    if (this.element.dataset.kind === 'active' && this.element.dataset.status === 'idle') return;
    this.#mark('running');
  }

  /** @param {string} status */
  #mark(status) {
    const names = /** @type {Record<string, string>} */ (this.speech.words.status);
    this.element.dataset.status = status;
    this.mark.replaceChildren(...(PICTURES[status] ? [icon(PICTURES[status])] : []));
    this.word.replaceChildren(names[status] ?? '');
  }

  /** @param {Result} result */
  show(result) {
    this.#mark(result.status);
    this.element.dataset.code = result.code ?? '';
    this.text.replaceChildren(result.code ? this.speech.code(result.code) : '');
    this.text.hidden = !result.code;
    const links = /** @type {{link: string, ok: boolean, ms: number}[] | undefined} */ (result.evidence?.links);
    const canTurnOn = this.isPassive && result.status !== 'info' && TURNED_ON.has(result.code ?? '');
    this.mend.replaceChildren(...[links && this.#timeline(links), canTurnOn && this.#turnOn(), result.guide && this.#guide(result.guide)].filter(Boolean));
  }

  /** How far a test came. @param {{link: string, ok: boolean, ms: number}[]} links */
  #timeline(links) {
    const names = /** @type {Record<string, string>} */ (this.speech.words.links);
    return h('ol', { class: 'links' }, ...links.map(({ link, ok, ms }) => (
      h('li', { 'data-ok': String(ok) }, icon(ok ? ICONS.ok : ICONS.error), names[link], ok ? h('span', { class: 'note' }, this.speech.ms(ms)) : null)
    )));
  }

  #turnOn = () => h('button', { type: 'button', class: 'mend', onclick: () => this.turnOn() }, this.speech.words.turn_on);

  /** @param {import('./guides.js').Guide} guide */
  #guide({ id, verified, copy }) {
    const { words, steps } = this.speech;
    const note = verified ? words.verified.replace('{date}', this.speech.day(verified)) : words.not_verified;
    return h('details', { class: 'guide', part: 'guide' },
      h('summary', {}, words.fix),
      h('ol', {}, ...(steps[id] ?? []).map((step) => h('li', {}, step))),
      copy && this.#copyButton(copy),
      h('p', { class: 'note' }, note));
  }

  /** @param {string} address one that a page may not open itself */
  #copyButton(address) {
    const { words } = this.speech;
    const copied = async (/** @type {Event} */ event) => {
      const button = /** @type {HTMLElement} */ (event.currentTarget);
      button.textContent = await navigator.clipboard.writeText(address).then(() => words.copied, () => words.copy_failed);
    };
    return h('button', { type: 'button', class: 'quiet', onclick: copied }, words.copy_address.replace('{address}', address));
  }
}
