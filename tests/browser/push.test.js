// Web Push from end to end: Chromium's own client subscribes, the engine sends over HTTP/2 and TLS, the browser decrypts, and
// our service worker shows it. Only the push service between the two is the tests' own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openProfile, until } from './support/browser.js';
import { Engine, vapidKey } from './support/engine.js';
import { PushService } from './support/push_service.js';
import { Site, someone } from './support/site.js';

const TEST_MS = 90_000;
const keys = await Promise.all([vapidKey(), vapidKey()]);
let service;
let engine;
let site;

before(async () => {
  service = await PushService.start();
  engine = await Engine.start({ ...service.variables(), EVENTCENTER_VAPID_KEYS: keys[0].secret });
  site = await Site.real(engine);
});

after(async () => {
  site?.close();
  await engine?.close();
  await service?.close();
});

/** A test with a person who has turned pushes on in their browser. */
function subscribed(name, body) {
  test(name, { timeout: TEST_MS }, async () => {
    const user = someone();
    const visitor = await openProfile(site, { user, switches: service.switches() });
    try {
      await visitor.context.grantPermissions(['notifications'], { origin: site.url });
      const page = await visitor.tab('/t/en/push/optin');
      await page.getByRole('button', { name: 'Turn on' }).click();
      const worker = visitor.context.serviceWorkers()[0] ?? (await visitor.context.waitForEvent('serviceworker'));
      // It pushes to itself at once, and asks whether that was seen.
      await page.getByRole('button', { name: 'Yes' }).click();
      await until(async () => (await shown(worker)).length === 0, 'the test is put away');
      await body({ user, visitor, page, worker });
    } finally {
      await visitor.close();
    }
  });
}

async function ask(token, path) {
  const response = await fetch(site.engine.url + path, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200, path);
  return response.json();
}

const devices = async (user) => (await ask(await site.token(user), '/api/push/devices')).devices;

/** Tells a person something by push alone. */
const emit = (user, event) => site.emit({ user_id: user, type: 'job.done', title: 'Note reworked', channels: ['push'], ...event });

const delivery = async (id) => (await ask(site.engine.key, `/api/events/${id}`)).deliveries[0];

const comesTo = (id, state) => until(async () => {
  const found = await delivery(id);
  return found.state === state && found;
}, `${id} is ${state}`);

const shown = (worker) => worker.evaluate(async () => (await self.registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag })));

subscribed('a push goes from the engine to the screen, and what becomes of it comes back', async ({ user, page, worker }) => {
  await page.goto('about:blank'); // No page shows it, so the system does.
  const body = 'Короче и яснее. '.repeat(300);
  const id = await emit(user, { body, level: 'error', cta: { label: 'Open', url: `${site.url}/t/en/inbox` } });

  const delivered = await comesTo(id, 'delivered');
  assert.ok(delivered.displayed_at);
  assert.equal(delivered.clicked_at, undefined);
  const [notification] = await shown(worker);
  assert.equal(notification.title, 'Note reworked');
  assert.ok(body.startsWith(notification.body.slice(0, -1)) && notification.body.length > 1000, notification.body);
  const { status, version, headers, size } = service.pushes.at(-1);
  assert.deepEqual([status, version, headers.urgency, headers.topic, size], [201, '2.0', 'high', notification.tag, 4096]);

  await worker.evaluate(async () => {
    const [notification] = await self.registration.getNotifications();
    self.clients.openWindow = async (url) => void (self.opened = url); // Only a real click may open one.
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification }));
  });

  await until(async () => (await delivery(id)).clicked_at, 'clicked');
  assert.equal(await worker.evaluate(() => self.opened), `${site.url}/t/en/inbox`);
  assert.deepEqual(await shown(worker), []);
});

subscribed('a browser that has unsubscribed by itself is forgotten at the next push', async ({ user, page, worker }) => {
  assert.equal((await devices(user)).length, 1);
  assert.ok(await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.pushManager.getSubscription()).unsubscribe();
  }));

  const id = await emit(user);

  const failed = await comesTo(id, 'failed');
  assert.equal(failed.reason, 'gone');
  assert.equal(service.pushes.at(-1).status, 410);
  await until(async () => (await devices(user)).length === 0, 'forgotten');
  assert.deepEqual(await shown(worker), []);
});

subscribed('a page subscribes anew when the engine has another key', async ({ user, visitor, page, worker }) => {
  const [before] = await devices(user);
  assert.equal(before.key_id, keys[0].id);
  await engine.restart({ ...service.variables(), EVENTCENTER_VAPID_KEYS: `${keys[1].secret},${keys[0].secret}` });
  await page.goto('about:blank');
  const toOld = await emit(user, { title: 'By the old key' });
  await comesTo(toOld, 'delivered');

  await visitor.tab('/t/en/push');

  const after = await until(async () => (await devices(user)).find(({ key_id }) => key_id === keys[1].id), 'subscribed anew');
  assert.deepEqual([(await devices(user)).length, after.id], [1, before.id]);
  const toNew = await emit(user, { title: 'By the new key' });
  await comesTo(toNew, 'delivered');
  assert.match(service.pushes.at(-1).headers.authorization, new RegExp(`k=${keys[1].public}$`));
  assert.ok((await shown(worker)).some(({ title }) => title === 'By the old key'));
});
