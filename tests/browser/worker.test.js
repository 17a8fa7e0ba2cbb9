// The service worker: what a push shows, and where a click leads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heard, until } from './support/browser.js';
import { prepare } from './support/suite.js';

const { suite, visit } = prepare();
/** What the engine would send for an event: see PUSH.md. */
const payload = ({ id = 'evt_1', title = 'Note reworked', body = 'Shorter.', navigate, ...event }) => ({
  web_push: 8030,
  notification: { title, body, navigate, tag: `tag-${id}` },
  event: { id, type: 'job.done', level: 'info', ...event },
  ack: { url: '/api/push/ack', token: 'a-token' },
});

/** A browser whose service worker runs, and the means to push to it. */
async function subscribed(visitor) {
  const { context, site } = visitor;
  await context.grantPermissions(['notifications'], { origin: site.url });
  const page = await visitor.tab('/t/en/push');
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  await page.evaluate(() => navigator.serviceWorker.ready);
  const devtools = await context.newCDPSession(page);
  const registered = new Promise((resolve) => {
    devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && resolve(registrations[0].registrationId));
  });
  await devtools.send('ServiceWorker.enable');
  const registrationId = await registered;
  // Chromium forgets a notification that is asked for while it is on its way to the screen: nobody asks before the push is over.
  await worker.evaluate(() => {
    const { waitUntil } = ExtendableEvent.prototype;
    self.pushes = [];
    ExtendableEvent.prototype.waitUntil = function (work) {
      if (this.type === 'push') self.pushes.push(work);
      waitUntil.call(this, work);
    };
  });
  let pushed = 0;
  const push = async (data) => {
    pushed++;
    await devtools.send('ServiceWorker.deliverPushMessage', {
      origin: site.url, registrationId, data: typeof data === 'string' ? data : JSON.stringify(data),
    });
    await until(() => worker.evaluate((count) => self.pushes.length === count, pushed), 'the push');
    await worker.evaluate(() => Promise.allSettled(self.pushes));
  };
  const shown = () => worker.evaluate(async () => (await self.registration.getNotifications()).map(({ title, tag, actions, data }) => ({ title, tag, actions: actions.map(({ action, title: label }) => [action, label]), data })));
  const click = (action = '') => worker.evaluate(async (chosen) => {
    const [notification] = await self.registration.getNotifications();
    self.opened = [];
    self.clients.openWindow = async (url) => void self.opened.push(url);
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action: chosen }));
  }, action);
  /** The page no longer says that it shows what is pushed, as when it is not looked at. */
  const lookAway = () => page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }));
  return { page, worker, push, shown, click, lookAway };
}

const acks = (site, engagement) => site.front.posts.filter(({ path, text }) => path === '/api/push/ack' && JSON.parse(text).engagement === engagement).length;

visit('a push is shown by a page that is looked at, once, and by nobody else', async ({ site, user, visitor, emit }) => {
  const { page, push, shown } = await subscribed(visitor);
  const before = acks(site, 'displayed');
  const id = `evt_push_${user}`;
  await push(payload({ id, navigate: `${site.url}/t/en/inbox`, user_id: user }));

  await page.locator('ec-toaster').getByText('Note reworked').waitFor();
  await until(() => acks(site, 'displayed') === before + 1, 'acknowledged');
  assert.deepEqual(await shown(), []);
  await emit({ id, type: 'job.done', title: 'Note reworked' });
  await until(async () => (await page.locator('ec-bell .badge').textContent()) === '1', 'the stream counts it');
  assert.equal((await heard(page, 'ec-event')).length, 1);
});

visit('a push that no page shows is a notification, and is acknowledged', async ({ site, user, visitor }) => {
  const { push, shown, lookAway } = await subscribed(visitor);
  const before = acks(site, 'displayed');
  await lookAway();
  await push(payload({ navigate: `${site.url}/notes/7`, user_id: user }));

  const [notification] = await until(async () => (await shown()).length && shown(), 'shown');
  assert.deepEqual([notification.title, notification.tag, notification.actions], ['Note reworked', 'tag-evt_1', []]);
  await until(() => acks(site, 'displayed') === before + 1, 'acknowledged');
  await push(payload({ title: 'Again', navigate: `${site.url}/notes/7`, user_id: user }));
  await until(async () => (await shown())[0]?.title === 'Again', 'the newer takes its place');
  assert.equal((await shown()).length, 1);
});

