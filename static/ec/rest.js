// Requests to the API, as the person; those that must not be lost wait in the outbox until the network is back.

import { randomName } from './store.js';

/** An answer that is no success: a problem document (RFC 9457), or what can be said of it. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
    this.name = 'Refused';
    this.status = status;
    this.problem = problem;
  }
}

/** The person's token, asked of the host page when it is needed and when the server wants a fresher one. Without one the cookie speaks. */
export class Token {
  #get;
  #token = null;

  /** @param {(() => Promise<string | null>) | undefined} get */
  constructor(get) {
    this.#get = get;
  }

  /** @param {boolean} [anew] @returns {Promise<string | null>} */
  read = async (anew = false) => {
    if (anew || !this.#token) this.#token = (await this.#get?.()) ?? null;
    return this.#token;
  };

  /** Whom it is about, only to keep people's stores apart: the server is the one that checks it. */
  async subject() {
    try {
      const [, claims] = (await this.read()).split('.');
      return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).sub;
    } catch {
      return undefined;
    }
  }
}

/** Speaks to one server. */
export class Rest {
  #server;
  #token;
  #store;
  #isFlushing = false;

  /** @param {URL} server @param {(anew: boolean) => Promise<string | null>} token @param {import('./store.js').Store} store */
  constructor(server, token, store) {
    this.#server = server;
    this.#token = token;
    this.#store = store;
  }

  get = (path) => this.#ask('GET', path);
  post = (path, body = {}) => this.#ask('POST', path, body);
  send = (method, path, body) => this.#ask(method, path, body);

  /** For what speaks to the server by itself. @returns {Promise<string | null>} */
  token = () => this.#token(false);

  /** Posts now, or later when there is no network, perhaps twice: for what means the same when it is said again. */
  async postSurely(path, body) {
    try {
      return { isLater: false, answer: await this.post(path, body) };
    } catch (error) {
      if (isFinal(error)) throw error;
      await this.#store.enqueue({ id: randomName(), at: Date.now(), path, body });
      return { isLater: true };
    }
  }

  /** Posts what waits, in its order, until the network fails again. */
  async flush() {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      for (const request of await this.#store.enqueued()) {
        await this.post(request.path, request.body).catch((error) => {
          if (!isFinal(error)) throw error;
        });
        await this.#store.dequeue(request);
      }
    } catch {
      // Still away; the next connection flushes again.
    } finally {
      this.#isFlushing = false;
    }
  }

  async #ask(method, path, body, anew = false) {
    const token = await this.#token(anew);
    const headers = { accept: 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    if (body) headers['content-type'] = 'application/json';
    const response = await fetch(new URL(path, this.#server), {
      method, headers, body: body && JSON.stringify(body), credentials: token ? 'omit' : 'include',
    });
    if (response.status === 401 && token && !anew) return this.#ask(method, path, body, true);
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw new Refused(response.status, answer);
    return answer;
  }
}

/** Whether trying again would be answered the same. */
function isFinal(error) {
  return error instanceof Refused && error.status < 500 && error.status !== 429 && error.status !== 408;
}
