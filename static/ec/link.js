// The two ways of a session: a WebSocket, and server-sent events with requests beside them.

const PROTOCOL = 'eventcenter.v1.json';
const FRAMES = ['welcome', 'event', 'replay_done', 'gap', 'ping', 'marks', 'answered', 'auth_required', 'error', 'bye'];

/**
 * @typedef {object} Handlers
 * @property {() => void} onOpen
 * @property {(frame: any) => void} onFrame
 * @property {(code: number) => void} onClose
 */

/** @param {{ server: URL }} options @param {string | null} token @param {Handlers} handlers */
export function openSocket({ server }, token, handlers) {
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

/** Asks for a ticket first: an EventSource has no headers, and a token does not belong into a URL. */
export function openStream({ server, hello, post }, _token, handlers) {
  let source = null;
  let isClosed = false;
  const { device, resume, after } = hello();
  const connect = async () => {
    const { ticket } = await post('api/ws-ticket', {});
    if (isClosed) return;
    const url = new URL('api/stream', server);
    for (const [name, value] of Object.entries({ ticket, device, resume, after })) {
      if (value != null) url.searchParams.set(name, value);
    }
    source = new EventSource(url);
    for (const name of FRAMES) source.addEventListener(name, (message) => 'data' in message && read(message.data, handlers));
    // Its ticket works once, so it must not come back by itself.
    source.addEventListener('error', (error) => 'data' in error || handlers.onClose(1006));
  };
  connect().catch(() => handlers.onClose(1006));
  return {
    isStream: true,
    send({ t, ...ack }) {
      if (t === 'ack') post('api/stream/ack', { device, ...ack }).catch(() => {}); // The next ack says it again.
    },
    close() {
      isClosed = true;
      source?.close();
    },
  };
}

function read(text, handlers) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return; // A newer server may say what we cannot read; the stream's numbers tell if it mattered.
  }
  if (frame && typeof frame === 'object') handlers.onFrame(frame);
}
