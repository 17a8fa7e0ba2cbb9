// What each type of event becomes.

import assert from 'node:assert/strict';
import { heard, until } from './support/browser.js';
import { visit } from './support/suite.js';

const toasts = (page) => page.locator('ec-toaster li:not(.leaving)');
const dialog = (page) => page.locator('ec-notification-center dialog');
const badge = (page) => page.locator('ec-bell .badge');
const choice = (action_id, more) => ({ type: 'action.required', title: 'A or B?', data: { action_id, options: ['A', { value: 'B', label: 'Bee' }] }, ...more });

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

visit('a decision is asked in a dialog and answered once', async ({ site, visitor, emit }) => {
  const page = await visitor.tab();
  const other = await visitor.tab();
  await emit(choice('keep-1'));
  await dialog(other).getByRole('heading', { name: 'A or B?' }).waitFor();
  await page.bringToFront();

  await dialog(page).getByRole('button', { name: 'Bee' }).dblclick();

  await until(async () => !(await dialog(page).isVisible()) && !(await dialog(other).isVisible()), 'closed in both tabs');
  assert.equal(site.requests('POST /api/actions/keep-1/answer').length, 1);
  const { answer } = await page.evaluate(() => document.querySelector('ec-notification-center').client.context('keep-1'));
  assert.equal(answer.option, 'B');
});

visit('Escape means later, and the inbox asks again', async ({ site, visitor, emit }) => {
  const page = await visitor.tab();
  await emit(choice('later-1'));
  await dialog(page).getByRole('heading').waitFor();
  await page.keyboard.press('Escape');
  await until(async () => !(await dialog(page).isVisible()), 'closed');
  await page.reload();
  await page.locator('ec-bell').getByRole('button').first().click();

  await page.getByRole('button', { name: 'Decide' }).click();

  await dialog(page).getByRole('heading', { name: 'A or B?' }).waitFor();
  assert.equal(site.requests('later-1/answer').length, 0);
});

visit('decisions wait for one another', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit(choice('first', { title: 'First?' }));
  await emit(choice('second', { title: 'Second?' }));
  await dialog(page).getByText('1 more decision is waiting').waitFor();
  assert.equal(await dialog(page).getByRole('heading').textContent(), 'First?');

  await dialog(page).getByRole('button', { name: 'A', exact: true }).click();

  await dialog(page).getByRole('heading', { name: 'Second?' }).waitFor();
});

visit('a decision without options leads to where it is taken', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'action.required', title: 'Pay?', data: { action_id: 'pay' }, cta: { label: 'Pay now', url: '/t/en/pay' } });

  await dialog(page).getByRole('link', { name: 'Pay now' }).click();

  await page.waitForURL('**/t/en/pay');
});

