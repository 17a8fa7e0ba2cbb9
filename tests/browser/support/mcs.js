// Google's Mobile Connection Server, as much as Chromium asks of it to get pushes: one TLS connection, over which frames of
// protocol buffers go (mcs.proto and checkin.proto in Chromium's google_apis/gcm/protocol).

const VERSION = 41;
const TAG = { ping: 0, pong: 1, login: 2, welcome: 3, message: 8 };
const FIXED64 = 1;
const BYTES = 2;

/** @param {number} value @returns {Buffer} seven bits a byte, the lowest first */
function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

function bytes(field, value) {
  const content = Buffer.from(value);
  return Buffer.concat([varint(field * 8 + BYTES), varint(content.length), content]);
}

function fixed64(field, value) {
  const content = Buffer.alloc(8);
  content.writeBigUInt64LE(value);
  return Buffer.concat([varint(field * 8 + FIXED64), content]);
}

/** An AndroidCheckinResponse: who the browser is from now on. */
export const checkin = (id) => Buffer.concat([number(1, 1), fixed64(7, id), fixed64(8, 1n)]);

/** A DataMessageStanza: a push as its service passes it on, still encrypted. */
export function push({ id, sender, app, subtype, ttl, encoding, body }) {
  const header = (name, value) => bytes(7, Buffer.concat([bytes(1, name), bytes(2, value)]));
  const content = body.length ? [header('content-encoding', encoding), bytes(21, body)] : [];
  return Buffer.concat([bytes(2, id), bytes(3, sender), bytes(5, app), header('subtype', subtype), bytes(9, id), number(17, ttl), ...content]);
}

const frame = (tag, content) => Buffer.concat([Buffer.from([tag]), varint(content.length), content]);

/** One browser's connection. */
export class Session {
  #read = Buffer.alloc(0);
  #hasVersion = false;

  /** @param {import('node:tls').TLSSocket} socket @param {(session: Session) => void} ready once it may be sent to */
  constructor(socket, ready) {
    this.socket = socket;
    this.ready = ready;
    socket.on('error', () => {}); // The browser has gone.
    socket.on('data', (data) => this.#receive(data));
  }

  send(message) {
    this.socket.write(frame(TAG.message, message));
  }

  #receive(data) {
    this.#read = Buffer.concat([this.#read, data]);
    if (!this.#hasVersion) {
      this.#read = this.#read.subarray(1);
      this.#hasVersion = true;
    }
    for (let tag = this.#next(); tag !== null; tag = this.#next()) this.#answer(tag);
  }

  /** Takes a whole frame off what was read. @returns {number | null} its tag */
  #next() {
    let length = 0;
    for (let at = 1; at < this.#read.length; at++) {
      length += (this.#read[at] % 128) * 128 ** (at - 1);
      if (this.#read[at] >= 128) continue;
      const end = at + 1 + length;
      if (this.#read.length < end) return null;
      const tag = this.#read[0];
      this.#read = this.#read.subarray(end);
      return tag;
    }
    return null;
  }

  #answer(tag) {
    if (tag === TAG.ping) this.socket.write(frame(TAG.pong, Buffer.alloc(0)));
    if (tag !== TAG.login) return;
    this.socket.write(Buffer.concat([Buffer.from([VERSION]), frame(TAG.welcome, Buffer.concat([bytes(1, 'login'), number(8, Date.now())]))]));
    this.ready(this);
  }
}
