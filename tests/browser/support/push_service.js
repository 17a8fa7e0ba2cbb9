// A push service on this machine, in the place of Google's: a stock Chromium subscribes at it and gets its pushes from it, and
// the engine sends to it over HTTP/2 and TLS. It judges a push as the real one does: by its VAPID token, size and subscription.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, createPublicKey, randomUUID, verify, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkin, push, Session } from './mcs.js';

/** Where Chromium without Google's keys, Debian's among them, has its subscriptions. */
const HOST = 'jmt17.google.com';
const BODY_MAX = 4096;
const ROOT = new URL('../../../', import.meta.url);
const PYTHON = process.env.EVENTCENTER_TEST_PYTHON ?? fileURLToPath(new URL('.venv/bin/python', ROOT));
const CERTIFICATES = fileURLToPath(new URL('tests/peers/certificates.py', ROOT));

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export class PushService {
  /** Every push that arrived: its status, headers and size. */
  pushes = [];
  #subscriptions = new Map();
  #sessions = new Set();
  #waiting = []; // Until a browser is there.
  #browsers = 0;

  static async start() {
    const service = new PushService();
    service.directory = await mkdtemp(join(tmpdir(), 'eventcenter-push-'));
    await promisify(execFile)(PYTHON, [CERTIFICATES, service.directory]);
    const pem = await readFile(join(service.directory, 'server.pem'), 'utf8');
    const certificate = { key: pem, cert: pem };
    service.authority = join(service.directory, 'ca.pem');
    service.pin = pinOf(pem);
    service.registry = http.createServer((request, response) => service.#register(request, response));
    service.mcs = tls.createServer(certificate, (socket) => service.#connect(socket));
    service.senders = http2.createSecureServer(certificate, (request, response) => service.#take(request, response));
    [service.registryPort, service.mcsPort, service.port] = await Promise.all([service.registry, service.mcs, service.senders].map(listen));
    return service;
  }

  async close() {
    for (const { socket } of this.#sessions) socket.destroy();
    for (const server of [this.registry, this.mcs, this.senders]) server.close();
    await rm(this.directory, { recursive: true });
  }

  /** What makes Chromium's own client use it. */
  switches() {
    const registry = `http://127.0.0.1:${this.registryPort}`;
    return [
      `--gcm-checkin-url=${registry}/checkin`, `--gcm-registration-url=${registry}/register`,
      `--gcm-mcs-endpoint=https://localhost:${this.mcsPort}`, `--ignore-certificate-errors-spki-list=${this.pin}`,
    ];
  }

  /** What makes the engine send to it. */
  variables() {
    return {
      EVENTCENTER_PUSH_ENDPOINTS: 'loopback', EVENTCENTER_PUSH_HOSTS: `${HOST}=127.0.0.1:${this.port}`, EVENTCENTER_PUSH_CA: this.authority,
    };
  }

  /** A browser makes itself known, subscribes, and unsubscribes. */
  async #register(request, response) {
    const form = new URLSearchParams((await read(request)).toString());
    if (request.url === '/checkin') return response.end(checkin(BigInt(++this.#browsers)));
    const subscription = { app: form.get('app'), subtype: form.get('X-subtype'), sender: form.get('sender') };
    if (form.get('delete') === 'true') {
      for (const [token, { subtype }] of this.#subscriptions) if (subtype === subscription.subtype) this.#subscriptions.delete(token);
      return response.end(`token=${form.get('appid')}`);
    }
    const token = randomUUID();
    this.#subscriptions.set(token, subscription);
    return response.end(`token=${token}`);
  }

  #connect(socket) {
    const session = new Session(socket, () => {
      this.#sessions.add(session);
      for (const message of this.#waiting.splice(0)) session.send(message);
    });
    socket.on('close', () => this.#sessions.delete(session));
  }

  /** A push from a sender (RFC 8030 §5). */
  async #take(request, response) {
    const body = await read(request);
    const subscription = this.#subscriptions.get(request.url.split('/').pop());
    const { headers } = request;
    const status = judge(subscription, headers, body);
    this.pushes.push({ status, version: request.httpVersion, headers, size: body.length });
    response.writeHead(status, status === 201 ? { ttl: headers.ttl } : {});
    response.end();
    if (status === 201) this.#deliver(push({ ...subscription, id: randomUUID(), ttl: Number(headers.ttl), encoding: headers['content-encoding'], body }));
  }

  #deliver(message) {
    if (this.#sessions.size === 0) this.#waiting.push(message);
    for (const session of this.#sessions) session.send(message);
  }
}

function judge(subscription, { authorization, ttl }, body) {
  if (!subscription) return 410;
  if (!/^\d+$/.test(ttl ?? '')) return 400;
  if (body.length > BODY_MAX) return 413;
  return isAuthorized(authorization, subscription.sender) ? 201 : 403;
}

/** Whether a VAPID token (RFC 8292 §3) is by the key that the browser subscribed with, for us, and of now. */
function isAuthorized(authorization, sender) {
  const [, token, key] = /^vapid t=([^,]+), ?k=(\S+)$/.exec(authorization ?? '') ?? [];
  if (!token || key !== sender) return false;
  const point = Buffer.from(key, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
  const jwk = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } });
  const [head, claims, signature] = token.split('.');
  const isSigned = verify('sha256', Buffer.from(`${head}.${claims}`), { key: jwk, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  const { aud, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  const left = exp - Date.now() / 1000;
  return isSigned && aud === `https://${HOST}` && left > 0 && left <= 86_400;
}

/** What Chromium may trust without an authority: the hash of the server's public key, and no other. */
function pinOf(pem) {
  const certificate = /-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/.exec(pem);
  assert(certificate, 'no certificate');
  const key = new X509Certificate(certificate[0]).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}
