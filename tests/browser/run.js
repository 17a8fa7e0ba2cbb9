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
const FILE_MS = 300_000;

const here = fileURLToPath(new URL('.', import.meta.url));
const named = process.argv.slice(2);
const files = named.length ? named : readdirSync(here).filter((name) => name.endsWith('.test.js'));
const secrets = mkdtempSync(join(tmpdir(), 'eventcenter-browser-'));
const push = makeCertificate(secrets);
const engine = process.env.EC_FAKE ? null : await Engine.start({ EVENTCENTER_PUSH_ENDPOINTS: 'loopback', EVENTCENTER_PUSH_CA: push.cert });
const told = engine && { EC_URL: engine.url, EC_KEY: engine.key, EC_PUSH_CERT: push.cert, EC_PUSH_KEY: push.key };
const options = ['--test', '--test-reporter=spec', `--test-timeout=${FILE_MS}`];
const env = { ...process.env, ...told };

/** Runs one file, and says its output as a whole. @returns {Promise<boolean>} whether all of it passed */
function pass(file) {
  return new Promise((resolve) => {
    const output = [];
    const tests = spawn(process.execPath, [...options, file], { cwd: here, stdio: ['ignore', 'pipe', 'inherit'], env });
    tests.stdout.on('data', (part) => output.push(part));
    tests.once('exit', (code) => {
      process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

/** A browser may stumble where nothing is wrong: a file that fails is tried once more, and that is said. */
async function work(failed) {
  for (let file = files.shift(); file; file = files.shift()) {
    if (await pass(file)) continue;
    console.log(`${file}: tried once more`);
    if (!(await pass(file))) failed.push(file);
  }
}

const failed = [];
await Promise.all(Array.from({ length: FILES_AT_ONCE }, () => work(failed)));
await engine?.close();
rmSync(secrets, { recursive: true });
console.log(failed.length ? `failed: ${failed.join(', ')}` : 'every file passed');
process.exitCode = failed.length ? 1 : 0;
