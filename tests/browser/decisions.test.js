// Decisions: asked one at a time, answered once, put off without an answer.

import assert from 'node:assert/strict';
import { until } from './support/browser.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const toasts = (page) => page.locator('ec-toaster li:not(.leaving)');
const dialog = (page) => page.locator('ec-notification-center dialog');
const choice = (action_id, more) => ({ type: 'action.required', title: 'A or B?', data: { action_id, options: ['A', { value: 'B', label: 'Bee' }] }, ...more });

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

visit('a decision with neither options nor a link is answered in one\'s own words', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await emit({ type: 'action.required', title: 'About what?', data: { action_id: 'words' } });
  await dialog(page).getByRole('textbox', { name: 'Your answer' }).fill('The sea');

  await dialog(page).getByRole('button', { name: 'Send' }).click();

  await until(async () => !(await dialog(page).isVisible()), 'closed');
  const { answer } = await page.evaluate(() => document.querySelector('ec-notification-center').client.context('words'));
  assert.equal(answer.text, 'The sea');
});

visit('an answer that the server does not take can be tried again', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  await page.route('**/api/actions/again/answer', (route) => route.fulfill({ status: 400, body: '{}' }), { times: 1 });
  await emit(choice('again'));
  const button = dialog(page).getByRole('button', { name: 'A', exact: true });
  await button.click();
  await dialog(page).getByText('The answer could not be sent').waitFor();

  await button.click();

  await until(async () => !(await dialog(page).isVisible()), 'closed');
});
