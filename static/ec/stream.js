// Where this browser is in the person's stream, which is dense: 1, 2, 3 … Whoever sees 7 after 5 has lost 6.

const ACK_MS = 200;
const ACK_EVENTS = 64;
const AWAY_MS = 60_000; // Who was gone for less has missed nothing.
const ACK_IDS_MAX = 100; // In one frame.

/** The position, kept over restarts, and what is still to be acknowledged. */
export class Position {
  #store;
  #send;
  #timer = 0;
  #unacked = 0;
  #ids = [];

  /** @param {import('./store.js').Store} store @param {(frame: object) => boolean} send */
  constructor(store, send) {
    this.#store = store;
    this.#send = send;
    this.seq = null;
    this.resume = null;
    this.epoch = null;
    this.user = null;
    this.at = 0;
    /** Whether the person was away before this session, so that what it replays is old. */
    this.wasAway = true;
  }

  /** Takes over what the tab that led before has kept. */
  async load() {
    const kept = await this.#store.get('position');
    if (!kept) return;
    const isSameStream = kept.epoch === this.epoch;
    Object.assign(this, kept, { at: Math.max(kept.at, this.at) }, isSameStream && { seq: Math.max(kept.seq, this.seq) });
  }

  /** Moves with a frame that the leading tab has handled. */
  follow(frame) {
    this.at = Date.now();
    if (frame.t === 'welcome') Object.assign(this, { seq: frame.from, epoch: frame.epoch });
    else if (frame.t === 'event') this.seq = frame.seq;
    else if (frame.t === 'gap') this.seq = frame.to;
  }

  /** What `hello` says of it. */
  get hello() {
    return { ...(this.resume && { resume: this.resume }), ...(this.resume && this.seq !== null && { after: this.seq }) };
  }

  forget() {
    Object.assign(this, { seq: null, resume: null, epoch: null });
    this.#keep();
  }

  /** Moves with a frame, which is to be handled, was handled before, or shows a loss. @returns {'next' | 'known' | 'lost'} */
  move(frame) {
    switch (frame.t) {
      case 'welcome':
        this.wasAway = Date.now() - this.at > AWAY_MS;
        Object.assign(this, { seq: frame.from, epoch: frame.epoch, resume: frame.resume ?? this.resume, user: frame.user });
        this.#keep();
        return 'next';
      case 'event':
        if (frame.seq <= this.seq) return 'known';
        if (frame.prev > this.seq) return 'lost';
        this.seq = frame.seq;
        this.#ackSoon();
        return 'next';
      case 'gap':
        this.seq = frame.reason === 'retention' ? Math.max(this.seq, frame.to) : frame.to;
        this.#ackSoon();
        return 'next';
      case 'replay_done':
      case 'ping':
        this.resume = frame.resume ?? this.resume;
        this.#keep();
        return frame.head > this.seq ? 'lost' : 'next';
      default:
        return 'next';
    }
  }

  /** Says what the person saw. @param {{ id: string, s: 'displayed' | 'read' }[]} acks */
  saw(acks) {
    this.#ids.push(...acks);
    this.#schedule(ACK_MS);
  }

  /** The page goes: what was seen is kept and said while that is still possible. */
  leave() {
    if (this.#timer) this.#ack();
  }

  #ackSoon() {
    this.#unacked++;
    this.#schedule(this.#unacked >= ACK_EVENTS ? 0 : ACK_MS);
  }

  #schedule(ms) {
    if (this.#timer && ms > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ack(), ms);
  }

  #ack() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const ids = this.#ids.slice(0, ACK_IDS_MAX);
    const frame = { t: 'ack', ...(this.#unacked && { seq: this.seq }), ...(ids.length && { ids }) };
    if (this.#send(frame)) {
      this.#ids.splice(0, ids.length);
      this.#unacked = 0;
    }
    this.#keep();
    if (ids.length && this.#ids.length) this.#schedule(ACK_MS);
  }

  #keep() {
    this.at = Date.now();
    const { seq, resume, epoch, user, at } = this;
    this.#store.set('position', { seq, resume, epoch, user, at });
  }
}
