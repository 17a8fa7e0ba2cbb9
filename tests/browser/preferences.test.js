// What the person switches is what is sent.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { shot, until, violations } from './support/browser.js';
import { Endpoints, equip } from './support/endpoints.js';
import { prepare } from './support/suite.js';

const { suite, visit } = prepare();
let endpoints;
before(async () => { endpoints = await Endpoints.start(); });
after(() => endpoints?.close());

const part = (page, name) => page.locator('ec-preferences section').filter({ has: page.getByRole('heading', { name }) });
const toggle = (page, name) => page.getByRole('switch', { name, exact: true });
const kept = (page) => page.evaluate(() => document.querySelector('ec-notification-center').client.rest.get('api/preferences'));

async function deliveries(id) {
  const { url, key } = suite.site.engine;
  const response = await fetch(`${url}/api/events/${id}`, { headers: { authorization: `Bearer ${key}` } });
  return Object.fromEntries((await response.json()).deliveries.map((one) => [one.channel, one]));
}

async function come(visitor, path = '/t/en/push/preferences') {
  const page = await visitor.tab(path);
  await page.locator('ec-preferences table').waitFor();
  return page;
}

for (const [size, lang, scheme] of [['phone', 'ru', 'dark'], ['phone', 'en', 'light'], ['desktop', 'ru', 'light'], ['desktop', 'en', 'dark']]) {
  visit(`everybody can use the preferences on a ${size}, ${lang}, ${scheme}`, async ({ visitor }) => {
    const page = await come(visitor, `/t/${lang}/preferences`);
    assert.deepEqual(await violations(page), []);
    const wide = () => [...document.querySelector('ec-preferences').shadowRoot.querySelectorAll('.card')].filter((card) => card.scrollWidth > card.clientWidth).length;
    assert.equal(await page.evaluate(wide), 0, 'nothing is cut off');
    await shot(page, `preferences-${size}-${lang}-${scheme}`, { fullPage: true });
  }, { size, scheme, locale: lang });
}

visit('what is switched off is skipped, and says so', async ({ visitor, emit }) => {
  const page = await come(visitor);
  await toggle(page, 'Something is ready: Push').press('Space');
  await until(async () => (await kept(page)).types['job.done']?.push === false, 'saved');
  const id = await emit({ type: 'job.done', title: 'Quietly' });

  const push = await until(async () => (await deliveries(id)).push?.state === 'skipped' && (await deliveries(id)).push, 'skipped');
  assert.equal(push.reason, 'preference');
  assert.notEqual((await deliveries(id)).ws.state, 'skipped');
  await page.reload();
  await page.locator('ec-preferences table').waitFor();
  assert.equal(await toggle(page, 'Something is ready: Push').isChecked(), false);
  assert.equal(await toggle(page, 'Something is ready: Mail').isChecked(), true);
});

visit('quiet hours hold a push back, in the time zone of the browser', async ({ visitor, emit }) => {
  const page = await come(visitor);
  await toggle(page, 'Hold push and mail back at night').press('Space');
  const here = (ms) => new Date(Date.now() + ms).toLocaleTimeString('en-GB', { timeZone: 'Asia/Tokyo', hour: '2-digit', minute: '2-digit' });
  const [from, to] = [here(-3_600_000), here(3_600_000)];
  await page.getByLabel('From', { exact: true }).fill(from);
  await page.getByLabel('to', { exact: true }).fill(to);
  await until(async () => (await kept(page)).quiet_hours?.to.startsWith(to), 'saved');
  assert.equal((await kept(page)).time_zone, 'Asia/Tokyo');
  const id = await emit({ type: 'job.done', title: 'Later' });

  const push = await until(async () => (await deliveries(id)).push?.state === 'scheduled' && (await deliveries(id)).push, 'held back');
  assert.equal(push.reason, 'quiet_hours');
}, { timezoneId: 'Asia/Tokyo' });

visit('mail is gathered as often as the person likes', async ({ visitor }) => {
  const page = await come(visitor);
  await page.getByRole('combobox', { name: 'Send mail' }).selectOption('daily');
  await page.getByRole('combobox', { name: 'at', exact: true }).selectOption('18');

  await until(async () => (await kept(page)).digest_hour === 18, 'saved');
  assert.equal((await kept(page)).digest, 'daily');
});

visit('a browser finds itself in the list, is renamed, and is removed', async ({ visitor }) => {
  const hear = await equip(visitor, endpoints);
  const page = await come(visitor, '/t/en/push/preferences/push-optin');
  await hear(page);
  await page.evaluate(() => document.querySelector('ec-push-optin').prime());
  await page.locator('ec-push-optin').getByRole('button', { name: 'Turn on' }).click();
  await page.getByText('Do you see it?').waitFor({ timeout: 30_000 });
  await page.evaluate(() => document.querySelector('ec-preferences').refresh());
  await part(page, 'Browsers').getByText('this browser').waitFor();
  const name = part(page, 'Browsers').getByRole('textbox');
  assert.equal(await name.inputValue(), 'Chrome, Linux');
  await shot(page, 'preferences-devices');
  await name.fill('The desk');
  await name.blur();
  const listed = () => page.evaluate(async () => (await document.querySelector('ec-notification-center').client.rest.get('api/push/devices')).devices[0].name);
  await until(async () => (await listed()) === 'The desk', 'renamed');
  await page.evaluate(() => document.querySelector('ec-preferences').refresh());

  await part(page, 'Browsers').getByRole('button', { name: 'Remove: The desk' }).click();
  await part(page, 'Browsers').getByText('None yet').waitFor();
});

visit('what cannot be saved says why', async ({ visitor }) => {
  const page = await come(visitor);
  await page.route('**/api/preferences', (route) => route.fulfill({ status: 409, contentType: 'application/json', body: '{"title":"The host keeps it"}' }));
  await page.getByRole('combobox', { name: 'Send mail' }).selectOption('weekly');

  await page.getByText('This is kept by the site itself.').waitFor();
});
