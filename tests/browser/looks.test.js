// How it looks, and whether everybody can use it: each state in light and dark, Russian and English, on a phone and a desk.
// The screenshots are in target/screenshots.

import assert from 'node:assert/strict';
import { shot, until, violations } from './support/browser.js';
import { samples } from './support/samples.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
for (const size of ['phone', 'desktop']) {
  for (const lang of ['ru', 'en']) {
    for (const scheme of ['light', 'dark']) {
      visit(`every state on a ${size}, ${lang}, ${scheme}`, (given) => walk(given, { size, lang, scheme }), { size, scheme, locale: lang });
    }
  }
}

/** Through all states of one page. */
async function walk({ visitor, emit }, { size, lang, scheme }) {
  const events = samples(lang);
  const page = await visitor.tab(`/t/${lang}`);
  const toasts = page.locator('ec-toaster li');
  const dialog = page.locator('ec-notification-center dialog');
  const look = async (name) => {
    assert.deepEqual(await violations(page), [], name);
    await shot(page, `${name}-${size}-${lang}-${scheme}`);
  };
  const bell = page.locator('ec-bell').getByRole('button').first();

  await bell.click();
  await page.locator('ec-inbox .note strong').waitFor();
  await look('inbox-empty');
  await page.keyboard.press('Escape');

  for (const name of ['done', 'progress', 'reminder']) await emit(events[name]);
  await until(async () => (await toasts.count()) === 3, 'toasts');
  await look('toasts');

  for (const name of ['alert', 'warning']) await emit(events[name]);
  await until(async () => (await page.locator('ec-banner li').count()) === 2, 'banners');
  await look('banner');

  for (const name of ['choice', 'priority', 'question']) await emit(events[name]);
  await dialog.getByRole('heading').waitFor();
  await look('dialog');
  await page.keyboard.press('Escape');
  await dialog.getByText(events.priority.title).waitFor();
  await page.keyboard.press('Escape');
  await dialog.getByRole('textbox').waitFor();
  await look('dialog-text');
  await page.keyboard.press('Escape');
  await until(async () => !(await dialog.isVisible()), 'all put off');

  for (const name of ['message', 'task']) await emit(events[name]);
  await toasts.getByText(events.task.title).waitFor();
  await page.evaluate(() => document.querySelector('ec-toaster').shadowRoot.querySelectorAll('.close').forEach((close) => close.click()));
  await until(async () => (await toasts.count()) === 0, 'no toasts');
  await bell.click();
  await until(async () => (await page.locator('ec-inbox li').count()) > 5, 'rows');
  await page.locator('ec-inbox li').last().locator('.tools button').first().click();
  await look('inbox');
}

visit('everything fits 320 pixels, which is 400 % of a desk', async ({ visitor, emit }) => {
  const events = samples('ru');
  const page = await visitor.tab('/t/ru');
  for (const name of ['done', 'progress', 'alert', 'choice']) await emit(events[name]);
  await page.locator('ec-notification-center dialog').getByRole('heading').waitFor();
  await shot(page, 'narrow-dialog');
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await wide()) <= 0, 'with a dialog');
  await page.keyboard.press('Escape');
  await page.locator('ec-bell').getByRole('button').first().click();
  await page.locator('ec-inbox li').first().waitFor();
  await shot(page, 'narrow-inbox');
  assert.ok((await wide()) <= 0, 'with the inbox');
}, { viewport: { width: 320, height: 640 } });

visit('without colours of its own it is still there', async ({ visitor, emit }) => {
  const page = await visitor.tab('/t/en');
  const events = samples('en');
  for (const name of ['done', 'progress', 'alert', 'choice']) await emit(events[name]);
  await page.locator('ec-notification-center dialog').getByRole('heading').waitFor();
  await shot(page, 'forced-colors');
  assert.deepEqual(await violations(page), []);
}, { forcedColors: 'active' });
