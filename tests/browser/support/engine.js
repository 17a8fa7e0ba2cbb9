// The real binary in development mode, with a Postgres of its own.

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BINARY = process.env.EVENTCENTER_BINARY ?? fileURLToPath(new URL('../../../target/debug/eventcenter', import.meta.url));
const START_MS = 60_000;

/** A new key to sign pushes with. @returns {Promise<{ id: string, secret: string, public: string }>} */
export async function vapidKey() {
  const { stdout } = await promisify(execFile)(BINARY, ['vapid', 'generate', '--json']);
  const { id, private_key: secret, public_key } = JSON.parse(stdout);
  return { id, secret, public: public_key };
}

export class Engine {
  /** @param {Record<string, string>} variables what it is told by its environment */
  static async start(variables = {}) {
    const engine = new Engine();
    engine.variables = variables;
    engine.data = join(tmpdir(), `eventcenter-browser-${randomUUID()}`); // It makes it, as its Postgres needs it.
    await engine.run('127.0.0.1:0');
    return engine;
  }

  /** Runs until it is told to stop. */
  async run(listen) {
    const output = [];
    this.process = spawn(BINARY, ['dev', '--listen', listen, '--data', this.data], {
      stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.variables },
    });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the engine did not start:\n${output.join('')}`)), START_MS);
      const hear = (text) => {
        output.push(text);
        if (!output.join('').includes('Ctrl-C stops it')) return;
        clearTimeout(late);
        resolve();
      };
      this.process.stdout.on('data', hear);
      this.process.stderr.on('data', hear);
      this.process.once('exit', (code) => reject(new Error(`the engine ended with ${code}:\n${output.join('')}`)));
    });
    const { url, service_key: key } = JSON.parse(await readFile(join(this.data, 'dev.json'), 'utf8'));
    Object.assign(this, { url: url.replace(/\/$/, ''), key });
  }

  async stop() {
    this.process.kill('SIGINT');
    await this.ended;
  }

  async restart(variables = this.variables) {
    await this.stop();
    this.variables = variables;
    await this.run(new URL(this.url).host);
  }

  async close() {
    await this.stop();
    await rm(this.data, { recursive: true, force: true });
  }
}
