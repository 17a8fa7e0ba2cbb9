// Endpoints that a test may give to any page: what is pushed there is decrypted and handed to the page's worker. Quicker than
// a whole push service, which push_service.js is, and in browsers without a profile there is no other way.

import { execFileSync } from 'node:child_process';
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const HEADER = { salt: 16, key: 86, tag: 16 }; // RFC 8188 §2.1, with a P-256 point as the key id.

/** A certificate for this machine, which the engine is told to trust. @param {string} directory @returns {{ cert: string, key: string }} files */
export function makeCertificate(directory) {
  const files = { cert: join(directory, 'push.crt'), key: join(directory, 'push.key') };
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=push', '-keyout', files.key,
    '-out', files.cert, '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE',
  ], { stdio: 'ignore' });
  return files;
}

export class Endpoints {
  #browsers = new Map();
  status = 201;

  static async start({ cert, key } = { cert: process.env.EC_PUSH_CERT, key: process.env.EC_PUSH_KEY }) {
    const endpoints = new Endpoints();
    endpoints.server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => endpoints.#receive(request, response));
    await new Promise((resolve) => endpoints.server.listen(0, '127.0.0.1', resolve));
    return endpoints;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** A browser's address and keys; what is sent there comes to `deliver`, decrypted. @param {(text: string) => unknown} deliver */
  browser(deliver) {
    const name = randomBytes(8).toString('hex');
    const pair = createECDH('prime256v1');
    pair.generateKeys();
    const auth = randomBytes(16);
    this.#browsers.set(`/${name}`, { pair, auth, deliver });
    const endpoint = `https://127.0.0.1:${this.server.address().port}/${name}`;
    return { endpoint, p256dh: pair.getPublicKey('base64url'), auth: auth.toString('base64url') };
  }

  async #receive(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(this.status, { location: '/m' }).end();
    const browser = this.#browsers.get(request.url);
    if (this.status < 300) await browser?.deliver(decrypt(Buffer.concat(chunks), browser));
  }
}

/** RFC 8291 §3.4. */
function decrypt(body, { pair, auth }) {
  const salt = body.subarray(0, HEADER.salt);
  const theirs = body.subarray(HEADER.salt + 5, HEADER.key);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), theirs]);
  const secret = Buffer.from(hkdfSync('sha256', pair.computeSecret(theirs), auth, info, 32));
  const derive = (name, length) => Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${name}\0`, length));
  const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
  decipher.setAuthTag(body.subarray(-HEADER.tag));
  const plain = Buffer.concat([decipher.update(body.subarray(HEADER.key, -HEADER.tag)), decipher.final()]);
  return plain.subarray(0, plain.lastIndexOf(2)).toString();
}

/**
 * A visitor whose browser subscribes here, and whose answer to the prompt is chosen by the test.
 * @param {any} visitor @param {Endpoints} endpoints
 * @param {{ permission?: string, answer?: string }} [person] what the permission is, and what a prompt makes of it
 */
export async function equip(visitor, endpoints, { permission = 'default', answer = 'granted' } = {}) {
  const { context, site } = visitor;
  // Whatever is not named here is denied from then on.
  await context.grantPermissions(['notifications', 'camera', 'microphone'], { origin: site.url });
  let push = null;
  const keys = endpoints.browser((text) => push?.(text));
  await context.addInitScript(pretend, { ...keys, permission, answer });
  /** From then on the page's worker hears what comes. */
  return async (page) => {
    const devtools = await context.newCDPSession(page);
    const registered = new Promise((resolve) => {
      devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && resolve(registrations[0].registrationId));
    });
    await devtools.send('ServiceWorker.enable');
    push = async (data) => devtools.send('ServiceWorker.deliverPushMessage', { origin: site.url, registrationId: await registered, data });
  };
}

/** In the page: a push manager that always reaches its service, and a person who answers prompts. */
function pretend({ endpoint, p256dh, auth, permission, answer }) {
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0)).buffer;
  const make = (key) => ({
    endpoint,
    options: { userVisibleOnly: true, applicationServerKey: bytes(key) },
    toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh, auth } }),
    unsubscribe: async () => localStorage.removeItem('test-key') ?? true,
  });
  const kept = (name, otherwise) => localStorage.getItem(name) ?? otherwise;
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    localStorage.setItem('test-key', applicationServerKey);
    return make(applicationServerKey);
  };
  PushManager.prototype.getSubscription = async () => (kept('test-key', null) ? make(kept('test-key')) : null);
  globalThis.prompts = [];
  Object.defineProperty(Notification, 'permission', { configurable: true, get: () => kept('test-permission', permission) });
  Notification.requestPermission = async () => {
    globalThis.prompts.push(navigator.userActivation.isActive);
    localStorage.setItem('test-permission', answer);
    return answer;
  };
}
