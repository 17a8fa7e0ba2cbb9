// A real event, sent to this person over one channel and followed link by link: whichever did not happen is the broken one.

import { registration, verdict } from './notifications.js';
import { greet } from './session.js';

/** How long a frame, a server's answer and a push may take, and from when on a push is slow, in ms. */
const FRAME_MS = 8000;
const ACCEPT_MS = 15_000;
const PUSH_MS = 30_000;
const SLOW_MS = 10_000;
/** How often the server is asked where a delivery stands, in ms. */
const POLL_MS = 500;

/** @typedef {import('../diag/diagnostics.js').Context} Context */
/** @typedef {import('../diag/diagnostics.js').Finding} Finding */
/** @typedef {{state: string, reason: string | null}} Stand */
/** @typedef {'taken' | 'accepted' | 'delivered' | 'shown' | 'seen'} Link */

/** @type {import('../diag/diagnostics.js').Check[]} */
export const LOOPBACK = [
  { id: 'ws_loopback', group: 'connection', kind: 'active', timeout: 20_000, run: stream },
  { id: 'push_loopback', group: 'notifications', kind: 'active', timeout: 80_000, run: push },
  { id: 'email_loopback', group: 'notifications', kind: 'active', timeout: 40_000, run: email },
];

/** What has happened so far, and when, in ms from the start. */
class Timeline {
  #began = performance.now();
  /** @type {{link: Link, ok: boolean, ms: number}[]} */
  links = [];

  /** @param {Link} link @param {boolean} ok */
  add(link, ok) {
    this.links.push({ link, ok, ms: Math.round(performance.now() - this.#began) });
    return ok;
  }

  /** @param {Finding['status']} status @param {string} [code] @returns {Finding} */
  end(status, code) {
    return { status, code, evidence: { links: this.links } };
  }
}

/** Sends it. @param {Context} context @param {string} channel @param {Timeline} timeline @returns {Promise<{id: string} | Finding>} */
async function start({ api }, channel, timeline) {
  const answer = await api('api/diagnostics/loopback', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ channels: [channel] }),
  });
  if (timeline.add('taken', answer.ok)) return answer.json();
  if (answer.status === 429) return { status: 'needs_action', code: 'too_many_checks' };
  return timeline.end('fail', answer.status === 401 || answer.status === 403 ? 'not_signed_in' : 'server_error');
}

/** Asks until the delivery stands in one of these states, or will never, or time is up.
 * @param {Context} context @param {string} id @param {string} channel @param {string[]} wanted @param {number} patience in ms
 * @returns {Promise<Stand & {isThere: boolean}>} */
async function follow({ api, signal }, id, channel, wanted, patience) {
  const end = performance.now() + patience;
  for (;;) {
    const answer = await api(`api/diagnostics/loopback/${encodeURIComponent(id)}`);
    const { deliveries = [] } = answer.ok ? await answer.json() : {};
    const stand = deliveries.find((/** @type {{channel: string}} */ one) => one.channel === channel) ?? { state: 'unknown', reason: null };
    const isThere = wanted.includes(stand.state);
    const isOver = ['skipped', 'failed', 'dead', 'canceled'].includes(stand.state);
    if (isThere || isOver || performance.now() > end || signal.aborted) return { ...stand, isThere };
    await pause(POLL_MS);
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms, null); });

/** @param {Stand} stand @param {string} otherwise */
function codeOf({ reason }, otherwise) {
  const known = /** @type {Record<string, string>} */ ({
    no_subscription: 'not_subscribed', no_address: 'no_address', preference: 'switched_off', suppressed: 'address_suppressed', unsubscribed: 'switched_off',
  });
  return known[reason ?? ''] ?? otherwise;
}

/** Stored, and back over a socket. @param {Context} context @returns {Promise<Finding>} */
async function stream(context) {
  const timeline = new Timeline();
  const { socket, welcome } = await greet(context);
  socket.close(1000);
  if (!welcome) return timeline.end('fail', 'ws_blocked');
  const session = await greet(context, { after: welcome.head });
  const started = await start(context, 'ws', timeline);
  if ('status' in started) return started;
  const frame = await Promise.race([frameOf(session, started.id), pause(FRAME_MS)]);
  session.socket.close(1000);
  if (timeline.add('delivered', frame !== null)) return timeline.end('ok');
  const stand = await follow(context, started.id, 'ws', ['sent', 'delivered'], 0);
  return timeline.end('fail', stand.isThere ? 'ws_not_delivered' : codeOf(stand, 'ws_not_sent'));
}

/** @param {import('./session.js').Session} session @param {string} id */
async function frameOf({ next }, id) {
  for (;;) {
    const frame = await next('event');
    if (frame === null || frame.event.id === id) return frame;
  }
}

/** As far as the mail server, whose word is the end of what can be seen. @param {Context} context @returns {Promise<Finding>} */
async function email(context) {
  const timeline = new Timeline();
  const started = await start(context, 'email', timeline);
  if ('status' in started) return started;
  const stand = await follow(context, started.id, 'email', ['sent'], ACCEPT_MS);
  return timeline.add('accepted', stand.isThere) ? timeline.end('ok') : timeline.end('fail', codeOf(stand, 'email_not_sent'));
}

/** Taken, accepted, delivered, shown, seen: in this order. @param {Context} context @returns {Promise<Finding>} */
async function push(context) {
  const timeline = new Timeline();
  const started = await start(context, 'push', timeline);
  if ('status' in started) return started;
  const accepted = await follow(context, started.id, 'push', ['sent', 'delivered'], ACCEPT_MS);
  if (!timeline.add('accepted', accepted.isThere)) return timeline.end('fail', codeOf(accepted, 'push_not_accepted'));
  const delivered = await follow(context, started.id, 'push', ['delivered'], PUSH_MS);
  if (!timeline.add('delivered', delivered.isThere)) return timeline.end('fail', 'push_not_delivered');
  const isSlow = (timeline.links.at(-1)?.ms ?? 0) > SLOW_MS;
  const shown = (await shownFor(started.id)).length > 0;
  timeline.add('shown', shown);
  const { status, code } = verdict({ shown, seen: await context.ask('seen') });
  for (const notification of await shownFor(started.id)) notification.close();
  timeline.add('seen', status === 'ok');
  return status === 'ok' && isSlow ? timeline.end('warn', 'push_slow') : timeline.end(status, code);
}

/** @param {string} id @returns {Promise<Notification[]>} what lies in the system's tray for it */
async function shownFor(id) {
  const all = (await (await registration())?.getNotifications()) ?? [];
  return all.filter(({ data }) => data?.id === id);
}
