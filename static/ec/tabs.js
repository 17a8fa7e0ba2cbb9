// One socket per browser: of all tabs of a person one leads, by a Web Lock, and tells the others over a BroadcastChannel.

const POST_MS = 50;
const ANSWER_MS = 2000; // A leader who hears of no other tab by then posts nothing until one speaks.
const BEAT_MS = 5000;
const MISSED_MAX = 3; // So many beats late, and a visible tab takes the lead from one that hangs or is frozen.

/** The tabs of one person in this browser. Where there are no locks or no channel, each tab leads itself. */
export class Tabs {
  #name;
  #handlers;
  #channel = null;
  #release = null;
  #outgoing = [];
  #posting = 0;
  #hasOthers = false;
  #aloneAfter = 0;
  #heard = 0;
  #timer = 0;
  #queueing = null;

  /** @param {string} name @param {import('./types.js').TabsHandlers} handlers */
  constructor(name, handlers) {
    this.#name = name;
    this.#handlers = handlers;
    this.isLeader = false;
    this.isAlone = true;
  }

  join() {
    if (this.#timer) return;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#heard = performance.now();
    try {
      this.#channel = new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => data.forEach((message) => this.#receive(message));
      this.isAlone = !navigator.locks;
    } catch {
      this.isAlone = true;
    }
    if (this.isAlone) return void this.#lead();
    this.#queue({});
    this.look();
  }

  leave() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#queueing?.abort();
    this.#queueing = null;
    this.#release?.();
    this.#resign();
    this.#flush();
    this.#channel?.close();
    this.#channel = null;
  }

  /** Says something to the other tabs: at once, or with what else there is to say in a moment, for a post is not cheap. */
  post(message) {
    const isAlone = this.isLeader && !this.#hasOthers && performance.now() > this.#aloneAfter;
    if (!this.#channel || isAlone) return;
    this.#outgoing.push(message);
    if (this.#posting) return;
    this.#flush();
    this.#posting = setTimeout(() => {
      this.#posting = 0;
      this.#flush();
    }, POST_MS);
  }

  /** Says what must not be late. */
  postNow(message) {
    this.post(message);
    this.#flush();
  }

  #flush() {
    if (this.#outgoing.length > 0) this.#channel?.postMessage(this.#outgoing);
    this.#outgoing = [];
  }

  /** A tab that is looked at leads rather than one that is not: call it whenever that changes. */
  look() {
    if (this.isLeader && document.hidden) this.post({ t: 'hidden' });
    if (!this.isLeader && !document.hidden) this.post({ t: 'want' });
  }

  #receive(message) {
    this.#hasOthers = true;
    if (message.t === 'beat') this.#heard = performance.now();
    else if (message.t === 'want') this.#yield();
    else if (message.t === 'hidden') this.look();
    else if (message.t === 'who') this.post({ t: 'here' });
    else if (message.t !== 'here') this.#handlers.onMessage(message);
  }

  #yield() {
    if (!this.isLeader || !document.hidden || !this.#release) return;
    this.#release();
    this.#resign();
    this.#queue({});
  }

  #beat() {
    this.look();
    if (this.isLeader) return void this.post({ t: 'beat' });
    const isLate = performance.now() - this.#heard > BEAT_MS * MISSED_MAX;
    if (!isLate || document.hidden || this.isAlone) return;
    this.#heard = performance.now();
    this.#queueing?.abort();
    this.#queue({ steal: true });
  }

  /** Waits for the lock, or takes it; holds it until it is released, or taken. */
  async #queue({ steal = false }) {
    const queueing = new AbortController();
    this.#queueing = queueing;
    const options = steal ? { steal } : { signal: queueing.signal };
    try {
      await navigator.locks.request(this.#name, options, () => {
        if (queueing.signal.aborted && !steal) return undefined;
        return new Promise((resolve) => {
          this.#release = () => resolve(undefined);
          this.#lead();
        });
      });
    } catch {
      if (this.#queueing !== queueing) return;
      // Taken by another tab: get back in line. Never allowed at all: be alone.
      const wasLeader = this.isLeader;
      this.#resign();
      if (wasLeader) return void this.#queue({});
      this.isAlone = true;
      this.#lead();
    }
  }

  #lead() {
    if (this.isLeader) return;
    this.isLeader = true;
    this.#aloneAfter = performance.now() + ANSWER_MS;
    this.post({ t: 'who' });
    this.look();
    this.#handlers.onLead();
  }

  #resign() {
    this.#release = null;
    if (!this.isLeader) return;
    this.isLeader = false;
    this.#heard = performance.now();
    this.#handlers.onResign();
  }
}
