// The page /actions/{action_id}: one decision, for whoever came from a push or a mail.

import { h, icon, ICONS, said } from './dom.js';
import { Words } from './i18n.js';
import { answerText, optionsOf } from './options.js';
import { Rest } from './rest.js';
import { sheet } from './theme.js';

const TEXTS = /** @type {Record<string, Record<string, string>>} */ ({
  en: {
    thanks: 'Thank you. Your answer is on its way.', answered: 'Answered: {answer}', expired: 'The time for an answer is over.',
    unknown: 'There is no such question for you.', signed_out: 'Sign in to answer. Then open the link again.', failed: 'The server does not answer.',
    own_words: 'Your answer', send: 'Send', back: 'To the app',
  },
  ru: {
    thanks: 'Спасибо. Ответ отправлен.', answered: 'Ответ: {answer}', expired: 'Время на ответ вышло.',
    unknown: 'Такого вопроса для вас нет.', signed_out: 'Войдите, чтобы ответить, и снова откройте ссылку.', failed: 'Сервер не отвечает.',
    own_words: 'Ваш ответ', send: 'Отправить', back: 'В приложение',
  },
});

const STYLE = sheet(`
:root { color-scheme: light dark; --bg: light-dark(#fff, #1c1e26); --page: light-dark(#f4f4f7, #111217); --fg: light-dark(#191a21, #eeeff4); --muted: light-dark(#5b5e6c, #a5a9b8); --line: light-dark(#e4e4eb, #343846); --accent: light-dark(#4a45d6, #a3a1ff); --on: light-dark(#fff, #16162d); }
* { box-sizing: border-box; }
body { margin: 0; min-block-size: 100dvh; display: grid; place-items: center; padding: 1rem; background: var(--page); color: var(--fg); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { inline-size: min(28rem, 100%); padding: 1.6rem; border: 1px solid var(--line); border-radius: 20px; background: var(--bg); display: grid; gap: .9rem; }
svg { inline-size: 2rem; fill: none; stroke: var(--accent); stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; }
h1 { margin: 0; font-size: 1.35rem; line-height: 1.3; letter-spacing: -.01em; text-wrap: balance; overflow-wrap: anywhere; }
p { margin: 0; color: var(--muted); white-space: pre-line; overflow-wrap: anywhere; }
form { display: grid; gap: .6rem; }
button, a.button { font: inherit; font-weight: 600; min-block-size: 3rem; padding: .5rem 1rem; border-radius: .8rem; border: 1px solid var(--line); background: var(--bg); color: inherit; cursor: pointer; text-align: center; text-decoration: none; display: grid; place-items: center; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on); }
button[disabled] { opacity: .6; cursor: progress; }
textarea { font: inherit; color: inherit; background: transparent; min-block-size: 6rem; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .8rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`);

const TEXT_MAX = 1000; // Characters; whatever they are, they fit the 4 KiB of an answer.

const place = /** @type {HTMLElement} */ (document.getElementById('action'));
const actionId = decodeURIComponent(location.pathname.split('/').at(-1) ?? '');

/** @param {string} title @param {...any} rest */
function show(title, ...rest) {
  place.replaceChildren(icon(ICONS.ask), h('h1', { tabindex: '-1' }, said(title)), ...rest.filter(Boolean));
  document.title = title;
}

class ActionPage {
  /** @param {Rest} rest @param {Words} words */
  constructor(rest, words) {
    this.rest = rest;
    this.path = `api/actions/${encodeURIComponent(actionId)}`;
    this.texts = TEXTS[words.language] ?? TEXTS.en;
  }

  async open() {
    try {
      const context = await this.rest.get(`${this.path}/context`);
      if (context.answer) this.#answered(context.event, context.answer);
      else if (context.state === 'expired') show(context.event.title, h('p', { role: 'status' }, this.texts.expired), this.#back());
      else this.#ask(context);
    } catch (error) {
      this.#fail(/** @type {any} */ (error));
    }
  }

  #back = () => h('a', { class: 'button', href: '/' }, this.texts.back);

  /** @param {{event: any, options: {value: string, label: string}[]}} context */
  #ask({ event }) {
    const options = optionsOf(event);
    const buttons = options.map(({ value, label }, index) => (
      h('button', { type: 'button', class: index ? '' : 'primary', onclick: () => this.#answer(event, { option: value }) }, said(label))
    ));
    show(event.title, event.body && h('p', {}, said(event.body)), h('p', { role: 'alert', hidden: true }), options.length ? h('form', {}, ...buttons) : this.#words(event));
  }

  /** @param {any} event */
  #words(event) {
    const text = h('textarea', { maxlength: TEXT_MAX, required: true, 'aria-label': this.texts.own_words });
    const send = (/** @type {Event} */ submit) => {
      submit.preventDefault();
      this.#answer(event, { text: text.value });
    };
    return h('form', { onsubmit: send }, text, h('button', { class: 'primary' }, this.texts.send));
  }

  /** @param {any} event @param {{option: string} | {text: string}} answer */
  async #answer(event, answer) {
    for (const button of place.querySelectorAll('button')) button.disabled = true;
    try {
      await this.rest.post(`${this.path}/answer`, answer);
      show(event.title, h('p', { role: 'status' }, this.texts.thanks), this.#back());
    } catch (error) {
      const { status, problem } = /** @type {any} */ (error);
      if (status === 409 && problem?.answer) this.#answered(event, problem.answer);
      else this.#fail(/** @type {any} */ (error));
    }
  }

  /** @param {any} event @param {any} answer */
  #answered(event, answer) {
    show(event.title, h('p', { role: 'status' }, this.texts.answered.replace('{answer}', answerText(event, answer))), this.#back());
  }

  /** @param {{status?: number}} error */
  #fail({ status }) {
    const why = status === 401 || status === 403 ? 'signed_out' : status === 404 ? 'unknown' : status === 410 ? 'expired' : 'failed';
    show(this.texts[why], this.#back());
  }
}

document.adoptedStyleSheets.push(STYLE);
const words = await Words.load(navigator.language);
document.documentElement.lang = words.language;
// The cookie speaks: a link in a mail carries no token. Nothing is kept for later, since the person waits for the answer.
const rest = new Rest(new URL('/', location.href), async () => null, /** @type {any} */ (null));
await new ActionPage(rest, words).open();
