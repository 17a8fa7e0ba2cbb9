// Mail as people see it: every template in every language, at 600 px, on a phone, and in the dark. The pictures are for a
// person to look at: target/screenshots/mail-*.png.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch, until, violations } from './support/browser.js';

const URL_OF_DEV = process.env.EC_URL;
const SHOTS = new URL('../../target/screenshots/', import.meta.url);
const LOOKS = {
  600: { viewport: { width: 600, height: 400 } },
  375: { viewport: { width: 375, height: 400 }, isMobile: true },
  dark: { viewport: { width: 600, height: 400 }, colorScheme: 'dark' },
};

const get = async (path) => (await fetch(URL_OF_DEV + path)).text();
const emit = (event) => fetch(`${URL_OF_DEV}/dev/emit`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) });
let browser;
const pages = {};
before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  browser = await launch();
  for (const [look, options] of Object.entries(LOOKS)) {
    const context = await browser.newContext(options);
    context.on('request', (request) => assert.fail(`a mail asks for ${request.url()}`));
    pages[look] = await context.newPage();
  }
});
after(() => browser.close());

/** Opens a mail as a program that runs no scripts would; axe comes from outside. */
async function see(html, name, look) {
  const page = pages[look];
  await page.setContent(html);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${name} at ${look} is ${content} px wide`);
  await page.screenshot({ path: new URL(`mail-${name}-${look}.png`, SHOTS).pathname, fullPage: true });
  assert.deepEqual(await violations(page), [], `${name} at ${look}`);
}

const seeAll = (html, name) => Promise.all(Object.keys(LOOKS).map((look) => see(html, name, look)));

test('every template can be read by everybody, everywhere', async () => {
  const { broken, templates } = JSON.parse(await get('/dev/template-list'));
  assert.equal(broken, null);
  assert.equal(templates.length, 14);
  for (const { name, locale } of templates) {
    const html = await get(`/dev/template/html?${new URLSearchParams({ name, locale })}`);
    assert.ok(html.length < 100_000, `${name} in ${locale}: ${html.length}`);
    await seeAll(html, `${name}-${locale}`);
  }
});

test('a text at its bound without a space breaks neither the mail nor its layout', async () => {
  const title = 'W'.repeat(256);
  const data = { service: 'x', action_id: 'a', options: ['M'.repeat(64), { value: 'no', label: 'Щ'.repeat(64) }] };
  const event = { user_id: 42, type: 'action.required', title, body: 'x'.repeat(16 * 1024), channels: ['email'], data };
  assert.equal((await emit(event)).status, 202);

  const mail = await until(async () => JSON.parse(await get('/dev/mails')).find(({ subject }) => subject.includes('WWWW')), 'caught');
  const html = await get(`/dev/mails/${mail.name}/html`);

  assert.ok(html.length < 100_000, `${html.length}`);
  await seeAll(html, 'longest');
});

test('the page of the templates shows what is chosen, in both widths', async () => {
  const page = await browser.newPage();
  await page.goto(`${URL_OF_DEV}/dev/templates`);
  await page.getByRole('button', { name: /digest.*ru/ }).click();
  await page.getByRole('heading', { level: 2, name: 'Ваш день: 9 сообщений' }).waitFor();
  assert.equal(await page.locator('iframe').count(), 2);
  assert.match(await page.locator('pre').textContent(), /Борис: фотографии с воскресенья/);
  await page.screenshot({ path: new URL('mail-templates-page.png', SHOTS).pathname });
  assert.deepEqual(await violations(page), []);
  await page.close();
});
