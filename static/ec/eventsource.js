// Server-sent events, for networks that break WebSockets: the same frames one way, and requests the other.

import { read } from './socket.js';

const FRAMES = ['welcome', 'event', 'replay_done', 'gap', 'ping', 'marks', 'answered', 'auth_required', 'error', 'bye'];

/**
 * Asks for a ticket first: an EventSource has no headers, and a token does not belong into a URL.
 * @param {import('./types.js').SocketOptions} options @param {import('./types.js').LinkHandlers} handlers
 * @returns {import('./types.js').Link}
 */
export function openStream({ server, hello, post }, handlers) {
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