visit('a decision that was taken elsewhere says how', async ({ site, visitor, emit }) => {
  const page = await visitor.tab();
  await page.route('**/api/actions/taken/answer', (route) => route.fulfill({
    status: 409, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Answered', answer: { option: 'B' } }),
  }));
  await emit(choice('taken'));

  await dialog(page).getByRole('button', { name: 'A', exact: true }).click();

  await toasts(page).getByText('Already answered: Bee').waitFor();
  assert.equal(await dialog(page).isVisible(), false);
  assert.equal(site.requests('taken/answer').length, 0);
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

  await until(async () => (await toasts(page).count()) === 0 && (await badge(page).textContent()) === '', 'asleep');
  const { entries } = await page.evaluate(() => document.querySelector('ec-notification-center').client.inbox({ filter: 'snoozed' }));
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

visit('the host can take over any type', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await page.evaluate(() => ['ec-event', 'ec-action-required'].forEach((name) => refused.add(name)));
  await emit({ type: 'job.done', title: 'Mine' });
  await emit(choice('mine'));

  await until(async () => (await heard(page, 'ec-action-required')).length === 1, 'told');
  await until(async () => (await badge(page).textContent()) === '2', 'counted');
  assert.equal((await toasts(page).count()) + Number(await dialog(page).isVisible().catch(() => false)), 0);
});

visit('a burst folds into one toast that counts', async ({ site, user, visitor }) => {
  const page = await visitor.tab();
  await site.emitAll(Array.from({ length: 40 }, (_, n) => ({ user_id: user, type: 'task.created', title: `Task ${n}` })));

  await toasts(page).getByText('35 more notifications').waitFor();
  assert.ok((await toasts(page).count()) <= 3);
  await until(async () => (await badge(page).textContent()) === '40', 'all count');
});

visit('what was missed fills the inbox, with one toast and the decision that is still open', async ({ site, user, visitor, emit }) => {
  await site.emitAll(Array.from({ length: 30 }, (_, n) => ({ user_id: user, type: 'task.created', title: `Task ${n}` })));
  await emit(choice('open-1'));
  const page = await visitor.tab();

  await dialog(page).getByRole('heading', { name: 'A or B?' }).waitFor();
  assert.deepEqual(await toasts(page).locator('.title bdi').allTextContents(), ['30 new notifications while you were away']);
  await until(async () => (await badge(page).textContent()) === '31', 'all count');
});

visit('a toast is usable over a dialog of the host', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await page.evaluate(() => document.querySelector('#dialog').showModal());
  await page.evaluate(() => refused.add('ec-navigate'));
  await emit({ type: 'job.done', title: 'Over it', cta: { label: 'Open', url: '/x' } });

  await toasts(page).getByRole('link', { name: 'Open' }).click();
  assert.equal((await heard(page, 'ec-navigate')).length, 1);
  await page.evaluate(() => document.querySelector('#dialog').close());
  await toasts(page).getByRole('button', { name: 'Close' }).click();
  await until(async () => (await toasts(page).count()) === 0, 'usable afterwards, too');
});

visit('a toast takes no focus, is announced, and is reached by F8', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await page.locator('#own').focus();
  await emit({ type: 'job.done', title: 'Quiet', cta: { label: 'Open', url: '/x' } });
  await page.locator('[data-ec-live=polite]').getByText('Done: Quiet').waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'own');

  await page.keyboard.press('F8');
  assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.textContent), 'Open');
  await page.keyboard.press('Escape');
  await until(async () => (await toasts(page).count()) === 0, 'dismissed');
});

visit('a hostile event is text', async ({ visitor, emit }) => {
  const page = await visitor.tab('/t/en/inbox');
  const evil = '<img src=x onerror=alert(1)>\u202Egnp.exe';
  const data = { action_id: evil, options: [evil, { value: {}, label: { toString: 'no' } }, null, 7], service: evil, job_id: { deep: [[[[evil]]]] } };
  for (const type of ['job.done', 'job.progress', 'message.new', 'reminder.due', 'system.alert', 'action.required', 'x']) {
    for (const url of ['javascript:alert(1)', 'data:text/html,x', 'https://user:pass@evil.example/']) {
      await emit({ type, title: evil, body: evil.repeat(300), data, cta: { label: evil, url } }).catch((error) => assert.match(error.message, /cta/));
    }
    await emit({ type, title: evil, body: 'x'.repeat(16_000), data, cta: { label: evil, url: '/ok' } });
  }
  await page.locator('ec-inbox li').nth(5).waitFor();

  const seen = await page.evaluate(() => {
    const roots = [document, ...['ec-toaster', 'ec-inbox', 'ec-banner', 'ec-notification-center'].map((name) => document.querySelector(name)?.shadowRoot ?? document.querySelector('ec-notification-center').shadowRoot.querySelector(name)?.shadowRoot)];
    const all = (selector) => roots.filter(Boolean).flatMap((root) => [...root.querySelectorAll(selector)]);
    return { images: all('img, script, iframe').filter((one) => !one.src?.includes('/ec/') && !one.src?.includes('/t/')).length, links: all('a').map(({ href }) => href), wide: document.documentElement.scrollWidth - innerWidth, violations };
  });
  assert.equal(seen.images, 0);
  assert.deepEqual(seen.links.filter((href) => !href.endsWith('/ok')), []);
  assert.ok(seen.links.length > 0 && seen.wide <= 0, `${seen.wide} pixels too wide`);
  assert.deepEqual(seen.violations, []);
  assert.equal(new URL(page.url()).pathname, '/t/en/inbox');
}, { size: 'phone' });
