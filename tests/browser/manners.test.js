// What we leave alone: the focus, the host, a person who was away, and what a hostile event asks for.

import assert from 'node:assert/strict';
import { heard, until } from './support/browser.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const toasts = (page) => page.locator('ec-toaster li:not(.leaving)');
const dialog = (page) => page.locator('ec-notification-center dialog');
const badge = (page) => page.locator('ec-bell .badge');
const choice = (action_id, more) => ({ type: 'action.required', title: 'A or B?', data: { action_id, options: ['A', { value: 'B', label: 'Bee' }] }, ...more });

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
  await emit({ type: 'job.progress', title: 'Over', data: { job_id: 'over', percent: 50 } });
  await emit({ type: 'job.done', title: 'Over', data: { job_id: 'over' } });
  const page = await visitor.tab();

  await dialog(page).getByRole('heading', { name: 'A or B?' }).waitFor();
  assert.deepEqual(await toasts(page).locator('.title bdi').allTextContents(), ['31 new notifications while you were away']);
  await until(async () => (await badge(page).textContent()) === '33', 'all count');
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
  await page.locator('ec-inbox li').nth(2).waitFor();

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
