// Decisions: one modal dialog at a time. Esc means later, never an answer.

import { announce, frontModal, h, liveRegion, registerModal, said } from '../dom.js';
import { actionOf, standingKey, wordOf } from '../event.js';
import { answerText, optionsOf } from '../options.js';
import { sheet } from '../theme.js';
import { countdown } from '../times.js';
import { ctaLink, glyph, lookOf } from './base.js';

const TICK_MS = 1000;
const TEXT_MAX = 1000; // Characters; whatever they are, they fit the 4 KiB of an answer.

const STYLE = sheet(`
dialog {
  inline-size: min(28rem, calc(100vw - 1.5rem)); max-block-size: min(40rem, calc(100dvh - 1.5rem)); margin: auto; padding: 0; overflow: hidden;
  border: 1px solid var(--border); border-radius: calc(var(--radius) + 6px); background: var(--bg); color: var(--fg); box-shadow: var(--shadow);
}
dialog[open] { display: flex; flex-direction: column; animation: appear .22s cubic-bezier(.2, .9, .3, 1.05); }
dialog::backdrop { background: light-dark(rgb(24 24 44 / .42), rgb(0 0 0 / .62)); backdrop-filter: blur(3px); }
.head { display: flex; align-items: center; gap: .75rem; padding: 1.35rem 1.35rem 0; color: var(--muted); font-size: .875rem; font-weight: 550; }
.deadline { margin-inline-start: auto; padding: .15rem .6rem; border-radius: 1rem; background: var(--raised); font-variant-numeric: tabular-nums; }
.text { flex: 1; min-block-size: 3rem; padding: .9rem 1.35rem 0; overflow-y: auto; overscroll-behavior: contain; }
h2 { font-size: 1.2rem; font-weight: 650; line-height: 1.3; letter-spacing: -.01em; text-wrap: balance; }
h2:focus { outline: none; }
.body { margin-block-start: .45rem; color: var(--muted); white-space: pre-line; }
.options { display: grid; gap: .55rem; padding: 1.1rem 1.35rem .35rem; max-block-size: 45dvh; overflow-y: auto; }
.options .button { min-block-size: 2.85rem; padding-block: .45rem; border-radius: .8rem; }
textarea { inline-size: 100%; padding: .6rem .75rem; border: 1px solid var(--border); border-radius: .8rem; background: var(--raised); color: inherit; font: inherit; resize: vertical; }
.options.two { grid-template-columns: 1fr 1fr; }
.problem { margin: .5rem 1.35rem 0; padding: .55rem .8rem; border-radius: .65rem; font-size: .875rem; }
.tail { display: flex; align-items: center; gap: 1rem; padding: .35rem 1.35rem 1.1rem; color: var(--muted); font-size: .8125rem; }
.tail .quiet { margin-inline-start: auto; padding-inline: .9rem; font-weight: 550; }
@keyframes appear { from { opacity: 0; scale: .96; translate: 0 .5rem; } }
@media (width < 30rem) {
  dialog { inline-size: 100%; max-inline-size: 100%; margin-block-end: 0; border-end-start-radius: 0; border-end-end-radius: 0; border-inline: 0; border-block-end: 0; padding-block-end: env(safe-area-inset-bottom); }
  textarea { inline-size: 100%; padding: .6rem .75rem; border: 1px solid var(--border); border-radius: .8rem; background: var(--raised); color: inherit; font: inherit; resize: vertical; }
.options.two { grid-template-columns: 1fr; }
}
`);

/** The queue of decisions, and the dialog that asks for the first of them. */
export class Dialog {
  #center;
  #queue = new Map();
  #shown = null;
  #timer = 0;
  #isBusy = false;
  #dialog = h('dialog', { 'aria-labelledby': 'title', 'aria-describedby': 'body', part: 'dialog' });

  /** @param {import('./center.js').NotificationCenter} center */
  constructor(center) {
    this.#center = center;
    center.root.adoptedStyleSheets.push(STYLE);
    center.root.append(this.#dialog);
    registerModal(this.#dialog);
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.#later();
    });
    // A host may close it from outside, and Chrome closes on a second Esc whatever `cancel` says.
    this.#dialog.addEventListener('close', () => this.#shown && this.#later());
  }

