// Can this page reach the server, keep a socket open, and get what it missed?

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
  if (answer.status >= 500) return { status: 'fail', code: 'server_error', evidence: { status: answer.status } };
  const known = await api('api/push/key');
  if (known.status === 401 || known.status === 403) {
    return { status: 'fail', code: 'not_signed_in', evidence: { status: known.status } };
  }
  return { status: 'ok', evidence: { status: answer.status } };
}

/** @returns {Finding} */
function network() {
  const { effectiveType = '', rtt = null, saveData = false } = /** @type {any} */ (navigator).connection ?? {};
  const evidence = { online: navigator.onLine, type: effectiveType, rtt_ms: rtt, save_data: saveData };
  if (!navigator.onLine) return { status: 'fail', code: 'offline', evidence };
  if (saveData) return { status: 'warn', code: 'data_saver', evidence };
  return { status: 'ok', evidence };
}

/**
 * A socket of its own, with a device name of its own, so that it does not take the page's place.
 * @param {Context} context
 */
async function open({ server, token, signal }) {
  const url = new URL('ws', server);
  url.protocol = url.protocol.replace('http', 'ws');
  const bearer = await token();
  const socket = new WebSocket(url, ['eventcenter.v1.json', ...(bearer ? [`ec.bearer.${bearer}`] : [])]);
  signal.addEventListener('abort', () => socket.close());
  const frames = /** @type {any[]} */ ([]);
  /** @type {(() => void)[]} */
  const waiting = [];
  const state = { opened: false, code: 0 };
  const wake = () => waiting.splice(0).forEach((resume) => resume());
  socket.onopen = () => { state.opened = true; wake(); };
  socket.onmessage = ({ data }) => { frames.push(JSON.parse(data)); wake(); };
  socket.onclose = ({ code }) => { state.code = code; wake(); };
  /** The next frame of that kind, or null when the socket is closed. @param {string} kind */
  const next = async (kind) => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.t === kind);
      if (at >= 0) return frames.splice(0, at + 1)[at];
      if (state.code) return null;
      await new Promise((resolve) => waiting.push(() => resolve(undefined)));
    }
  };
  await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  return { socket, state, next };
}

/** @param {{opened: boolean, code: number}} state @returns {Finding} */
function closed({ opened, code }) {
  if (code === 4001) return { status: 'fail', code: 'ws_refused', evidence: { close: code } };
  // Never open at all: something on the way does not let sockets through.
  return { status: 'warn', code: opened ? 'ws_closed' : 'ws_blocked', evidence: { close: code } };
}

/** @param {Context} context @returns {Promise<Finding>} */
async function websocket(context) {
  const { socket, state, next } = await open(context);
  if (!state.opened) return closed(state);
  socket.send(JSON.stringify({ t: 'hello', v: 1, device: deviceName() }));
  if (!(await next('welcome'))) return closed(state);
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    socket.send('{"t":"ping"}');
    if (!(await next('pong'))) return closed(state);
    times.push(Math.round(performance.now() - began));
  }
  socket.close(1000);
  const median = times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  const evidence = { rtt_ms: times };
  return median > SLOW_MS ? { status: 'warn', code: 'ws_slow', evidence } : { status: 'ok', evidence };
}

/** Asks for what follows the last event that is there: the answer says whether a reconnect would be whole. */
async function replay(/** @type {Context} */ context) {
  const { socket, state, next } = await open(context);
  if (!state.opened) return /** @type {Finding} */ ({ status: 'skipped' });
  const device = deviceName();
  socket.send(JSON.stringify({ t: 'hello', v: 1, device }));
  const welcome = await next('welcome');
  if (!welcome) return closed(state);
  socket.close(1000);
  const again = await open(context);
  again.socket.send(JSON.stringify({ t: 'hello', v: 1, device, resume: welcome.resume }));
  const resumed = await again.next('welcome');
  again.socket.close(1000);
  if (!resumed) return closed(again.state);
  const evidence = { head: resumed.head, from: resumed.from };
  return resumed.resumed ? { status: 'ok', evidence } : { status: 'warn', code: 'replay_lost', evidence };
}

const deviceName = () => `check-${Math.random().toString(36).slice(2, 10)}`;

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
