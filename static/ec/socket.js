// The person's stream, over a WebSocket or, where networks break those, over server-sent events: it connects, keeps
// alive, and comes back. What the frames mean is the client's business; PROTOCOL.md says what they are.

const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const SETTLED_MS = 30_000; // A session that lived so long begins its backoff anew.
const OPEN_MS = 10_000;
const PROBE_MS = 5000;
const SOON_MS = 1000;
const PING_MS = 25_000; // Until the server says its own.
const SILENT_MAX = 2.5; // So many pings late, and the link is dead, whatever the browser thinks of it.
const SOCKETS_FAILED_MAX = 3; // Then server-sent events get a try, and sockets again after them.

const PROTOCOL = 'eventcenter.v1.json';
const BROKEN = [1002, 1003, 1007, 1009];

/** @returns {import('./types.js').Link} */
function openSocket({ server }, token, handlers) {
  const url = new URL('ws', server);
  url.protocol = server.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, token ? [PROTOCOL, `ec.bearer.${token}`] : [PROTOCOL]);
  socket.onopen = handlers.onOpen;
  socket.onmessage = ({ data }) => read(data, handlers);
  socket.onclose = ({ code }) => handlers.onClose(code);
  return {
    isStream: false,
    send: (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame)),
    close: () => socket.close(1000),
  };
}

/** Hands a frame on. What cannot be read a newer server may have said; the stream's numbers tell whether it mattered. */
export function read(text, handlers) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return;
  }
  if (frame && typeof frame === 'object') handlers.onFrame(frame);
}

/** One session after the other. */
export class Socket {
  #options;
  #link = null;
  #timer = 0;
  #watch = 0;
  #tries = 0;
  #socketsFailed = 0;
  #refused = 0;
  #liveAt = 0;
  #heard = 0;
  #pingMs = PING_MS;
  #bye = null;
  #run = 0; // What was given up says no more.

  /** @param {import('./types.js').SocketOptions} options */
  constructor(options) {
    this.#options = options;
    /** @type {import('./ec.js').Status} */
    this.status = 'idle';
  }

  start() {
    if (this.status !== 'idle') return;
    this.#connect(false);
  }

  stop() {
    this.#drop();
    this.#say('idle');
  }

  /** The person, the network or the browser is back: an open link is tried, a closed one is made at once. */
  wake() {
    if (this.#link) this.#probe();
    else if (['waiting', 'offline'].includes(this.status)) this.#wait(Math.random() * SOON_MS);
  }

  /** @returns {boolean} whether it could be said */
  send(frame) {
    if (!this.#link || !['replaying', 'live'].includes(this.status)) return false;
    this.#link.send(frame);
    return true;
  }

  restart() {
    this.#drop();
    this.#wait(Math.random() * SOON_MS);
  }

  async #connect(anew) {
    this.#drop();
    if (!navigator.onLine) return void this.#say('offline');
    const run = this.#run;
    this.#say('connecting');
    const token = await this.#options.token(anew).catch(() => undefined);
    if (run !== this.#run) return;
    if (token === undefined) return void this.#retry();
    const handlers = {
      onOpen: () => run === this.#run && this.#opened(),
      onFrame: (frame) => run === this.#run && this.#receive(frame),
      onClose: (code) => run === this.#run && this.#closed(code),
    };
    const isStream = this.#socketsFailed >= SOCKETS_FAILED_MAX;
    this.#socketsFailed = isStream ? 0 : this.#socketsFailed + 1; // Taken back once it opens.
    this.#heard = performance.now();
    this.#timer = setTimeout(() => this.#closed(1006), OPEN_MS);
    if (!isStream) return void (this.#link = openSocket(this.#options, token, handlers));
    const { openStream } = await import('./eventsource.js');
    if (run === this.#run) this.#link = openStream(this.#options, handlers);
  }

  #opened() {
    this.#socketsFailed = 0;
    this.#heard = performance.now();
    this.#link.send({ t: 'hello', v: 1, ...this.#options.hello() });
  }

  #receive(frame) {
    this.#heard = performance.now();
    if (frame.t === 'welcome') this.#welcome(frame);
    if (frame.t === 'replay_done') this.#say('live');
    if (frame.t === 'ping') this.#link.send({ t: 'pong' });
    if (frame.t === 'bye') this.#bye = frame;
    if (frame.t === 'auth_required') this.#renew();
    if (frame.t === 'error' && frame.code === 'bad_resume') this.#options.forget();
    this.#options.onFrame(frame);
    if (frame.t === 'bye' && this.#link?.isStream) this.#closed(frame.code);
  }

  #welcome({ ping_ms }) {
    clearTimeout(this.#timer);
    this.#refused = 0;
    this.#liveAt = performance.now();
    this.#pingMs = ping_ms ?? PING_MS;
    this.#say('replaying');
    this.#watch = setInterval(() => this.#check(), this.#pingMs);
  }

  #check() {
    if (performance.now() - this.#heard > this.#pingMs * SILENT_MAX) this.#closed(1006);
  }

  /** A link that does not answer is dead, even though nobody closed it: phones and proxies do that. */
  #probe() {
    if (!this.#link || this.#link.isStream || this.status === 'connecting') return;
    const { onLine } = navigator;
    if (!onLine) return;
    const asked = performance.now();
    const run = this.#run;
    this.#link.send({ t: 'ping' });
    setTimeout(() => run === this.#run && this.#heard < asked && this.#closed(1006), PROBE_MS);
  }

  async #renew() {
    const run = this.#run;
    const token = await this.#options.token(true).catch(() => null);
    if (run === this.#run && token) this.#link?.send({ t: 'auth', token });
  }

  #closed(code) {
    const bye = this.#bye;
    if (performance.now() - this.#liveAt > SETTLED_MS && this.#liveAt > 0) this.#tries = 0;
    this.#drop();
    if (code === 4001) return void this.#unauthorized();
    if (code === 4007) return void this.#say('replaced');
    if (code === 4105) return void this.#say('waiting'); // Until the person comes back: see wake().
    if (code === 4000 && this.#refused++ === 0) return void this.#retry(); // Once: a position may have been forgotten.
    if (BROKEN.includes(code) || (code >= 4000 && code < 4100)) return void this.#say('refused');
    if (code === 4203) this.#options.forget();
    if (code >= 4200 && code < 4300) return void this.#soon(bye, code === 4201);
    this.#retry();
  }

  #unauthorized() {
    // A token may have ended while we were away; a second refusal is no accident.
    if (this.#refused++ > 0) return void this.#say('unauthorized');
    this.#connect(true);
  }

  #soon(bye, anew) {
    const [least, most] = bye?.retry_ms ?? [0, SOON_MS];
    this.#wait(least + Math.random() * (most - least), anew);
  }

  /** Full jitter: many clients of one node that went away do not come back at once. */
  #retry() {
    const longest = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** this.#tries++);
    this.#wait(Math.random() * longest);
  }

  #wait(ms, anew = false) {
    clearTimeout(this.#timer);
    this.#say(navigator.onLine ? 'waiting' : 'offline');
    this.#timer = setTimeout(() => this.#connect(anew), ms);
  }

  #drop() {
    this.#run++;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#link?.close();
    this.#link = null;
    this.#bye = null;
    this.#liveAt = 0;
  }

  #say(status) {
    if (status === this.status) return;
    this.status = status;
    this.#options.onStatus(status);
  }
}
