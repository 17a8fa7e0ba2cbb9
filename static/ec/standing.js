// What stays until it is dealt with: a decision nobody took, an alert nobody put away, a running job. It is shown in every
// tab, whether it is looked at or not, and outlives the page.

import { actionOf, jobKey, standingKey } from './event.js';
import { Jobs } from './jobs.js';

const STANDING_MAX = 50; // More than that, and the oldest is only in the inbox.
const JOB_MS = 3_600_000; // A job that was silent for so long is not shown as running.
const KEEP_MS = 300;

/** @typedef {import('./ec.js').Event} Event */

/** Kept in the store by the tab that leads, since every tab hears the same. */
export class Standing {
  #center;
  #client;
  #jobs;
  #events = new Map();
  #timer = 0;

  /** @param {import('./ui/center.js').NotificationCenter} center @param {import('./client.js').EventCenter} client */
  constructor(center, client) {
    this.#center = center;
    this.#client = client;
    this.#jobs = new Jobs(center);
    // Before the client hears of it, and leads no more.
    addEventListener('pagehide', () => this.#timer && this.#write(), { capture: true });
  }

  /** Shows again what stood when a page was left. */
  async restore() {
    if (!this.#client.isNamed) await this.#isLive();
    const kept = (await this.#client.store.get('standing')) ?? [];
    for (const { key, event, at } of kept) {
      if (event.type === 'job.progress' && Date.now() - at > JOB_MS) this.remove(key);
      else await this.stand(event, true);
    }
  }

  /** Until the server has said who it is, what is kept may be somebody else's. */
  #isLive() {
    return new Promise((resolve) => {
      const look = () => this.#client.status === 'live' && resolve(undefined);
      this.#client.listen('status', look);
      look();
    });
  }

  /** @param {Event} event @param {boolean} isOld somebody may have dealt with it meanwhile */
  async stand(event, isOld) {
    const key = standingKey(event);
    if (event.type === 'job.progress') {
      this.#jobs.take(event);
      return void this.#add(key, event);
    }
    if (event.type === 'system.alert') await this.#center.alertAt(key, event);
    else if (isOld && (await this.#isSettled(event))) return void this.remove(key);
    else await this.#center.ask(event);
    this.#add(key, event);
    if (!document.hidden) this.#client.displayed(event.id);
  }

  /** @param {Event} event the end of a job */
  endJob(event) {
    this.#jobs.end(event);
    this.remove(jobKey(event));
  }

  remove(key) {
    if (this.#events.delete(key)) this.#write(); // At once: who puts something away may leave the page with it.
  }

  /** Whether it was answered meanwhile, or came too late. When nobody can tell, it is asked: the server knows better. */
  async #isSettled(event) {
    const context = await this.#client.context(actionOf(event)).catch(() => null);
    return context !== null && context.state !== 'open';
  }

  #add(key, event) {
    this.#events.delete(key);
    this.#events.set(key, { key, event, at: Date.now() });
    if (this.#events.size > STANDING_MAX) this.#events.delete(this.#events.keys().next().value);
    this.#keep();
  }

  #keep() {
    this.#timer ||= setTimeout(() => this.#write(), KEEP_MS);
  }

  #write() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#client.isLeader) this.#client.store.set('standing', [...this.#events.values()]);
  }
}
