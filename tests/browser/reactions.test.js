// What each type of event becomes.

import assert from 'node:assert/strict';
import { heard, until } from './support/browser.js';
import { someone } from './support/site.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const toasts = (page) => page.locator('ec-toaster li:not(.leaving)');
const badge = (page) => page.locator('ec-bell .badge');

visit('a finished job is a toast that leads to it', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await page.evaluate(() => refused.add('ec-navigate'));
  await emit({ type: 'job.done', title: 'Note reworked', body: 'Shorter.', cta: { label: 'Read it', url: '/notes/7' }, data: { job_id: 'j' } });

  await toasts(page).getByText('Note reworked').waitFor();
  await toasts(page).getByRole('link', { name: 'Read it' }).click();

  const [{ url }] = await heard(page, 'ec-navigate');
  assert.equal(new URL(url).pathname, '/notes/7');
  await until(async () => (await badge(page).textContent()) === '', 'following it has read it');
});

visit('a link is followed when no host takes it over', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'job.done', cta: { label: 'Open', url: '/t/en/inbox' } });

  await toasts(page).getByRole('link', { name: 'Open' }).click();

  await page.waitForURL('**/t/en/inbox');
});

visit('progress is one bar that turns into its end', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  const tick = (percent, status = 'running') => emit({ type: 'job.progress', title: 'Map', data: { job_id: 'map', percent, status } });
  const bar = page.getByRole('progressbar', { name: 'Map' });
  await tick(10);
  await bar.waitFor();
  await tick(55.4);

  await until(async () => (await bar.getAttribute('aria-valuenow')) === '55', 'the bar moves');
  assert.equal(await toasts(page).count(), 1);
  await tick(100, 'done');
  await until(async () => (await bar.count()) === 0, 'no bar any more');
  assert.match(await toasts(page).textContent(), /Done.*Map/s);
});

visit('a job that fails says so', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'job.progress', title: 'Map', data: { job_id: 'map', percent: 10 } });
  await page.getByRole('progressbar').waitFor();
  await emit({ type: 'job.progress', title: 'No map', data: { job_id: 'map', status: 'failed' } });

  await page.locator('ec-toaster li[data-level=error]').getByText('No map').waitFor();
  assert.equal(await toasts(page).count(), 1);
});

visit('a message counts, and tells the chat of the host', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'message.new', title: 'Boris: hello', data: { conversation_id: 'c7', sender: 'Boris' } });
  await toasts(page).getByText('Boris: hello').waitFor();
  await page.evaluate(() => refused.add('ec-message-new'));
  await emit({ type: 'message.new', title: 'Boris: again', data: { conversation_id: 'c7', sender: 'Boris' } });

  await until(async () => (await heard(page, 'ec-message-new')).length === 2, 'both told');
  assert.equal((await heard(page, 'ec-message-new'))[0].chat_id, 'c7');
  assert.equal(await toasts(page).getByText('again').count(), 0);
  await until(async () => (await badge(page).textContent()) === '2', 'both count');
});

visit('a reminder can be put off', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'reminder.due', title: 'Have a break' });
  await toasts(page).getByText('Have a break').waitFor();

  await toasts(page).getByRole('combobox', { name: 'Snooze' }).selectOption({ label: '1 hour' });

  let entries = [];
  await until(async () => {
    ({ entries } = await page.evaluate(() => document.querySelector('ec-notification-center').client.inbox({ filter: 'snoozed' })));
    return entries.length === 1;
  }, 'asleep');
  await until(async () => (await toasts(page).count()) === 0 && (await badge(page).textContent()) === '', 'gone');
  const minutes = (new Date(entries[0].snoozed_until) - Date.now()) / 60_000;
  assert.ok(minutes > 55 && minutes < 61, `${minutes} minutes`);
});

visit('alerts stand at the top, the worst first, until they are put away', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  const banner = page.locator('ec-banner li');
  await emit({ type: 'system.alert', level: 'warning', title: 'Maintenance', data: { issue_id: 'm' } });
  await emit({ type: 'system.alert', level: 'critical', title: 'Payment failed', data: { issue_id: 'p' } });
  await until(async () => (await banner.count()) === 2, 'both');
  assert.match(await banner.first().textContent(), /Critical.*Payment failed/);
  await emit({ type: 'system.alert', level: 'critical', title: 'Payment failed again', data: { issue_id: 'p' } });
  await banner.getByText('again').waitFor();
  assert.equal(await banner.count(), 2);

  await banner.first().getByRole('button', { name: 'Dismiss' }).click();
  await until(async () => (await banner.count()) === 1, 'one is put away');
  const standing = () => page.evaluate(() => document.querySelector('ec-notification-center').client.store.get('standing'));
  await until(async () => (await standing())?.length === 1, 'kept');
  await page.reload();

  await banner.getByText('Maintenance').waitFor();
  assert.equal(await banner.count(), 1);
});

visit('any other type is a toast', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'sprint.closed', title: 'Sprint 7', level: 'warning' });

  await page.locator('ec-toaster li[data-level=warning]').getByText('Sprint 7').waitFor();
});

visit('what stands for one person is not shown to the next one of the same browser', async ({ site, visitor, emit }) => {
  const page = await visitor.tab('/t/en');
  const banners = (tab) => tab.locator('ec-banner li');
  await emit({ type: 'system.alert', level: 'error', title: 'For the first' });
  await banners(page).filter({ hasText: 'For the first' }).waitFor();
  const standing = () => page.evaluate(() => document.querySelector('ec-notification-center').client.store.get('standing'));
  await until(async () => (await standing())?.length === 1, 'kept');
  await page.close();

  const next = someone();
  await visitor.context.addCookies([{ name: 'ec_token', value: await site.token(next), domain: new URL(site.url).hostname, path: '/' }]);
  const other = await visitor.tab('/t/en');
  await site.emit({ user_id: next, type: 'system.alert', level: 'error', title: 'For the second' });
  await banners(other).filter({ hasText: 'For the second' }).waitFor();
  assert.equal(await banners(other).filter({ hasText: 'For the first' }).count(), 0);
});
