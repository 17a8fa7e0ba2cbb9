// <ec-diagnostics mode="badge | panel | page">: the checks as a person sees them.
//
// `badge` is one line, green or red, that leads to the page /check; `panel` shows what is wrong and what is to do; `page`
// shows everything, with buttons for the checks that need a click. `element.token = async () => …` when cookies are not used.

import { h, icon, ICONS } from '../dom.js';
import { NotificationDiagnostics } from './diagnostics.js';
import { Row } from './row.js';
import { turnOn } from './mend.js';
import { THEME } from '../theme.js';
import { STYLE } from './style.js';
import { speak } from './words.js';

/** How long a question waits for its answer, in ms. */
const ASK_MS = 20_000;
/** After a change of the surroundings: settle first, then check. */
const CALM_MS = 500;

export class DiagnosticsPanel extends HTMLElement {
  /** @type {(() => Promise<string | null> | string | null)} */
  token = () => null;

  /** @type {Map<string, Row>} */
  #rows = new Map();
  #watching = new AbortController();
  #timer = 0;
  #isChecking = false;

  constructor() {
    super();
    this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [THEME, STYLE];
  }

  get mode() {
    return this.getAttribute('mode') ?? 'panel';
  }

  async connectedCallback() {
    this.#watching = new AbortController();
    this.diagnostics = new NotificationDiagnostics({
      server: this.getAttribute('server') ?? '/',
      token: () => this.token(),
      ask: (question) => this.#ask(question),
    });
    this.speech = await speak(this.closest('[lang]')?.getAttribute('lang') ?? navigator.language);
    this.#render();
    this.diagnostics.addEventListener('result', (event) => this.#show(/** @type {CustomEvent} */ (event).detail));
    await this.check();
    await this.#watch();
  }

  disconnectedCallback() {
    this.#watching.abort();
    clearTimeout(this.#timer);
  }

  /** Runs all passive checks anew. */
  async check() {
    this.#rows.forEach((row) => row.running());
    this.#summary?.replaceChildren(this.#words.running);
    this.#isChecking = true;
    await this.diagnostics?.run();
    this.#isChecking = false;
    this.#summarise();
    this.dispatchEvent(new CustomEvent('ec-diagnostics', { bubbles: true, composed: true, detail: await this.diagnostics?.report() }));
  }

  /** Whatever a person changes in the settings shows here by itself. */
  async #watch() {
    const { signal } = this.#watching;
    const again = () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.check(), CALM_MS);
    };
    addEventListener('online', again, { signal });
    addEventListener('offline', again, { signal });
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && again(), { signal });
    const permission = await navigator.permissions?.query({ name: 'notifications' }).catch(() => null);
    permission?.addEventListener('change', again, { signal });
  }

  get #words() {
    return /** @type {import('./words.js').Speech} */ (this.speech).words;
  }

  /** @type {HTMLElement | null} */
  #summary = null;
  /** @type {HTMLElement | null} */
  #question = null;

  #render() {
    const words = this.#words;
    const root = /** @type {ShadowRoot} */ (this.shadowRoot);
    this.#summary = h('p', { class: 'summary', role: 'status', part: 'summary' }, words.running);
    if (this.mode === 'badge') return void root.replaceChildren(this.#badge());
    this.#question = h('div', { class: 'question', role: 'alertdialog', 'aria-label': words.title, hidden: true });
    this.#rows.clear();
    root.replaceChildren(h('section', { class: this.mode, part: 'panel', 'aria-label': words.title },
      h('header', {}, this.#summary, h('div', { class: 'tools' },
        h('button', { type: 'button', class: 'quiet', onclick: () => this.check() }, words.run_all),
        h('button', { type: 'button', class: 'quiet', onclick: (/** @type {Event} */ event) => this.#copy(/** @type {HTMLElement} */ (event.currentTarget)) }, words.copy_report))),
      this.#question,
      ...Object.entries(words.groups).map(([group, name]) => this.#group(group, name)),
    ));
  }

  /** One line that leads to everything. */
  #badge() {
    const { words, lang } = /** @type {import('./words.js').Speech} */ (this.speech);
    const page = new URL(`check?lang=${lang}`, new URL(this.getAttribute('server') ?? '/', location.href));
    return h('a', { class: 'badge', href: page, part: 'badge', title: words.title }, this.#summary);
  }

  /** @param {string} group @param {string} name */
  #group(group, name) {
    const checks = (this.diagnostics?.checks ?? []).filter((check) => check.group === group);
    const rows = checks.map((check) => {
      const row = new Row(check, /** @type {import('./words.js').Speech} */ (this.speech), { tryIt: () => this.#try(check.id), turnOn: () => this.#turnOn(check.id) });
      this.#rows.set(check.id, row);
      return row.element;
    });
    return h('section', { class: 'group' }, h('h2', {}, name), h('ul', {}, ...rows));
  }

  /** @param {string} id */
  async #try(id) {
    this.#rows.get(id)?.running();
    await this.diagnostics?.runOne(id);
  }

  /** Turns pushes on, from the click on this row. @param {string} id */
  async #turnOn(id) {
    try {
      await turnOn({ server: this.getAttribute('server') ?? '/', token: this.token });
      await this.check();
    } catch (error) {
      await this.diagnostics?.fault(id, /** @type {{code?: string}} */ (error).code ?? 'server_error');
    }
  }

  /** @param {import('./diagnostics.js').Result} result */
  #show(result) {
    this.#rows.get(result.id)?.show(result);
    if (!this.#isChecking) this.#summarise();
  }

  #summarise() {
    const results = [...(this.diagnostics?.results.values() ?? [])];
    const broken = results.filter((result) => result.status === 'fail' || result.status === 'warn').length;
    const open = results.filter((result) => result.status === 'needs_action').length;
    const speech = /** @type {import('./words.js').Speech} */ (this.speech);
    const overall = this.diagnostics?.overall() ?? 'unknown';
    const text = broken ? speech.count(speech.words.problems, broken)
      : open ? speech.count(speech.words.hints, open) : speech.words.all_fine;
    this.#summary?.replaceChildren(icon(overall === 'ok' ? ICONS.ok : ICONS.warning), text);
    this.setAttribute('overall', overall);
  }

  /** @param {'seen' | 'heard'} question @returns {Promise<'yes' | 'no' | 'timeout'>} */
  #ask(question) {
    const words = this.#words;
    const place = /** @type {HTMLElement} */ (this.#question);
    return new Promise((resolve) => {
      const answer = (/** @type {'yes' | 'no' | 'timeout'} */ said) => {
        clearTimeout(timer);
        place.hidden = true;
        resolve(said);
      };
      const timer = setTimeout(answer, ASK_MS, 'timeout');
      place.replaceChildren(h('p', {}, words.ask[question]),
        h('button', { type: 'button', onclick: () => answer('yes') }, words.yes),
        h('button', { type: 'button', class: 'quiet', onclick: () => answer('no') }, words.no));
      place.hidden = false;
      place.scrollIntoView({ block: 'nearest' });
    });
  }

  /** @param {HTMLElement} button */
  async #copy(button) {
    const words = this.#words;
    const report = JSON.stringify(await this.diagnostics?.report(), null, 2);
    const done = await navigator.clipboard.writeText(report).then(() => words.copied, () => words.copy_failed);
    button.replaceChildren(done);
  }
}

customElements.get('ec-diagnostics') ?? customElements.define('ec-diagnostics', DiagnosticsPanel);
