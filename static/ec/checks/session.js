// A session of a check's own: it has no device name, so it neither takes the page's place nor moves its cursor.

/** @typedef {import('../diag/diagnostics.js').Context} Context */

/**
 * @typedef {object} Session
 * @property {WebSocket} socket
 * @property {{opened: boolean, code: number}} state `code` is that of its close
 * @property {(kind: string) => Promise<any>} next the next frame of that kind, or null when the socket is closed
 * @property {any} welcome null when there was none
 */

/**
 * Opens a session and says hello.
 * @param {Context} context @param {{resume?: string, after?: number}} [hello]
 * @returns {Promise<Session>}
 */
export async function greet(context, hello = {}) {
  const session = await open(context);
  if (!session.state.opened) return { ...session, welcome: null };
  session.socket.send(JSON.stringify({ t: 'hello', v: 1, ...hello }));
  return { ...session, welcome: await session.next('welcome') };
}

/** @param {Context} context */
async function open({ server, token, signal }) {
  const url = new URL('ws', server);
  url.protocol = url.protocol.replace('http', 'ws');
  const bearer = await token();
  const socket = new WebSocket(url, ['eventcenter.v1.json', ...(bearer ? [`ec.bearer.${bearer}`] : [])]);
  signal.addEventListener('abort', () => socket.close());
  const frames = /** @type {any[]} */ ([]);
  const state = { opened: false, code: 0 };
  const waiting = /** @type {(() => void)[]} */ ([]);
  const change = () => new Promise((resolve) => { waiting.push(() => resolve(undefined)); });
  const wake = () => waiting.splice(0).forEach((resume) => resume());
  socket.onopen = () => { state.opened = true; wake(); };
  socket.onmessage = ({ data }) => { frames.push(JSON.parse(data)); wake(); };
  socket.onclose = ({ code }) => { state.code = code; wake(); };
  const next = async (/** @type {string} */ kind) => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.t === kind);
      if (at >= 0) return frames.splice(0, at + 1)[at];
      if (state.code) return null;
      await change();
    }
  };
  await change();
  return { socket, state, next };
}
