// What outlives a page: the position in the stream, what still stands, and what could not be sent yet. In IndexedDB, or
// in memory where the browser allows no storage.

const OPEN_MS = 2000; // Some browsers never answer when storage is blocked.
const OUTBOX_MAX = 200; // More waiting requests than that, and the oldest go: marks are read anew, answers are few.

/** A name that nobody else has: 96 random bits. (`randomUUID` is for secure contexts only.) */
export function randomName() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Keys and a queue. */
export class Store {
  #database;
  #memory = new Map();
  #waiting = [];

  constructor(database) {
    this.#database = database;
    this.isLasting = database !== null;
  }

  /** @param {string} name one for each person, so that nobody inherits another's position */
  static async open(name) {
    const late = new Promise((resolve) => setTimeout(resolve, OPEN_MS, null));
    return new Store(await Promise.race([openDatabase(name).catch(() => null), late]));
  }

  async get(key) {
    const kept = await this.#do('kept', 'readonly', (kept) => kept.get(key));
    return kept === undefined ? this.#memory.get(key) : kept;
  }

  async set(key, value) {
    this.#memory.set(key, value);
    await this.#do('kept', 'readwrite', (kept) => kept.put(value, key));
  }

  /** The value of `key`, which becomes `value` when there is none: two tabs that start at once agree. */
  async getOrSet(key, value) {
    await this.#do('kept', 'readwrite', (kept) => kept.add(value, key));
    return (await this.get(key)) ?? value;
  }

  async enqueue(request) {
    this.#waiting.push(request);
    if (this.#waiting.length > OUTBOX_MAX) this.#waiting.shift();
    await this.#do('outbox', 'readwrite', (outbox) => outbox.put(request, request.id));
  }

  async enqueued() {
    const kept = await this.#do('outbox', 'readonly', (outbox) => outbox.getAll(null, OUTBOX_MAX));
    return (kept ?? [...this.#waiting]).toSorted((one, other) => one.at - other.at);
  }

  async dequeue({ id }) {
    this.#waiting = this.#waiting.filter((request) => request.id !== id);
    await this.#do('outbox', 'readwrite', (outbox) => outbox.delete(id));
  }

  async clear() {
    this.#memory.clear();
    this.#waiting = [];
    await Promise.all(['kept', 'outbox'].map((name) => this.#do(name, 'readwrite', (store) => store.clear())));
  }

  /** One request in one transaction; undefined when storage fails, which memory then makes up for in this page. */
  #do(name, mode, ask) {
    if (!this.#database) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      try {
        const transaction = this.#database.transaction(name, mode);
        const request = ask(transaction.objectStore(name));
        // The browser drops what a page that goes away has not committed.
        if (mode === 'readwrite') transaction.commit();
        request.onsuccess = () => resolve(request.result);
        request.onerror = (event) => {
          event.preventDefault(); // `add` of a known key is no reason to abort.
          resolve(undefined);
        };
      } catch {
        resolve(undefined); // The browser closed the database: cleared by the person, or evicted.
      }
    });
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('kept');
      request.result.createObjectStore('outbox');
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('blocked'));
  });
}
