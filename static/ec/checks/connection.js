// Can this page reach the server, keep a socket open, and get what it missed?

import { greet } from './session.js';

/** A round trip that a person notices, in milliseconds. */
const SLOW_MS = 1000;
/** Clocks that differ by more spoil times (first) and tokens (second), in seconds. */
const SKEW_WARN_S = 30;
const SKEW_FAIL_S = 300;
/** Round trips of a check that measures. */
const ROUNDS = 5;

/** @typedef {import('../diag/diagnostics.js').Context} Context */
/** @typedef {import('../diag/diagnostics.js').Finding} Finding */

/** @type {import('../diag/diagnostics.js').Check[]} */
export const CONNECTION = [
  { id: 'http_api', group: 'connection', kind: 'passive', run: httpApi },
  { id: 'network', group: 'connection', kind: 'passive', run: network },
  { id: 'websocket', group: 'connection', kind: 'passive', timeout: 12_000, run: websocket },
  { id: 'replay', group: 'connection', kind: 'passive', timeout: 8000, run: replay },
  { id: 'clock', group: 'connection', kind: 'passive', run: clock },
];

/** @param {Context} context @returns {Promise<Finding>} */
async function httpApi({ api }) {
  if (!navigator.onLine) return { status: 'fail', code: 'offline' };
  const answer = await api('healthz', { redirect: 'manual' }).catch(() => null);
  if (!answer) return { status: 'fail', code: 'server_unreachable' };
  // A hotel's login page answers anything with a redirect, or with a page of its own.
  const isPage = answer.headers.get('content-type')?.includes('text/html');
  if (answer.type === 'opaqueredirect' || isPage) return { status: 'fail', code: 'captive_portal' };
  const evidence = { status: answer.status };
  if (answer.status >= 500) return { status: 'fail', code: 'server_error', evidence };
  return (await isSignedIn(api)) ? { status: 'ok', evidence } : { status: 'fail', code: 'not_signed_in', evidence };
}

/** @param {Context['api']} api */
async function isSignedIn(api) {
  const { status } = await api('api/preferences');
  return status !== 401 && status !== 403;
}

/** @returns {Finding} */
function network() {
  const { effectiveType = '', rtt = null, saveData = false } = /** @type {any} */ (navigator).connection ?? {};
  const evidence = { online: navigator.onLine, type: effectiveType, rtt_ms: rtt, save_data: saveData };
  if (!navigator.onLine) return { status: 'fail', code: 'offline', evidence };
  if (saveData) return { status: 'warn', code: 'data_saver', evidence };
  return { status: 'ok', evidence };
}

/** Why there is no socket. @param {Context} context @param {{opened: boolean, code: number}} state @returns {Promise<Finding>} */
async function closed({ api }, { opened, code }) {
  const evidence = { close: code };
  // A refusal before the socket opens looks like a broken network: only the API can tell them apart.
  const isRefused = code === 4001 || code === 4006 || (!opened && !(await isSignedIn(api).catch(() => true)));
  if (isRefused) return { status: 'fail', code: 'ws_refused', evidence };
  return { status: 'warn', code: opened ? 'ws_closed' : 'ws_blocked', evidence };
}

/** @param {Context} context @returns {Promise<Finding>} */
async function websocket(context) {
  const { socket, state, next, welcome } = await greet(context);
  if (!welcome) return closed(context, state);
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    socket.send('{"t":"ping"}');
    if (!(await next('pong'))) return closed(context, state);
    times.push(Math.round(performance.now() - began));
  }
  socket.close(1000);
  const median = times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  const evidence = { rtt_ms: times };
  return median > SLOW_MS ? { status: 'warn', code: 'ws_slow', evidence } : { status: 'ok', evidence };
}

/** Comes back with the position of the last session: the answer says whether a reconnect would be whole. @param {Context} context @returns {Promise<Finding>} */
async function replay(context) {
  const first = await greet(context);
  first.socket.close(1000);
  if (!first.welcome) return { status: 'skipped' };
  const again = await greet(context, { resume: first.welcome.resume });
  again.socket.close(1000);
  if (!again.welcome) return closed(context, again.state);
  const { head, from, resumed } = again.welcome;
  const evidence = { head, from };
  return resumed ? { status: 'ok', evidence } : { status: 'warn', code: 'replay_lost', evidence };
}

/** The server's time against ours, by the round trip that took least. @param {Context} context @returns {Promise<Finding>} */
async function clock({ api }) {
  let best = { took: Number.POSITIVE_INFINITY, skew: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const [sent, began] = [Date.now(), performance.now()];
    const answer = await api('healthz');
    const took = performance.now() - began;
    const date = Date.parse(answer.headers.get('date') ?? '');
    if (Number.isNaN(date)) return { status: 'skipped' };
    // The header has whole seconds: half of one is the best guess.
    if (took < best.took) best = { took, skew: date + 500 - (sent + took / 2) };
  }
  const seconds = Math.round(Math.abs(best.skew) / 1000);
  const evidence = { skew_s: Math.round(best.skew / 1000) };
  if (seconds > SKEW_FAIL_S) return { status: 'fail', code: 'clock_wrong', evidence };
  if (seconds > SKEW_WARN_S) return { status: 'warn', code: 'clock_wrong', evidence };
  return { status: 'ok', evidence };
}
