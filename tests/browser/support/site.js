// What a test visits: a host's pages before an engine, the real one or a fake.

import { Fake } from './fake.js';
import { Front } from './front.js';
import { page } from './pages.js';

/** Everybody gets a stream of their own, so tests share an engine. */
let users = process.pid * 10_000;
export const someone = () => ++users;

export class Site {
  /** Before the engine that `run.js` has started. */
  static async real({ url = process.env.EC_URL, key = process.env.EC_KEY } = {}) {
    const site = new Site();
    site.engine = { url, key };
    site.front = await Front.start(url, page);
    site.url = site.front.url;
    return site;
  }

  /** Before an engine that does what no real one does on demand. */
  static async fake() {
    const site = new Site();
    site.fake = await Fake.start();
    site.front = await Front.start(site.fake.url, page);
    site.url = site.front.url;
    return site;
  }

  close() {
    this.front.close();
    this.fake?.close();
  }

  async token(user) {
    if (this.fake) return this.fake.token(user);
    return (await (await fetch(`${this.engine.url}/dev/token?user=${user}`)).json()).token;
  }

  /** Says something to a person, as a service. @returns {Promise<string>} its id */
  async emit(event) {
    if (this.fake) return this.fake.emit(event).id;
    return (await this.#ask('/events', { body: '', ...event })).id;
  }

  async emitAll(events) {
    if (this.fake) return events.map((event) => this.fake.emit(event).id);
    return (await this.#ask('/events', events.map((event) => ({ body: '', ...event })))).results.map(({ id }) => id);
  }

  async #ask(path, body) {
    const response = await fetch(this.engine.url + path, {
      method: 'POST', headers: { authorization: `Bearer ${this.engine.key}`, 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** What the browser has asked for. */
  requests(part) {
    return this.front.requests.filter((request) => request.includes(part));
  }
}

/** The real engine once there is one, unless it is told otherwise. */
export const anySite = () => (process.env.EC_URL ? Site.real() : Site.fake());
