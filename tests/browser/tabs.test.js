// Many tabs are one browser: one socket, one toast, one that leads.

import assert from 'node:assert/strict';
import { until } from './support/browser.js';
import { RawBrowser } from './support/cdp.js';
import { someone } from './support/site.js';
import { patient, prepare } from './support/suite.js';

const { suite, visit } = prepare();
const leads = (page) => page.evaluate(() => document.querySelector('ec-notification-center').client.isLeader);
const badge = async (page) => (await page.locator('ec-bell .badge').textContent()) || '0';
const shows = async (page, text) => (await page.locator('ec-toaster li').getByText(text).count()) > 0;

visit('two tabs have one socket and the same events', async ({ site, visitor, emit }) => {
  const before = site.requests('GET /ws').length;
  const tabs = [await visitor.tab(), await visitor.tab()];
  await emit({ type: 'job.done', title: 'Both' });

  for (const tab of tabs) await until(async () => (await shows(tab, 'Both')) && (await badge(tab)) === '1', 'shown and counted');
  assert.equal(site.requests('GET /ws').length - before, 1);
  assert.deepEqual(await Promise.all(tabs.map(leads)), [true, false]);
});

visit('when the tab that leads is closed, another goes on where it was', async ({ visitor, emit }) => {
  const [first, second] = [await visitor.tab(), await visitor.tab()];
  await emit({ type: 'task.created', title: 'One' });
  await until(() => shows(second, 'One'), 'one');
  await first.close();
  await emit({ type: 'task.created', title: 'Two' });

  await until(async () => (await leads(second)) && (await shows(second, 'Two')), 'two');
  await until(async () => (await badge(second)) === '2', 'each once');
});

visit('a frozen tab loses the lead to one that is looked at, and follows when it thaws', async ({ visitor, emit }) => {
  const first = await visitor.tab();
  const second = await visitor.context.newPage();
  await second.clock.install();
  await second.goto(`${visitor.site.url}/t/en`);
  await until(async () => (await second.getAttribute('ec-notification-center', 'data-status')) === 'live', 'live');
  const devtools = await visitor.context.newCDPSession(first);
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });

  await second.clock.fastForward(21_000);

  await until(() => leads(second), 'the second leads');
  await emit({ type: 'task.created', title: 'Meanwhile' });
  await until(() => shows(second, 'Meanwhile'), 'it hears');
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await until(async () => !(await leads(first)) && (await badge(first)) === '1', 'the first follows');
});

visit('what is put away in one tab goes from the others', async ({ visitor, emit }) => {
  const [first, second] = [await visitor.tab(), await visitor.tab()];
  await emit({ type: 'system.alert', level: 'warning', title: 'Alert' });
  for (const tab of [first, second]) await tab.locator('ec-banner').getByText('Alert').waitFor();

  await first.locator('ec-banner').getByRole('button', { name: 'Dismiss' }).click();

  await until(async () => (await second.locator('ec-banner li').count()) === 0, 'gone');
});

patient('hidden tabs leave toasts to the one that is looked at, and the lead, too', async () => {
  const { site } = suite;
  const user = someone();
  const browser = await RawBrowser.start();
  try {
    await browser.setCookie(site.url, 'ec_token', await site.token(user));
    const first = await browser.tab(`${site.url}/t/en/first`);
    const second = await browser.tab(`${site.url}/t/en/second`);
    const counts = (tab) => tab.evaluate(`document.querySelector('ec-notification-center').client.counts.unread`);
    const shown = (tab) => tab.evaluate(`[...document.querySelectorAll('ec-toaster')].flatMap(({ shadowRoot }) => [...shadowRoot.querySelectorAll('.title bdi')]).map(({ textContent }) => textContent)`);
    assert.deepEqual([await first.evaluate('document.hidden'), await second.evaluate('document.hidden')], [true, false]);
    await until(() => second.evaluate(`document.querySelector('ec-notification-center').client.isLeader`), 'the visible tab leads');

    await site.emit({ user_id: user, type: 'job.done', title: 'For the second' });
    await until(async () => (await counts(first)) === 1, 'the first knows');
    await until(async () => (await shown(second)).length === 1, 'the second shows');
    await browser.tab('about:blank');
    await until(() => second.evaluate('document.hidden'), 'nobody looks');
    await second.evaluate(`globalThis.told = []; void document.querySelector('ec-notification-center').client.listen('peer', ({ t }) => told.push(t))`);
    await site.emit({ user_id: user, type: 'job.done', title: 'For whoever comes' });
    await until(async () => (await counts(first)) === 2, 'the first knows');
    assert.deepEqual(await shown(first), []);
    await first.front();

    await until(async () => (await shown(first)).length === 1, 'the first shows what nobody saw');
    assert.deepEqual(await shown(first), ['For whoever comes']);
    await until(() => second.evaluate(`told.includes('displayed')`), 'the second is told');
    await second.front();
    await until(() => second.evaluate('!document.hidden'), 'the second is looked at');
    assert.deepEqual(await shown(second), ['For the second']);
  } finally {
    await browser.close();
  }
});

patient('a page that comes back from the back/forward cache goes on where it was', async () => {
  const { site } = suite;
  const user = someone();
  const browser = await RawBrowser.start();
  try {
    await browser.setCookie(site.url, 'ec_token', await site.token(user));
    const tab = await browser.tab(`${site.url}/t/en/first`);
    const ask = (question) => tab.evaluate(question).catch(() => null); // While it goes from page to page there is no answer.
    const client = (what) => ask(`document.querySelector('ec-notification-center')?.client?.${what}`);
    await site.emit({ user_id: user, type: 'task.created', title: 'Before' });
    await until(async () => (await client('counts.unread')) === 1, 'the first');
    await ask(`globalThis.isTheSame = true; location.href = '/t/en/second'`);
    await until(async () => (await ask('location.pathname')) === '/t/en/second' && (await client('status')) === 'live', 'another page');
    await site.emit({ user_id: user, type: 'task.created', title: 'Meanwhile' });
    await until(async () => (await client('counts.unread')) === 2, 'the second');

    await ask('history.back()');

    await until(() => ask(`location.pathname === '/t/en/first' && globalThis.isTheSame`), 'not loaded anew');
    await until(async () => (await client('counts.unread')) === 2 && (await client('status')) === 'live', 'it has caught up');
    await site.emit({ user_id: user, type: 'task.created', title: 'After' });
    await until(async () => (await client('counts.unread')) === 3 && (await client('isLeader')), 'it goes on');
  } finally {
    await browser.close();
  }
});
