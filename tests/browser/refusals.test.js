// What a server says when it will not have us, and what the client makes of it: a fake says it on demand.

import assert from 'node:assert/strict';
import { heard, until } from './support/browser.js';
import { Site } from './support/site.js';
import { prepare } from './support/suite.js';

const { visit } = prepare(() => Site.fake());
const status = (page) => page.getAttribute('ec-notification-center', 'data-status');
const close = ({ site, user }, code) => site.fake.person(user).sessions.forEach((session) => session.close(code));

visit('an expired token is renewed, and the stream goes on', async (given) => {
  const { visitor, emit, site, user } = given;
  const page = await visitor.context.newPage();
  await page.goto(`${site.url}/t/en/manual`);
  await page.evaluate((user) => {
    globalThis.asked = 0;
    const center = document.querySelector('ec-notification-center');
    center.getToken = async () => {
      globalThis.asked++;
      return String(user);
    };
    return center.connect();
  }, user);
  await until(async () => (await status(page)) === 'live', 'live');
  close(given, 4201);
  await until(async () => (await page.evaluate(() => globalThis.asked)) === 2, 'a fresh one is asked for');
  await emit({ type: 'job.done', title: 'On' });

  await page.locator('ec-toaster').getByText('On', { exact: true }).waitFor();
});

visit('a person who is signed out is told, and not asked for again and again', async (given) => {
  const { visitor, site } = given;
  const page = await visitor.tab();
  site.fake.refuse = 4001;
  const before = site.fake.connections;
  close(given, 4001);

  await until(async () => (await status(page)) === 'unauthorized', 'told');
  site.fake.refuse = null;
  assert.equal(site.fake.connections - before, 1);
  await page.locator('[data-ec-live=polite]').getByText('You are signed out').waitFor({ state: 'attached' });
});

for (const [code, then] of [[4007, 'replaced'], [4006, 'refused'], [1009, 'refused'], [4105, 'waiting']]) {
  visit(`close code ${code} leaves it ${then}`, async (given) => {
    const page = await given.visitor.tab();
    const before = given.site.fake.connections;
    close(given, code);

    await until(async () => (await status(page)) === then, then);
    assert.equal(given.site.fake.connections, before);
  });
}

visit('a position that does not fit is forgotten', async (given) => {
  const { visitor, emit, site, user } = given;
  const page = await visitor.tab();
  await emit({ type: 'task.created' });
  await until(async () => (await page.locator('ec-bell .badge').textContent()) === '1', 'one');
  const hellos = [];
  site.fake.person(user).heard = (frame) => frame.t === 'hello' && hellos.push(frame);
  close(given, 4203);

  await until(() => hellos.length === 1, 'it comes back');
  assert.deepEqual([hellos[0].after, hellos[0].resume], [undefined, undefined]);
});

visit('a number that is missing makes it come back with its position', async (given) => {
  const { visitor, site, user } = given;
  const page = await visitor.tab();
  const hellos = [];
  const person = site.fake.person(user);
  person.heard = (frame) => frame.t === 'hello' && hellos.push(frame);
  person.say({ t: 'event', seq: 9, prev: 8, replay: false, event: { id: 'evt_9', type: 'x', title: 'Nine', body: '', level: 'info', created_at: new Date().toISOString() } });

  await until(() => hellos.length === 1, 'it comes back');
  assert.equal(hellos[0].after, 0);
  assert.equal((await heard(page, 'ec-event')).length, 0);
});

visit('pings are answered and events acknowledged', async (given) => {
  const { visitor, emit, site, user } = given;
  await visitor.tab();
  const said = [];
  const person = site.fake.person(user);
  person.heard = (frame) => said.push(frame);
  person.say({ t: 'ping', head: 0 });
  const id = await emit({ type: 'job.done' });

  await until(() => said.some(({ t }) => t === 'pong'), 'pong');
  await until(() => said.some(({ t, seq }) => t === 'ack' && seq === 1), 'ack');
  await until(() => said.some(({ ids }) => ids?.some((one) => one.id === id && one.s === 'displayed')), 'displayed');
});

visit('where sockets are broken, server-sent events bring the same', async (given) => {
  const { visitor, emit, site, user } = given;
  await visitor.context.addInitScript(() => {
    globalThis.WebSocket = class {
      constructor() {
        setTimeout(() => this.onclose({ code: 1006 }));
      }
      close() {}
    };
  });
  const acks = [];
  site.fake.person(user).heard = (frame) => frame.t === 'ack' && acks.push(frame);
  const page = await visitor.tab();
  await emit({ type: 'job.done', title: 'All the same' });

  await page.locator('ec-toaster').getByText('All the same').waitFor();
  await until(() => acks.some(({ seq, device }) => seq === 1 && device), 'acknowledged');
});
