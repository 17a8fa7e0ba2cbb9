// The real binary in development mode, with a Postgres of its own.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from './push_service.js';

const BINARY = process.env.EVENTCENTER_BINARY ?? fileURLToPath(new URL('../../../target/debug/eventcenter', import.meta.url));
const START_MS = 60_000;

export class Engine {
  static async start() {
    const engine = new Engine();
    engine.data = join(tmpdir(), `eventcenter-browser-${randomUUID()}`); // It makes it, as its Postgres needs it.
    engine.secrets = await mkdtemp(join(tmpdir(), 'eventcenter-browser-'));
    engine.push = makeCertificate(engine.secrets);
    await engine.run('127.0.0.1:0');
    return engine;
  }

  /** Runs until it is told to stop. */
  async run(listen) {
    const output = [];
    this.process = spawn(BINARY, ['dev', '--listen', listen, '--data', this.data, '--push-endpoints', 'loopback', '--push-ca', this.push.cert], { stdio: ['ignore', 'pipe', 'pipe'] });
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

  async restart() {
    await this.stop();
    await this.run(new URL(this.url).host);
  }

  async close() {
    await this.stop();
    for (const directory of [this.data, this.secrets]) await rm(directory, { recursive: true, force: true });
  }
}
