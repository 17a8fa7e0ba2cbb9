// An engine that is nobody's: the protocol and the inbox in memory, for what the real one would not do on demand.

import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { WebSocketServer } from 'ws';

const STATIC = new URL('../../../static/', import.meta.url);
const KINDS = { js: 'text/javascript', json: 'application/json' };

/** One person's stream, inbox and sessions. */
class Person {
  entries = [];
  sessions = new Set();
  answers = new Map();

  counts() {
    const unread = this.entries.filter(({ read_at, archived_at, snoozed_until }) => !read_at && !archived_at && !snoozed_until);
    return { unread: unread.length, unseen: unread.filter(({ seen_at }) => !seen_at).length };
  }

  say(frame) {
    for (const session of this.sessions) session.send(JSON.stringify(frame));
  }
}

export class Fake {
  people = new Map();
  refuse = null; // A close code for whoever connects.
  connections = 0;

  static async start() {
    const fake = new Fake();
    fake.server = http.createServer((request, response) => fake.#answer(request, response));
    fake.sockets = new WebSocketServer({ server: fake.server, path: '/ws', handleProtocols: () => 'eventcenter.v1.json' });
    fake.sockets.on('connection', (socket, request) => fake.#connect(socket, request));
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${fake.server.address().port}`;
    return fake;
  }

  close() {
    for (const socket of this.sockets.clients) socket.terminate();
    this.server.closeAllConnections();
    this.server.close();
  }

  person(user) {
    if (!this.people.has(String(user))) this.people.set(String(user), new Person());
    return this.people.get(String(user));
  }

  token = async (user) => String(user);

  emit(event) {
    const person = this.person(event.user_id);
    const seq = person.entries.length + 1;
    const whole = { id: `evt_${event.user_id}_${seq}`, body: '', level: 'info', channels: ['ws'], created_at: new Date().toISOString(), ...event };
    person.entries.push({ seq, event: whole });
    person.say({ t: 'event', seq, prev: seq - 1, replay: false, event: whole });
    return { id: whole.id };
  }

  #user(request) {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
    const bearer = offered.find((one) => one.startsWith('ec.bearer.'))?.slice(10) ?? request.headers.authorization?.slice(7);
    return bearer ?? /ec_token=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  }

  #connect(socket, request) {
    this.connections++;
    if (this.refuse) return socket.close(this.refuse);
    const user = this.#user(request);
    const person = this.person(user);
    socket.on('message', (data) => {
      const frame = JSON.parse(data);
      person.heard?.(frame);
      if (frame.t === 'ping') socket.send(JSON.stringify({ t: 'pong', head: person.entries.length }));
      if (frame.t === 'hello') this.#welcome(user, frame.after ?? 0, socket);
    });
    socket.on('close', () => person.sessions.delete(socket));
  }

  #welcome(user, from, session) {
    const person = this.person(user);
    const head = person.entries.length;
    const send = (frame) => session.send(JSON.stringify(frame));
    send({ t: 'welcome', v: 1, session: 's', user: Number(user), epoch: 'e', head, from, resumed: true, ping_ms: 25_000, pong_ms: 10_000, resume: `v1.e.${from}.m` });
    for (const { seq, event } of person.entries.slice(from)) send({ t: 'event', seq, prev: seq - 1, replay: true, event });
    send({ t: 'replay_done', to: head, count: head - from, resume: `v1.e.${head}.m` });
    person.sessions.add(session);
  }

  /** The same frames as server-sent events. */
  #stream(url, response) {
    const user = url.searchParams.get('ticket').split('.')[1];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const session = { send: (text) => response.write(`event: ${JSON.parse(text).t}\ndata: ${text}\n\n`), close: () => response.end() };
    this.#welcome(user, Number(url.searchParams.get('after') ?? 0), session);
    response.on('close', () => this.person(user).sessions.delete(session));
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.url);
    const json = (value, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/api/stream') return this.#stream(url, response);
    if (url.pathname === '/sw.js' || url.pathname.startsWith('/ec/')) return this.#file(url.pathname.slice(1), response);
    const person = this.person(this.#user(request));
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = text ? JSON.parse(text) : {};
    const [, area, name, last] = url.pathname.slice(1).split('/');
    if (area === 'ws-ticket') return json({ ticket: `t.${this.#user(request)}` });
    if (area === 'stream') {
      person.heard?.({ t: 'ack', ...body });
      return response.writeHead(204).end();
    }
    if (area === 'inbox' && !name) return json(this.#inbox(person, url.searchParams));
    if (area === 'inbox') return json(this.#mark(person, name, body));
    if (last === 'context') return json({ state: person.answers.has(name) ? 'answered' : 'open', answer: person.answers.get(name) ?? null });
    if (last === 'answer') {
      if (person.answers.has(name)) return json({ title: 'answered', answer: person.answers.get(name) }, 409);
      person.answers.set(name, body);
      person.say({ t: 'answered', action_id: name, event_id: '', answer: body });
      return json({});
    }
    return json({ title: 'not found' }, 404);
  }

  async #file(path, response) {
    try {
      const text = await readFile(new URL(path, STATIC));
      response.writeHead(200, { 'content-type': KINDS[path.split('.').at(-1)], 'cache-control': 'no-cache' });
      response.end(text);
    } catch {
      response.writeHead(404).end();
    }
  }

  #inbox(person, query) {
    const filter = query.get('filter') ?? 'all';
    const before = Number(query.get('before') ?? Infinity);
    const limit = Number(query.get('limit') ?? 30);
    const fits = {
      all: (entry) => !entry.archived_at && !entry.snoozed_until,
      unread: (entry) => !entry.archived_at && !entry.snoozed_until && !entry.read_at,
      archived: (entry) => entry.archived_at,
      snoozed: (entry) => entry.snoozed_until,
    }[filter];
    const service = query.get('service');
    const isOf = ({ event: { data } }) => !service || (data?.service ?? data?.source_service) === service;
    const found = person.entries.filter((entry) => entry.seq < before && fits(entry) && isOf(entry)).reverse();
    const items = found.slice(0, limit);
    const { unread, unseen } = person.counts();
    return { entries: items, last_seq: person.entries.length, next: found.length > limit ? String(items.at(-1).seq) : null, unread_count: unread, unseen_count: unseen };
  }

  #mark(person, op, { ids, up_to_seq, until }) {
    const at = new Date().toISOString();
    const change = {
      seen: { seen_at: at }, read: { read_at: at, seen_at: at }, unread: { read_at: null }, archive: { archived_at: at },
      unarchive: { archived_at: null }, snooze: { snoozed_until: until }, unsnooze: { snoozed_until: null },
    }[op];
    for (const entry of person.entries) {
      if (ids ? ids.includes(entry.event.id) : entry.seq <= up_to_seq) Object.assign(entry, change);
    }
    const { unread, unseen } = person.counts();
    person.say({ t: 'marks', op, ids: ids ?? null, up_to_seq: up_to_seq ?? null, until: until ?? null, unread, unseen });
    return { unread_count: unread, unseen_count: unseen };
  }
}