visit('a push for another person is not shown in this one\'s page', async ({ site, user, visitor }) => {
  const { page, push, shown } = await subscribed(visitor);
  await push(payload({ title: 'For somebody else', navigate: site.url, user_id: user + 1 }));

  await until(async () => (await shown()).length === 1, 'the system shows it');
  assert.equal((await heard(page, 'ec-event')).length, 0);
});

visit('a click leads the page that is there', async ({ site, user, visitor }) => {
  const { page, push, shown, click, lookAway } = await subscribed(visitor);
  await page.evaluate(() => refused.add('ec-navigate'));
  await lookAway();
  await push(payload({ navigate: `${site.url}/notes/7`, user_id: user }));
  await until(async () => (await shown()).length === 1, 'shown');
  const before = acks(site, 'clicked');
  await click();

  await until(async () => (await heard(page, 'ec-navigate')).length === 1, 'led');
  assert.equal((await heard(page, 'ec-navigate'))[0].url, `${site.url}/notes/7`);
  await until(() => acks(site, 'clicked') === before + 1, 'acknowledged');
  assert.deepEqual(await shown(), []);
});

visit('a click opens a window for another site, but never for what is not the web', async ({ site, user, visitor }) => {
  const { worker, push, shown, click, lookAway } = await subscribed(visitor);
  await lookAway();
  for (const [navigate, opened] of [['https://other.example/x', ['https://other.example/x']], ['javascript:alert(1)', []], ['https://u:p@evil.example/', []]]) {
    await push(payload({ navigate, user_id: user }));
    await until(async () => (await shown()).length === 1, 'shown');
    await click();
    await until(async () => (await shown()).length === 0, 'closed');
    await until(() => worker.evaluate((count) => self.opened.length === count, opened.length), 'opened');
    assert.deepEqual(await worker.evaluate(() => self.opened), opened);
  }
});

visit('a decision with two options is taken in the notification', async ({ site, user, visitor, emit }) => {
  const { page, push, shown, click, lookAway } = await subscribed(visitor);
  await page.evaluate(() => refused.add('ec-action-required'));
  await lookAway();
  const action_id = `push-${user}`;
  const data = { action_id, options: ['yes', { value: 'no', label: 'Not now' }] };
  await emit({ type: 'action.required', title: 'Go on?', data });
  await push(payload({ type: 'action.required', title: 'Go on?', data, user_id: user, navigate: `${site.url}/t/en` }));
  const [{ actions }] = await until(async () => (await shown()).length && shown(), 'shown');
  assert.deepEqual(actions, [['yes', 'yes'], ['no', 'Not now']]);
  await click('no');

  const { answer } = await until(() => page.evaluate(async (id) => {
    const context = await document.querySelector('ec-notification-center').client.context(id);
    return context.answer ? context : null;
  }, action_id), 'answered');
  assert.equal(answer.option, 'no');
});

visit('whatever cannot be read is shown all the same', async ({ visitor }) => {
  const { push, shown } = await subscribed(visitor);
  await push('no json');

  await until(async () => (await shown())[0]?.title === 'EventCenter', 'something');
});

visit('what is read elsewhere leaves the tray', async ({ site, user, visitor, emit }) => {
  const { page, push, shown, lookAway } = await subscribed(visitor);
  const id = await emit({ type: 'job.done', title: 'Note reworked' });
  await until(async () => (await page.locator('ec-bell .badge').textContent()) === '1', 'one');
  await lookAway();
  await push(payload({ id, navigate: site.url, user_id: user + 1 }));
  await until(async () => (await shown()).length === 1, 'shown');
  const headers = { authorization: `Bearer ${await site.token(user)}`, 'content-type': 'application/json' };
  await fetch(`${site.url}/api/inbox/read`, { method: 'POST', headers, body: JSON.stringify({ ids: [id] }) });

  await until(async () => (await shown()).length === 0, 'gone');
});

test('the service worker is never stale', async () => {
  const { site } = suite;
  const first = await fetch(`${site.url}/sw.js`);
  assert.equal(first.headers.get('cache-control'), 'no-cache');
  if (site.fake) return;
  const again = await fetch(`${site.url}/sw.js`, { headers: { 'if-none-match': first.headers.get('etag') } });
  assert.equal(again.status, 304);
});
