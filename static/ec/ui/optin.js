// <ec-push-optin>: asks whether to ask. The browser's own prompt comes only from a click here, because a prompt that
// surprises is refused, and a refusal is for ever.

import { h } from '../dom.js';
import { Push, PushFailed } from '../push.js';
import { settingsWords } from '../settings/words.js';
import { sheet } from '../theme.js';
import { Base, glyph } from './base.js';

const DAY_MS = 86_400_000;
/** How long a “not now” holds: the first, the second; after the third nobody asks again. */
const PAUSES_MS = [14 * DAY_MS, 60 * DAY_MS, Number.POSITIVE_INFINITY];
const REFUSED = 'push-not-now';

const STYLE = sheet(`
:host { display: block; }
.card { display: flex; gap: .9rem; padding: 1.1rem; border: 1px solid var(--border); border-radius: var(--radius); background: var(--bg); }
.what { flex: 1; display: grid; gap: .35rem; }
h2 { font-weight: 650; font-size: 1.05rem; }
p { color: var(--muted); max-inline-size: 60ch; text-wrap: pretty; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; margin-block-start: .5rem; }
.plain { padding-inline: .85rem; font-weight: 550; }
`);

export class PushOptIn extends Base {
  #center = null;
  #card = h('section', { class: 'card', 'aria-live': 'polite', hidden: true });

  constructor() {
    super(STYLE);
    this.root.append(this.#card);
  }

  async connectedCallback() {
    if (this.#center) return;
    this.#center = await this.center();
    this.words = settingsWords(this.#center.words.language);
    this.#card.setAttribute('aria-label', this.words.push);
    this.push = new Push(this.#center);
    if (this.hasAttribute('always')) await this.#offer();
  }

  /**
   * Offers it, at a moment when it is worth something; not to whoever has it, cannot have it, or has just said no.
   * @returns {Promise<boolean>} whether the card is shown
   */
  async prime() {
    await this.center();
    const { count = 0, at = 0 } = (await this.#center.client.store.get(REFUSED)) ?? {};
    const isTooSoon = count > 0 && Date.now() - at < PAUSES_MS[Math.min(count, PAUSES_MS.length) - 1];
    return isTooSoon ? false : this.#offer();
  }

  async #offer() {
    const state = await this.push.state();
    if (state === 'default' || state === 'off') this.#ask();
    else if (state === 'on' && this.hasAttribute('always')) this.#on();
    else if (state !== 'on' && this.hasAttribute('always')) await this.#fail(state === 'denied' ? 'permission_denied' : 'push_unsupported');
    return !this.#card.hidden;
  }

  #show(picture, title, body, ...buttons) {
    this.#card.hidden = false;
    this.#card.replaceChildren(glyph(picture), h('div', { class: 'what' }, h('h2', {}, title), body && h('p', {}, body), h('div', { class: 'row' }, ...buttons)));
  }

  #button = (text, onclick, look = 'button') => h('button', { type: 'button', class: look, onclick }, text);

  #ask() {
    const { words } = this;
    this.#show('bell', words.prime_title, words.prime_body,
      this.#button(words.turn_on, () => this.#enable(), 'button primary'),
      !this.hasAttribute('always') && this.#button(words.not_now, () => this.#putOff(), 'quiet plain'));
  }

  #on() {
    const { words } = this;
    this.#show('ok', words.is_on, '', this.#button(words.turn_off, async () => {
      await this.push.disable();
      this.#ask();
    }));
  }

  async #enable() {
    try {
      await this.push.enable();
      await this.#try();
    } catch (error) {
      await this.#fail(error instanceof PushFailed ? error.code : 'check_failed');
    }
  }

  async #putOff() {
    const { store } = this.#center.client;
    const { count = 0 } = (await store.get(REFUSED)) ?? {};
    await store.set(REFUSED, { count: count + 1, at: Date.now() });
    this.#card.hidden = true;
  }

  /** A real push, from the server through the push service to the person's eyes. */
  async #try() {
    const { words } = this;
    this.#show('bell', words.is_on, words.trying);
    const { NotificationDiagnostics } = await import('../diag/diagnostics.js');
    const diagnostics = new NotificationDiagnostics({
      server: this.#center.client.server.href, token: () => this.#center.client.rest.token(), ask: () => this.#seen(),
    });
    const result = await diagnostics.runOne('push_loopback');
    if (result.status === 'ok' || result.code === 'push_slow') this.#show('ok', words.works, '');
    else await this.#fail(result.code ?? 'check_failed');
  }

  /** @returns {Promise<'yes' | 'no'>} */
  #seen() {
    return new Promise((resolve) => {
      const { words } = this;
      this.#show('ask', words.seen_it, '',
        this.#button(words.yes, () => resolve('yes'), 'button primary'), this.#button(words.no, () => resolve('no')));
    });
  }

  /** What is wrong, in the words of the environment check, and the way to it. @param {string} code */
  async #fail(code) {
    const { speak } = await import('../diag/words.js');
    const speech = await speak(this.#center.words.language);
    const check = h('a', { class: 'button', href: `/check?lang=${speech.lang}`, target: '_blank' }, this.words.help);
    this.#show('warning', speech.code(code), '', check, this.#button(this.#center.words.t('retry'), () => this.#ask(), 'quiet plain'));
    this.#center.say('ec-push-status', { state: 'failed', code });
  }
}

customElements.define('ec-push-optin', PushOptIn);
