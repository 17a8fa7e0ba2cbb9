// This browser's push subscription: made by a click, checked at every start, renewed when the server's key has changed.

import { register } from './worker.js';

const SUBSCRIBE_MS = 10_000; // Where no push service can be reached, subscribe() never settles.
const OFF = 'push-off'; // The person has switched it off here: nothing is renewed behind their back.

/** Why there is no subscription; `code` is one of the codes of the environment check. */
export class PushFailed extends Error {
  /** @param {string} code @param {unknown} [cause] */
  constructor(code, cause) {
    super(code, { cause });
    this.name = 'PushFailed';
    this.code = code;
  }
}

/** @typedef {'unsupported' | 'denied' | 'default' | 'off' | 'on'} PushState */

/**
 * What it needs of the page: the notification center, or its like where there is none.
 * @typedef {object} Page
 * @property {{rest: import('./rest.js').Rest, store: Pick<import('./store.js').Store, 'get' | 'set'>}} client
 * @property {(type: string, detail: object) => void} say
 * @property {(name: string) => string | null} getAttribute
 */

export class Push {
  #center;

  /** @param {Page} center */
  constructor(center) {
    this.#center = center;
  }

  /** @returns {Promise<PushState>} */
  async state() {
    if (!('PushManager' in window && 'serviceWorker' in navigator && 'Notification' in window)) return 'unsupported';
    if (Notification.permission !== 'granted') return Notification.permission;
    return (await this.#subscription()) ? 'on' : 'off';
  }

  /** Asks for permission and subscribes. Only from a click: browsers ignore or punish a prompt that nobody asked for. */
  async enable() {
    if ((await this.state()) === 'unsupported') throw new PushFailed('push_unsupported');
    // Before anything is awaited for longer than a click counts.
    const permission = await Notification.requestPermission();
    if (permission !== 'granted') throw new PushFailed(permission === 'denied' ? 'permission_denied' : 'permission_default');
    await this.#center.client.store.set(OFF, false);
    await this.#subscribe();
    this.#center.say('ec-push-status', { state: 'on' });
  }

  async disable() {
    const subscription = await this.#subscription();
    await this.#center.client.store.set(OFF, true);
    if (!subscription) return;
    const { endpoint } = subscription;
    // In this order: what fails can be said again, as long as the browser still knows its endpoint.
    await this.#center.client.rest.send('DELETE', 'api/push/subscribe', { endpoint });
    await subscription.unsubscribe();
    this.#center.say('ec-push-status', { state: 'off' });
  }

  /** At every start of a page whose person wants pushes: subscriptions get lost, and keys change. */
  async renew() {
    const isWanted = (await this.state()) !== 'unsupported' && Notification.permission === 'granted';
    if (isWanted && !(await this.#center.client.store.get(OFF))) await this.#subscribe();
  }

  async #subscription() {
    const registration = await navigator.serviceWorker.getRegistration();
    return registration?.pushManager.getSubscription() ?? null;
  }

  /** One tab at a time: two at once would get two subscriptions, and this browser every push twice. */
  #subscribe() {
    return navigator.locks.request('ec-push', () => this.#subscribeAlone());
  }

  async #subscribeAlone() {
    const { rest } = this.#center.client;
    const { key } = await rest.get('api/push/key');
    await register(this.#center.getAttribute('sw') ?? '/sw.js');
    const { pushManager } = await navigator.serviceWorker.ready;
    const known = await pushManager.getSubscription();
    const isCurrent = known && base64url(known.options.applicationServerKey) === key;
    if (isCurrent && (await this.#tell(known))) return;
    await known?.unsubscribe();
    await this.#tell(await subscribe(pushManager, key), known);
  }

  /**
   * Makes it known to the server, in the place of another.
   * @param {PushSubscription} subscription @param {PushSubscription | null} [replaced]
   * @returns {Promise<boolean>} false when its push service refuses the server's key for it: only a new one helps
   */
  async #tell(subscription, replaced = null) {
    const replaces = replaced ? { endpoint: replaced.endpoint, keys: { auth: replaced.toJSON().keys?.auth } } : undefined;
    const said = { ...subscription.toJSON(), device: await device(), ...(replaces && { replaces }) };
    const { needs_resubscribe } = await this.#center.client.rest.post('api/push/subscribe', said);
    return !needs_resubscribe;
  }
}

/** @param {PushManager} manager @param {string} key */
async function subscribe(manager, key) {
  const began = performance.now();
  let timer = 0;
  const late = new Promise((_, fail) => {
    timer = window.setTimeout(() => fail(new PushFailed('push_service_unreachable')), SUBSCRIBE_MS);
  });
  try {
    return await Promise.race([manager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), late]);
  } catch (error) {
    if (error instanceof PushFailed) throw error;
    // A private window grants the permission, and refuses at once.
    const isPrivate = error instanceof DOMException && error.name === 'AbortError' && performance.now() - began < 50;
    throw new PushFailed(isPrivate ? 'private_window' : 'push_service_unreachable', error);
  } finally {
    clearTimeout(timer);
  }
}

/** What the person recognises the browser by, in the list of their devices. */
async function device() {
  const { environment } = await import('./diag/environment.js');
  const { browser, os } = await environment();
  const capital = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);
  return { name: `${capital(browser)}, ${capital(os)}`, platform: os, user_agent: navigator.userAgent.slice(0, 512) };
}

/** @param {ArrayBuffer | null} bytes */
function base64url(bytes) {
  if (!bytes) return '';
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
