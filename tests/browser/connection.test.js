// Networks, servers, tokens and storage that fail, and what the person notices.

import assert from 'node:assert/strict';
import { heard, until } from './support/browser.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const status = (page) => page.getAttribute('ec-notification-center', 'data-status');
const badge = async (page) => (await page.locator('ec-bell .badge').textContent()) || '0';
const shows = async (page, text) => (await page.locator('ec-toaster li').getByText(text).count()) > 0;

visit('offline and back: what was missed comes, and what was decided is said', async ({ site, visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'action.required', title: 'A or B?', data: { action_id: 'offline-1', options: ['A', 'B'] } });
  const button = page.locator('ec-notification-center').getByRole('button', { name: 'B', exact: true });
  await button.waitFor();
  await visitor.context.setOffline(true);
  await button.click();
  await until(() => shows(page, 'You are offline. The answer will be sent when you are back.'), 'it says so');
  assert.equal(site.requests('offline-1/answer').length, 0);
  await emit({ type: 'job.done', title: 'Meanwhile' });

  await visitor.context.setOffline(false);

  await until(() => shows(page, 'Meanwhile'), 'what was missed');
  await until(() => site.requests('POST /api/actions/offline-1/answer').length === 1, 'the answer');
  await until(async () => (await badge(page)) === '1', 'the answered one is read');
});

visit('a broken connection resumes without a gap and without a second toast', async ({ site, visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'task.created', title: 'One' });
  await until(() => shows(page, 'One'), 'one');
  site.front.cut();
  await until(async () => (await status(page)) !== 'live', 'noticed');
  await emit({ type: 'task.created', title: 'Two' });

  await until(async () => (await status(page)) === 'live', 'live again');
  await until(async () => (await badge(page)) === '2', 'each once');
  const ids = await page.evaluate(() => heard.filter(({ name }) => name === 'ec-event').map(({ detail }) => detail.event.title));
  assert.deepEqual(ids, ['One', 'Two']);
});

visit('a page that is loaded anew is told only what it missed', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'task.created', title: 'One' });
  await until(async () => (await badge(page)) === '1', 'one');
  const seq = () => page.evaluate(async () => (await document.querySelector('ec-notification-center').client.store.get('position')).seq);
  await until(async () => (await seq()) === 1, 'the position is kept');
  await page.reload();
  await until(async () => (await status(page)) === 'live', 'live');

  await until(async () => (await badge(page)) === '1', 'counted');
  assert.equal(await page.evaluate(() => heard.filter(({ name }) => name === 'ec-event').length), 0);
});

visit('blocked storage costs the memory, not the connection', async ({ visitor, emit }) => {
  await visitor.context.addInitScript(() => {
    const refuse = () => {
      throw new DOMException('blocked', 'SecurityError');
    };
    indexedDB.open = refuse;
    if (navigator.locks) navigator.locks.request = refuse; // A blank page has none.
    globalThis.BroadcastChannel = refuse;
  });
  const tabs = [await visitor.tab(), await visitor.tab()];
  await emit({ type: 'job.done', title: 'All the same' });

  for (const tab of tabs) await until(async () => (await shows(tab, 'All the same')) && (await badge(tab)) === '1', 'shown');
});

visit('a silent link is noticed, though nobody closed it', async ({ site, visitor, emit }) => {
  const page = await visitor.context.newPage();
  await page.clock.install();
  await page.goto(`${site.url}/t/en`);
  await until(async () => (await status(page)) === 'live', 'live');
  const before = site.requests('GET /ws').length;
  site.front.silence();
  await emit({ type: 'job.done', title: 'Unheard' });

  await page.clock.fastForward(90_000);

  await until(async () => (await heard(page, 'ec-event')).length === 1, 'a new link brings it');
  assert.ok(site.requests('GET /ws').length > before);
});
