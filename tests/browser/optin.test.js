// Turning pushes on: asked at the right moment, by a click, and tried at once.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { shot, until, violations } from './support/browser.js';
import { Endpoints, equip } from './support/endpoints.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const DAY_MS = 86_400_000;
let endpoints;
before(async () => { endpoints = await Endpoints.start(); });
after(() => endpoints?.close());

const card = (page) => page.locator('ec-push-optin .card');
const prime = (page) => page.evaluate(() => document.querySelector('ec-push-optin').prime());
const prompts = (page) => page.evaluate(() => globalThis.prompts);
const button = (page, name) => card(page).getByRole('button', { name, exact: true });
const WORDS = {
  en: { on: 'Turn on', seen: 'Do you see it?', yes: 'Yes', no: 'No', works: 'It works', blocked: 'the system kept it from you' },
  ru: { on: 'Включить', seen: 'Видите его?', yes: 'Да', no: 'Нет', works: 'Работает', blocked: 'система скрыла' },
};

async function come(visitor, person, path = '/t/en/push/push-optin') {
  const hear = await equip(visitor, endpoints, person);
  const page = await visitor.tab(path);
  await hear(page);
  await page.evaluate(() => customElements.whenDefined('ec-push-optin'));
  return page;
}

for (const [size, lang, scheme] of [['phone', 'ru', 'dark'], ['desktop', 'en', 'light']]) {
  const words = WORDS[lang];
  visit(`from the card to a push that is seen, on a ${size}, ${lang}`, async ({ visitor }) => {
    const page = await come(visitor, {}, `/t/${lang}/push/push-optin`);
    assert.deepEqual([await card(page).isVisible(), await prompts(page)], [false, []], 'nothing is asked on load');
    assert.equal(await prime(page), true);
    assert.deepEqual(await prompts(page), [], 'the card is no prompt');
    assert.deepEqual(await violations(page), []);
    await shot(page, `optin-${size}-${lang}`);

    await button(page, words.on).click();
    await card(page).getByText(words.seen).waitFor({ timeout: 30_000 });
    assert.deepEqual(await prompts(page), [true], 'one prompt, while a click counts');
    await shot(page, `optin-seen-${size}-${lang}`);
    await button(page, words.yes).click();

    await card(page).getByText(words.works).waitFor();
    assert.deepEqual(await violations(page), []);
    await shot(page, `optin-works-${size}-${lang}`);
  }, { size, scheme, locale: lang });
}

visit('a push that the system hides leads to the check', async ({ visitor }) => {
  const page = await come(visitor, {});
  await prime(page);
  await button(page, 'Turn on').click();
  await button(page, 'No').click({ timeout: 30_000 });

  await card(page).getByText(WORDS.en.blocked).waitFor();
  assert.equal(await card(page).getByRole('link').getAttribute('href'), '/check?lang=en');
});

visit('a refused prompt says what to do, and nobody is asked again', async ({ visitor }) => {
  const page = await come(visitor, { answer: 'denied' });
  await prime(page);
  await button(page, 'Turn on').click();
  await card(page).getByText('Only you can allow them again').waitFor();
  await shot(page, 'optin-denied');

  await page.reload();
  await page.evaluate(() => customElements.whenDefined('ec-push-optin'));
  assert.equal(await prime(page), false);
});

visit('a push service that does not answer is given up after ten seconds', async ({ visitor }) => {
  const page = await come(visitor, {});
  await page.evaluate(() => { PushManager.prototype.subscribe = () => new Promise((resolve) => { globalThis.asked = resolve; }); });
  await page.clock.install();
  await prime(page);
  await button(page, 'Turn on').click();
  await until(() => page.evaluate(() => Boolean(globalThis.asked)), 'asked');
  await page.clock.fastForward(10_000);

  await card(page).getByText('cannot reach its push service').waitFor();
});

visit('"not now" holds for two weeks, then for two months, and the third is for ever', async ({ visitor }) => {
  const page = await come(visitor, {});
  await page.clock.install();
  for (const days of [14, 60]) {
    assert.equal(await prime(page), true);
    await button(page, 'Not now').click();
    await until(async () => !(await card(page).isVisible()), 'away');
    await page.clock.setSystemTime(await page.evaluate((ms) => Date.now() + ms, (days - 1) * DAY_MS));
    assert.equal(await prime(page), false, `not within ${days} days`);
    await page.clock.setSystemTime(await page.evaluate((ms) => Date.now() + ms, 2 * DAY_MS));
  }
  assert.equal(await prime(page), true);
  await button(page, 'Not now').click();
  await until(async () => !(await card(page).isVisible()), 'away');
  await page.clock.setSystemTime(await page.evaluate((ms) => Date.now() + ms, 4000 * DAY_MS));

  assert.equal(await prime(page), false);
  assert.deepEqual(await prompts(page), []);
});
