// A real event, sent to this person over one channel, followed link by link: whichever did not happen is the broken one.

import { registration, verdict } from './notifications.js';

/** How long a push may take to arrive, and from when on it is slow, in ms. */
const PUSH_MS = 30_000;
const SLOW_MS = 10_000;
/** How often the server is asked where a delivery stands, in ms. */
const POLL_MS = 500;

/** @typedef {import('../diag/diagnostics.js').Context} Context */
/** @typedef {import('../diag/diagnostics.js').Finding} Finding */
/** @typedef {{id: string, now: string}} Started */
/** @typedef {{state: string, reason: string | null}} Stand */

/** @type {import('../diag/diagnostics.js').Check[]} */
export const LOOPBACK = [
  { id: 'ws_loopback', group: 'connection', kind: 'active', timeout: 15_000, run: (context) => simple(context, 'ws', ['sent', 'delivered']) },
  { id: 'push_loopback', group: 'notifications', kind: 'active', timeout: 75_000, run: push },
  { id: 'email_loopback', group: 'notifications', kind: 'active', timeout: 40_000, run: (context) => simple(context, 'email', ['sent']) },
];

/** @param {Context} context @param {string} channel @returns {Promise<Started | Finding>} */
async function start({ api }, channel) {
  const answer = await api('api/diagnostics/loopback', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ channels: [channel] }),
  });
  if (answer.status === 429) return { status: 'needs_action', code: 'too_many_checks' };
  if (!answer.ok) return { status: 'fail', code: 'server_error', evidence: { status: answer.status } };
  return answer.json();
}

/** Asks until the delivery stands in one of these states, or will never, or time is up.
 * @param {Context} context @param {string} id @param {string} channel @param {string[]} wanted @param {number} patience in ms
 * @returns {Promise<Stand & {ms: number}>} */
async function follow({ api, signal }, id, channel, wanted, patience) {
  const began = performance.now();
  for (;;) {
    const answer = await api(`api/diagnostics/loopback/${encodeURIComponent(id)}`);
    const { deliveries = [] } = answer.ok ? await answer.json() : {};
    const stand = deliveries.find((/** @type {{channel: string}} */ one) => one.channel === channel) ?? { state: 'unknown', reason: null };
    const ms = Math.round(performance.now() - began);
    const isOver = ['skipped', 'failed', 'dead', 'canceled'].includes(stand.state);
    if (wanted.includes(stand.state) || isOver || ms > patience || signal.aborted) return { ...stand, ms };
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

/** A channel whose end is the server's word. @param {Context} context @param {string} channel @param {string[]} wanted @returns {Promise<Finding>} */
async function simple(context, channel, wanted) {
  const started = await start(context, channel);
  if ('status' in started) return started;
  const stand = await follow(context, started.id, channel, wanted, 12_000);
  if (wanted.includes(stand.state)) return { status: 'ok', evidence: stand };
  return { status: 'fail', code: codeOf(stand, `${channel}_not_sent`), evidence: stand };
}

/** @param {Stand} stand @param {string} otherwise */
function codeOf({ reason }, otherwise) {
  const known = /** @type {Record<string, string>} */ ({
    no_subscription: 'not_subscribed', no_address: 'no_address', preference: 'switched_off', suppressed: 'address_suppressed', unsubscribed: 'switched_off',
  });
  return known[reason ?? ''] ?? otherwise;
}

/** Accepted, delivered, shown, seen: in this order. @param {Context} context @returns {Promise<Finding>} */
async function push(context) {
  const started = await start(context, 'push');
  if ('status' in started) return started;
  const accepted = await follow(context, started.id, 'push', ['sent', 'delivered'], 15_000);
  if (!['sent', 'delivered'].includes(accepted.state)) {
    return { status: 'fail', code: codeOf(accepted, 'push_not_accepted'), evidence: { accepted } };
  }
  const delivered = await follow(context, started.id, 'push', ['delivered'], PUSH_MS);
  const evidence = { accepted_ms: accepted.ms, delivered_ms: delivered.ms };
  if (delivered.state !== 'delivered') return { status: 'fail', code: 'push_not_delivered', evidence };
  const shown = ((await (await registration())?.getNotifications()) ?? []).length > 0;
  const seen = verdict({ shown, seen: await context.ask('seen') });
  const all = { ...evidence, ...seen.evidence };
  if (seen.status === 'ok' && delivered.ms > SLOW_MS) return { status: 'warn', code: 'push_slow', evidence: all };
  return { ...seen, evidence: all };
}
