// What has not been dealt with, kept over page loads: a decision nobody took, an alert nobody put away, a running job.

const STANDING_MAX = 50; // More than that, and the oldest is only in the inbox.
const JOB_MS = 3_600_000; // A job that was silent for so long is not shown as running.
const KEEP_MS = 300;

/** A list in the store, written by the leading tab, since every tab hears the same. */
export class Standing {
  #client;
  #events = new Map();
  #timer = 0;

  /** @param {import('./client.js').EventCenter} client */
  constructor(client) {
    this.#client = client;
  }

  async load() {
    const kept = (await this.#client.store.get('standing')) ?? [];
    const isFresh = ({ event, at }) => event.type !== 'job.progress' || Date.now() - at < JOB_MS;
    for (const entry of kept.filter(isFresh)) this.#events.set(entry.key, entry);
    return [...this.#events.values()].map(({ event }) => event);
  }

  add(key, event) {
    this.#events.delete(key);
    this.#events.set(key, { key, event, at: Date.now() });
    if (this.#events.size > STANDING_MAX) this.#events.delete(this.#events.keys().next().value);
    this.#keep();
  }

  remove(key) {
    if (this.#events.delete(key)) this.#keep();
  }

  #keep() {
    if (!this.#client.isLeader) return;
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#client.store.set('standing', [...this.#events.values()]);
    }, KEEP_MS);
  }
}
