// Chromium without Playwright, for whom every page is visible: tabs that are really in front or behind.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { ARGS, EXECUTABLE, until } from './browser.js';

export class RawBrowser {
  #calls = new Map();
  #last = 0;

  static async start() {
    const browser = new RawBrowser();
    browser.directory = await mkdtemp(join(tmpdir(), 'eventcenter-chromium-'));
    const args = ['--headless=new', '--no-sandbox', ...ARGS, '--remote-debugging-port=0', `--user-data-dir=${browser.directory}`, 'about:blank'];
    browser.process = spawn(EXECUTABLE, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    browser.ended = new Promise((resolve) => browser.process.once('exit', resolve));
    const url = await new Promise((resolve) => {
      let text = '';
      browser.process.stderr.on('data', (chunk) => {
        text += chunk;
        const found = /DevTools listening on (ws:\S+)/.exec(text);
        if (found) resolve(found[1]);
      });
    });
    browser.socket = new WebSocket(url);
    await new Promise((resolve) => browser.socket.once('open', resolve));
    browser.socket.on('message', (data) => browser.#receive(JSON.parse(data)));
    return browser;
  }

  #receive({ id, result, error }) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = ++this.#last;
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  /** Opens a tab in front of the others. */
  async tab(url) {
    const { targetId } = await this.call('Target.createTarget', { url });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const tab = {
      front: () => this.call('Target.activateTarget', { targetId }),
      async evaluate(expression) {
        const { result } = await this.browser.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
        return result.value;
      },
      browser: this,
    };
    await tab.front();
    if (url !== 'about:blank') await until(() => tab.evaluate(`document.querySelector('ec-notification-center')?.dataset.status === 'live'`), 'live');
    return tab;
  }

  async setCookie(url, name, value) {
    await this.call('Storage.setCookies', { cookies: [{ url, name, value }] });
  }

  async close() {
    this.process.kill();
    await this.ended;
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
