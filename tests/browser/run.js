// Runs the browser tests: one engine for all of them, as many files at a time as there are cores.
//   node run.js [FILE…]

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from './support/endpoints.js';
import { Engine } from './support/engine.js';

const FILES_AT_ONCE = 2;
const ALL_MS = 1_200_000;

const here = fileURLToPath(new URL('.', import.meta.url));
const named = process.argv.slice(2);
const files = named.length ? named : readdirSync(here).filter((name) => name.endsWith('.test.js'));
const secrets = mkdtempSync(join(tmpdir(), 'eventcenter-browser-'));
const push = makeCertificate(secrets);
const engine = process.env.EC_FAKE ? null : await Engine.start({ EVENTCENTER_PUSH_ENDPOINTS: 'loopback', EVENTCENTER_PUSH_CA: push.cert });
const told = engine && { EC_URL: engine.url, EC_KEY: engine.key, EC_PUSH_CERT: push.cert, EC_PUSH_KEY: push.key };
const options = ['--test', '--test-reporter=spec', `--test-concurrency=${FILES_AT_ONCE}`];
const tests = spawn(process.execPath, [...options, ...files], {
  cwd: here, stdio: 'inherit', env: { ...process.env, ...told }, timeout: ALL_MS,
});
tests.once('exit', async (code) => {
  await engine?.close();
  rmSync(secrets, { recursive: true });
  process.exitCode = code ?? 1;
});
