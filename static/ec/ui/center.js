// <ec-notification-center>: the one element that connects, and that shows whatever is not asked for.

import { EventCenter } from '../client.js';
import { announce, h, liveRegion } from '../dom.js';
import { Words } from '../i18n.js';
import { Router } from '../router.js';
import { Base, ctaLink, ctaOf, lookOf, provide } from './base.js';
import { Toaster } from './toaster.js';

const MAX_TOASTS = 3;
const SUMMARY_MS = 10_000;

/** The page's notification center. Its attributes and events are in `ec.d.ts`. */
export class NotificationCenter extends Base {
  #toaster = new Toaster();
  #banner = null;
  #dialog = null;
  // Kept, so that what waits for them goes on in its order.
  #dialogCode = null;
  #bannerCode = null;
  /** @type {Promise<void> | null} */
  #begun = null;

  connectedCallback() {
    this.#begun ??= this.#begin();
  }

  async #begin() {
    for (const urgency of ['polite', 'assertive']) liveRegion(document.body, urgency);
    this.words = await Words.load(this.lang);
    if (!this.dir) this.dir = document.dir || 'ltr';
    this.maxToasts = Number(this.getAttribute('max-toasts')) || MAX_TOASTS;
    this.hosts = (this.getAttribute('allow-hosts') ?? '').split(/[\s,]+/).filter(Boolean);
    this.#toaster.setUp(this.words, this.maxToasts);
    this.#toaster.setAttribute('theme', this.getAttribute('theme') ?? 'auto');
    this.client = new EventCenter({
      server: this.getAttribute('server') ?? '/',
      user: this.getAttribute('user') ?? undefined,
      getToken: async () => /** @type {any} */ (this).getToken?.(),
    });
    this.router = new Router(this, this.client);
    this.#listen();
    if (!this.hasAttribute('manual')) await this.#connect();
  }

  /** Connects: for an element with the attribute `manual`, which does not do so by itself. */
  async connect() {
    await this.#begun;
    await this.#connect();
  }

  async #connect() {
    await this.client.connect();
    provide(this); // Before that nobody could be asked for an inbox.
    const hasWorker = navigator.serviceWorker && (navigator.serviceWorker.controller || (this.getAttribute('push') ?? 'off') !== 'off');
    if (hasWorker) import('../worker.js').then(({ listenToWorker }) => listenToWorker(this));
    this.router.restore();
  }

  disconnect() {
    this.client.disconnect();
  }

  /** Says something to the host page. @returns {boolean} false when the host takes it over */
  say(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /** Shows a toast of the host's own. */
  toast({ title, body = '', level = 'info', key = `own:${title}`, ms = 6000 }) {
    const { picture, word } = lookOf({ type: 'custom', level, data: null });
    this.#toaster.show({ key, title, body, level, picture, word, ms });
  }

  hasToast = (key) => this.#toaster.has(key);
  advance = (key, percent, title) => this.#toaster.advance(key, percent, title);

  dress(sheet) {
    this.#toaster.root.adoptedStyleSheets.push(sheet);
  }

  async toastOf(event, { key, ms, isSnoozable = false, bar, onDismiss }) {
    const actions = [ctaLink(event, this, { class: 'button primary' }), isSnoozable && (await this.#snooze(event, key))];
    this.#toaster.show({ key, ms, title: event.title, body: event.body, actions, bar, onDismiss, ...lookOf(event) });
  }

  async #snooze(event, key) {
    const { snoozeMenu } = await import('./snooze.js');
    return snoozeMenu(this, (until) => {
      this.#toaster.dismiss(key);
      this.client.mark('snooze', { ids: [event.id], until });
    }, 'button');
  }

  summary(name, count) {
    const show = h('button', { type: 'button', class: 'button', onclick: () => this.openInbox(name) }, this.words.t('show'));
    this.#toaster.show({
      key: name, title: this.words.t(name, { n: count }), level: 'info', picture: 'bell', word: 'notifications', ms: SUMMARY_MS, actions: [show],
    });
  }

  openInbox(key) {
    this.#toaster.dismiss(key);
    this.say('ec-open-inbox', {});
  }

  /** Asks for a decision, in a modal dialog, after those that were asked for before. */
  async ask(event) {
    (await this.#loadDialog()).ask(event);
  }

  /** Asks for a decision that was put off, unless it was taken elsewhere meanwhile. */
  async askAgain(event) {
    (await this.#loadDialog()).askAgain(event);
  }

  async #loadDialog() {
    this.#dialogCode ??= import('./dialog.js');
    const { Dialog } = await this.#dialogCode;
    return (this.#dialog ??= new Dialog(this));
  }

  /** Puts an alert at the top of the page. */
  async alertAt(key, event) {
    this.#bannerCode ??= import('./banner.js');
    await this.#bannerCode;
    this.#banner ??= document.querySelector('ec-banner') ?? document.createElement('ec-banner');
    if (!this.#banner.isConnected) document.body.prepend(this.#banner);
    this.#banner.show(key, event, this);
  }

  /** Takes away whatever stands for a decision, an alert or a job. */
  settle(key) {
    this.#toaster.dismiss(key);
    this.#banner?.dismiss(key);
    this.#dialog?.settle(key);
  }

  raise() {
    this.#toaster.raise();
  }

  /** Follows the link of an event: the host may route it itself. */
  follow(event, cta, click) {
    this.client.mark('read', { ids: [event.id] }).catch(() => {});
    const isPlain = !click || (click.button === 0 && !click.metaKey && !click.ctrlKey && !click.shiftKey);
    if (isPlain && !this.say('ec-navigate', { url: cta.href, event })) click?.preventDefault();
    else if (!click && !cta.host) location.assign(cta.href);
  }

  /** A click on an OS notification has brought the person here. */
  navigate(event, url) {
    const cta = ctaOf({ cta: { url } }, this);
    if (cta && event?.id) this.follow(event, cta, null);
  }

  #listen() {
    const { client } = this;
    client.listen('counts', (detail) => this.say('ec-unread', { count: detail.unread, unseen: detail.unseen }));
    client.listen('status', (detail) => this.#showStatus(detail.status));
    client.listen('answered', (detail) => this.say('ec-action-answered', detail));
    client.listen('gap', (detail) => this.say('ec-gap', detail));
    document.addEventListener('keydown', (event) => event.key === 'F8' && this.#toaster.size > 0 && this.#toaster.enter());
    // A host's dialog opens or closes: the toasts go with it.
    for (const type of ['toggle', 'close']) document.addEventListener(type, () => this.raise(), true);
  }

  #showStatus(status) {
    this.dataset.status = status;
    this.say('ec-status', { status });
    if (status === 'unauthorized') announce(this.words.t('unauthorized'), 'polite');
  }
}

customElements.define('ec-notification-center', NotificationCenter);
