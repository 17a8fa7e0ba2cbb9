// The host's web server: its own pages, with the policy that we ask for, and everything else from the engine behind it.

import http from 'node:http';
import net from 'node:net';

export const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "media-src 'self'",
  "worker-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  "require-trusted-types-for 'script'", 'trusted-types eventcenter',
].join('; ');

const KINDS = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript' };

export class Front {
  requests = [];
  posts = [];
  #sockets = new Set();

  /** @param {string} upstream the engine's URL @param {(path: string) => { kind: string, text: string } | null} page */
  static async start(upstream, page) {
    const front = new Front();
    front.upstream = new URL(upstream);
    front.page = page;
    front.server = http.createServer((request, response) => front.#answer(request, response));
    front.server.on('upgrade', (request, socket, head) => front.#upgrade(request, socket, head));
    await new Promise((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    front.url = `http://127.0.0.1:${front.server.address().port}`;
    return front;
  }

  close() {
    this.cut();
    this.server.closeAllConnections();
    this.server.close();
  }

  /** Breaks every open socket, as a proxy that restarts does. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets nothing through any more on open sockets, and says nothing of it, as phones and proxies do. */
  silence() {
    for (const socket of this.#sockets) socket.silence();
  }

  #answer(request, response) {
    this.requests.push(`${request.method} ${request.url}`);
    const page = this.page(new URL(request.url, this.url).pathname);
    if (page) {
      response.writeHead(200, { 'content-type': KINDS[page.kind], 'content-security-policy': POLICY, 'cache-control': 'no-cache' });
      return response.end(page.text);
    }
    const { hostname, port } = this.upstream;
    const options = { hostname, port, path: request.url, method: request.method, headers: request.headers };
    const asked = http.request(options, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    asked.on('error', () => response.writeHead(502).end());
    response.on('close', () => asked.destroy());
    if (request.method === 'POST') this.#record(request);
    request.pipe(asked);
  }

  #record(request) {
    const said = { path: request.url, text: '' };
    this.posts.push(said);
    request.on('data', (chunk) => (said.text += chunk));
  }

  #upgrade(request, socket, head) {
    this.requests.push(`${request.method} ${request.url}`);
    const engine = net.connect(Number(this.upstream.port), this.upstream.hostname, () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
      engine.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      engine.write(head);
      engine.pipe(socket).pipe(engine);
    });
    socket.silence = () => {
      engine.unpipe(socket);
      socket.unpipe(engine);
    };
    this.#sockets.add(socket);
    for (const end of [engine, socket]) {
      end.on('error', () => {});
      end.on('close', () => {
        this.#sockets.delete(socket);
        engine.destroy();
        socket.destroy();
      });
    }
  }
}