  /** @param {import('../ec.js').Event} event */
  ask(event) {
    this.#queue.set(standingKey(event), event);
    if (this.#shown === standingKey(event) || !this.#shown) this.#next();
    else this.#showWaiting();
  }

  /** Asks for a decision that was put off, unless it was taken elsewhere meanwhile. */
  async askAgain(event) {
    const context = await this.#center.client.context(actionOf(event)).catch(() => null);
    if (context?.state === 'answered') this.#sayAnswered(event, context.answer);
    else if (context?.state === 'expired') this.#sayOver(event);
    else this.ask(event);
  }

  settle(key) {
    this.#queue.delete(key);
    if (this.#shown === key) this.#next();
    else if (this.#shown) this.#showWaiting();
  }

  #next() {
    clearInterval(this.#timer);
    const [first] = this.#queue;
    this.#shown = null;
    this.#isBusy = false;
    if (!first) {
      this.#dialog.close();
      return this.#center.raise();
    }
    const [key, event] = first;
    this.#shown = key;
    this.#build(event);
    // Showing it anew puts it in front of what the host has opened since.
    if (!this.#dialog.open || frontModal() !== this.#dialog) this.#dialog.showModal();
    this.#dialog.querySelector('h2').focus();
    this.#center.raise();
  }

  #build(event) {
    const { words } = this.#center;
    const { level, picture } = lookOf(event);
    const deadline = h('span', { class: 'deadline', role: 'timer' });
    const later = h('button', { type: 'button', class: 'quiet', onclick: () => this.#later() }, words.t('later'));
    const live = [...this.#dialog.children].filter((child) => child.hasAttribute('data-ec-live') || child.localName === 'ec-toaster');
    this.#dialog.setAttribute('data-level', level);
    this.#dialog.replaceChildren(
      h('div', { class: 'head' }, glyph(picture), words.t(level === 'info' ? 'action' : level), deadline),
      h('div', { class: 'text' },
        h('h2', { id: 'title', tabindex: '-1' }, said(event.title)),
        h('p', { class: 'body', id: 'body' }, said(event.body))),
      this.#options(event),
      h('p', { class: 'problem alarming', role: 'alert', hidden: true }),
      h('div', { class: 'tail' }, h('span', { class: 'waiting' }), later),
      ...live);
    for (const urgency of ['polite', 'assertive']) liveRegion(this.#dialog, urgency);
    this.#showWaiting();
    this.#countDown(event, deadline);
  }

  /** Its options; when it has none, where to decide; when that is nowhere, room for one's own words. */
  #options(event) {
    const options = optionsOf(event);
    const buttons = options.map(({ value, label }, index) => h('button', {
      type: 'button',
      class: index === 0 ? 'button primary' : 'button',
      onclick: ({ currentTarget }) => this.#choose(event, { option: value }, currentTarget),
    }, said(label)));
    const link = ctaLink(event, this.#center, { class: options.length ? 'button' : 'button primary' });
    link?.addEventListener('click', () => this.#later());
    if (!link && options.length === 0) return this.#ownWords(event);
    const isPair = options.length === 2 && options.every(({ label }) => label.length <= 16);
    return h('div', { class: isPair && !link ? 'options two' : 'options' }, buttons, link);
  }

  #ownWords(event) {
    const { words } = this.#center;
    const text = h('textarea', { rows: 3, maxlength: TEXT_MAX, 'aria-label': words.t('your_answer') });
    const send = h('button', {
      type: 'button',
      class: 'button primary',
      onclick: ({ currentTarget }) => text.value.trim() && this.#choose(event, { text: text.value }, currentTarget),
    }, words.t('send'));
    return h('div', { class: 'options' }, text, send);
  }

  async #choose(event, answer, button) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    button.setAttribute('aria-disabled', 'true');
    const problem = this.#dialog.querySelector('.problem');
    problem.hidden = true;
    try {
      await this.#answer(event, answer);
    } catch {
      problem.textContent = this.#center.words.t('answer_failed');
      problem.hidden = false;
      button.removeAttribute('aria-disabled');
      this.#isBusy = false;
    }
  }

  /** Sends an answer, and says how that went; throws when it is worth another try. */
  async #answer(event, answer) {
    const { client, words } = this.#center;
    try {
      const isSent = await client.answer(actionOf(event), answer);
      const [text, level] = isSent ? ['answer_sent', /** @type {const} */ ('ok')] : ['answer_queued', /** @type {const} */ ('info')];
      this.#center.toast({ title: words.t(text), level, key: 'answer', body: event.title });
      client.mark('read', { ids: [event.id] }).catch(() => {});
    } catch (error) {
      if (error.status === 409) this.#sayAnswered(event, error.problem?.answer);
      else if (error.status === 410) this.#sayOver(event);
      else throw error;
      this.#center.router.putOff(event);
    }
  }

  #sayAnswered(event, answer) {
    const title = this.#center.words.t('answered_already', { answer: answerText(event, answer) });
    this.#center.toast({ title, key: 'answer', body: event.title });
  }

  #sayOver(event) {
    this.#center.toast({ title: this.#center.words.t('deadline_over'), key: 'answer', body: event.title });
  }

  #later() {
    const event = this.#queue.get(this.#shown);
    if (event) this.#center.router.putOff(event);
  }

  #showWaiting() {
    const n = this.#queue.size - 1;
    this.#dialog.querySelector('.waiting').textContent = n > 0 ? this.#center.words.t('queue', { n }) : '';
  }

  #countDown(event, shown) {
    const { words } = this.#center;
    const end = new Date(wordOf(event.data?.due_at) ?? event.expires_at ?? NaN).getTime();
    shown.hidden = Number.isNaN(end);
    if (shown.hidden) return;
    const tick = () => {
      const left = end - Date.now();
      shown.classList.toggle('alarming', left < 60_000);
      shown.textContent = left > 0 ? words.t('deadline', { left: countdown(left) }) : words.t('deadline_over');
      if (left <= 0) {
        clearInterval(this.#timer);
        announce(words.t('deadline_over'), 'polite');
      }
    };
    this.#timer = setInterval(tick, TICK_MS);
    tick();
  }
}
