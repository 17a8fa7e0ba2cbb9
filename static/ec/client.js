// The client without a face: one person's stream and inbox, shared by all tabs of the browser.

import { Rest, Token } from './rest.js';
import { Socket } from './socket.js';
import { Store, randomName } from './store.js';
import { Position } from './stream.js';
import { Tabs } from './tabs.js';

const RECENT_MAX = 500; // Ids that push and stream may both bring; older ones are told apart by their numbers.
const QUIET_MS = 500; // Many events are counted once they are over.
const TELL_MS = 150; // Many events at once are one change of the count.

/** A person's connection. It says what happens by CustomEvents: see `ec.d.ts`. */
export class EventCenter extends EventTarget {
  #options;
  #tabs;
  #socket;
  #position;
  #token;
  #recent = new Map();
  #counting = 0;
  #isChanging = false;
  #telling = null;
  #listeners = new AbortController();

  /** @param {import('./ec.js').Options} options */
  constructor(options) {
    super();
    this.#options = options;
    this.#token = new Token(options.getToken);
    this.server = new URL(options.server ?? '/', location.href);
    this.status = 'idle';
    this.counts = { unread: 0, unseen: 0 };
    this.isReplaying = false;
  }

  async connect() {
    const user = this.#options.user ?? (await this.#token.subject());
    this.isNamed = user != null; // With a cookie only the server knows who it is.
    this.name = `ec:${user ?? 'me'}`;
    this.store = await Store.open(this.name);
    this.device = this.store.isLasting ? await this.store.getOrSet('device', randomName()) : undefined;
    this.rest = new Rest(this.server, this.#token.read, this.store);
    this.#position = new Position(this.store, (frame) => this.#socket.send(frame));
    this.#socket = new Socket({
      server: this.server,
      hello: () => ({ device: this.#tabs.isAlone ? undefined : this.device, ...this.#position.hello }),
      token: this.#token.read,
      post: this.rest.post,
      onFrame: (frame) => this.#receive(frame),
      onStatus: (status) => this.#setStatus(status),
      forget: () => this.#position.forget(),
    });
    this.#tabs = new Tabs(this.name, {
      onLead: () => this.#lead(),
      onResign: () => this.#socket.stop(),
      onMessage: (message) => this.#hear(message),
    });
    this.#listen();
    this.#tabs.join();
    this.#tabs.post({ t: 'hi' });
  }

  disconnect() {
    this.#listeners.abort();
    this.#listeners = new AbortController();
    this.#tabs?.leave();
  }

  /** For when they sign out. */
  async forget() {
    this.disconnect();
    await this.store?.clear();
  }

  get isLeader() {
    return this.#tabs?.isLeader ?? false;
  }

  /** @template {keyof import('./ec.js').ClientEvents} N @param {N} name @param {(detail: import('./ec.js').ClientEvents[N]) => void} handler */
  listen(name, handler) {
    this.addEventListener(name, (/** @type {any} */ { detail }) => handler(detail));
  }

  /** Calls `handler` for each event whose type fits: `job.done`, `job.*`, `*`. @returns {() => void} stops it */
  on(types, handler) {
    const start = types.endsWith('*') ? types.slice(0, -1) : null;
    const listener = (/** @type {any} */ { detail }) => {
      const { type } = detail.event;
      if (start === null ? type === types : type.startsWith(start)) handler(detail.event, detail);
    };
    this.addEventListener('event', listener);
    return () => this.removeEventListener('event', listener);
  }

  /** A page of the inbox. @param {import('./ec.js').InboxQuery} query */
  async inbox(query = {}) {
    const parameters = Object.entries(query).filter(([, value]) => value != null && value !== '');
    const page = await this.rest.get(`api/inbox?${new URLSearchParams(parameters.map(([name, value]) => [name, String(value)]))}`);
    this.#count({ unread: page.unread_count, unseen: page.unseen_count });
    return page;
  }

  /**
   * Marks entries, here and, as soon as it can be said, everywhere.
   * @param {import('./ec.js').Mark} op @param {{ ids?: string[], up_to_seq?: number, until?: string }} which
   */
  async mark(op, which) {
    const { answer } = await this.rest.postSurely(`api/inbox/${op}`, which);
    const counts = { unread: answer?.unread_count, unseen: answer?.unseen_count };
    this.#share({ t: 'marks', op, ids: which.ids ?? null, up_to_seq: which.up_to_seq ?? null, until: which.until ?? null, ...counts });
  }

  /** Answers an action. @param {string} actionId @param {import('./ec.js').Answer} answer */
  async answer(actionId, answer) {
    const { isLater } = await this.rest.postSurely(`api/actions/${encodeURIComponent(actionId)}/answer`, answer);
    this.#share({ t: 'answered', action_id: actionId, answer });
    return !isLater;
  }

  context(actionId) {
    return this.rest.get(`api/actions/${encodeURIComponent(actionId)}/context`);
  }

  /** Says that the person saw an event, to the server and to the other tabs, which then need not show it. */
  displayed(id) {
    this.saw([{ id, s: 'displayed' }]);
    this.tell({ t: 'displayed', id });
  }

  saw(acks) {
    if (this.isLeader) this.#position.saw(acks);
    else this.#tabs.post({ t: 'ack', acks });
  }

  /** Says something to the other tabs' user interfaces, where it arrives as `peer`. */
  tell(message) {
    this.#tabs.postNow({ t: 'peer', message });
  }

  /** Whether a push for that person is for whoever is signed in here. */
  isFor(user) {
    return user == null || this.#position?.user == null || this.#position.user === user;
  }

  /** An event that a push brought before the stream did. @returns {boolean} false when it is known already */
  takePushed(event) {
    if (this.#recent.has(event.id)) return false;
    this.#remember(event.id);
    this.#emit('event', { event, seq: null, isReplay: false });
    return true;
  }

  async #lead() {
    await this.#position.load();
    if (this.isLeader) this.#socket.start();
  }

  #listen() {
    const options = { signal: this.#listeners.signal };
    const wake = () => {
      this.#socket.wake();
      // Before the welcome nobody knows whether whom the cookie names is still the person whose answers wait.
      if (this.isLeader && this.status === 'live') this.rest.flush();
    };
    addEventListener('online', wake, options);
    addEventListener('offline', () => this.#socket.wake(), options);
    document.addEventListener('visibilitychange', () => {
      this.#tabs.look();
      if (!document.hidden) wake();
    }, options);
    // An open socket keeps a page out of the back/forward cache, and a frozen leader would leave the others deaf.
    const leave = () => {
      this.#position.leave();
      this.#tabs.leave();
    };
    addEventListener('pagehide', leave, options);
    document.addEventListener('freeze', leave, options);
    const join = () => {
      this.#tabs.join();
      this.#tabs.post({ t: 'hi' });
    };
    addEventListener('pageshow', ({ persisted }) => persisted && join(), options);
    document.addEventListener('resume', join, options);
  }

  #receive(frame) {
    if (frame.t === 'welcome') this.#meet(frame);
    const step = this.#position.move(frame);
    if (step === 'lost') this.#socket.restart();
    if (step !== 'next') return;
    if (frame.t === 'event') frame.replay &&= this.#position.wasAway;
    this.#share(frame);
    if (frame.t === 'replay_done') {
      this.#recount();
      this.rest.flush();
    }
  }

  /** Another person's position, inbox and waiting answers are not ours: the host has changed the cookie. */
  #meet({ user }) {
    if (this.#position.user !== null && this.#position.user !== user) this.store.clear();
  }

  #apply(frame) {
    switch (frame.t) {
      case 'welcome':
        this.isReplaying = true;
        break;
      case 'event':
        return this.#applyEvent(frame);
      case 'replay_done':
        this.isReplaying = false;
        this.#emit('replayed', { count: frame.count });
        break;
      case 'gap':
      case 'answered':
        return this.#emit(frame.t, frame);
      case 'marks':
        if (frame.unread != null) this.#count(frame);
        else if (this.isLeader) this.#recountSoon();
        this.#emit('marks', frame);
        break;
    }
  }

  #applyEvent({ event, seq, replay }) {
    const isKnown = this.#recent.has(event.id);
    this.#remember(event.id);
    if (!replay) this.#count({ unread: this.counts.unread + 1, unseen: this.counts.unseen + 1 });
    if (!replay && this.isLeader) this.#recountSoon();
    this.#emit('entry', { event, seq });
    if (!isKnown) this.#emit('event', { event, seq, isReplay: replay });
  }

  #remember(id) {
    this.#recent.set(id, true);
    if (this.#recent.size > RECENT_MAX) this.#recent.delete(this.#recent.keys().next().value);
  }

  /** Something that this tab knows first. The others are told before it is shown here, and so before that is said. */
  #share(frame) {
    this.#tabs.post({ t: 'frame', frame });
    this.#apply(frame);
  }

  #hear(message) {
    if (message.t === 'frame') this.#follow(message.frame);
    else if (message.t === 'state' && !this.isLeader) this.#adopt(message);
    else if (message.t === 'counts') this.#count(message);
    else if (message.t === 'ack' && this.isLeader) this.#position.saw(message.acks);
    else if (message.t === 'hi' && this.isLeader) this.#tabs.post({ t: 'state', status: this.status, counts: this.counts });
    else if (message.t === 'peer') this.#emit('peer', message.message);
  }

  #follow(frame) {
    if (!this.isLeader) this.#position.follow(frame);
    this.#apply(frame);
  }

  #adopt({ status, counts }) {
    this.#count(counts);
    this.#setStatus(status);
  }

  #setStatus(status) {
    this.status = status;
    if (this.isLeader) this.#tabs.post({ t: 'state', status, counts: this.counts });
    this.#emit('status', { status });
  }

  #recountSoon(isChanging = true) {
    this.#isChanging = isChanging;
    this.#counting ||= setTimeout(() => {
      this.#counting = 0;
      if (this.#isChanging) this.#recountSoon(false);
      else this.#recount();
    }, QUIET_MS);
  }

  /** The exact counts. Between two of them, each event is one more. */
  async #recount() {
    await this.inbox({ limit: 1 }).catch(() => {}); // The next one comes with the next event.
    this.#tabs.post({ t: 'counts', ...this.counts });
  }

  #count({ unread, unseen }) {
    if (unread === this.counts.unread && unseen === this.counts.unseen) return;
    this.counts = { unread, unseen };
    this.#telling ??= setTimeout(() => {
      this.#telling = null;
      this.#emit('counts', this.counts);
    }, TELL_MS);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
