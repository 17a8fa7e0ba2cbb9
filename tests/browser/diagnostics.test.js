// The environment check: green where nothing is wrong, and for each fault its own words and its own way out.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { GUIDE_IDS } from '../../static/ec/diag/guides.js';
import { WORDS as EN } from '../../static/ec/texts/checks-en.js';
import { WORDS as RU } from '../../static/ec/texts/checks-ru.js';
import { STEPS as STEPS_EN } from '../../static/ec/texts/guides-en.js';
import { STEPS as STEPS_RU } from '../../static/ec/texts/guides-ru.js';
import { shot, until, violations } from './support/browser.js';
import { FAULTS } from './support/faults.js';
import { Endpoints, equip } from './support/endpoints.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const LANGUAGES = { en: { words: EN, steps: STEPS_EN }, ru: { words: RU, steps: STEPS_RU } };
const LOOPBACK_MS = 30_000;
let endpoints;
before(async () => { endpoints = await Endpoints.start(); });
after(() => endpoints?.close());

const row = (page, id) => page.locator(`ec-diagnostics [data-check=${id}]`);
const summary = (page) => page.locator('ec-diagnostics .summary');
const tryOut = (page, id) => row(page, id).getByRole('button').first().click();

async function check(visitor, lang = 'en') {
  const page = await visitor.context.newPage();
  await page.goto(`${visitor.site.url}/check?lang=${lang}`);
  await until(() => page.locator('ec-diagnostics[overall]').count(), 'checked');
  return page;
}

for (const [size, lang, scheme] of [['phone', 'ru', 'dark'], ['desktop', 'en', 'light']]) {
  const { words, steps } = LANGUAGES[lang];

  visit(`from one thing to do to all green, on a ${size}, ${lang}`, async ({ site, visitor, user }) => {
    const hear = await equip(visitor, endpoints);
    const page = await check(visitor, lang);
    await hear(page);
    assert.equal(await summary(page).textContent(), words.hints.one.replace('{n}', '1'));
    assert.deepEqual(await page.evaluate(() => globalThis.prompts), [], 'nothing is asked by itself');
    assert.deepEqual(await violations(page), []);
    await shot(page, `check-${size}-${lang}`, { fullPage: true });

    await row(page, 'notif_permission').getByRole('button', { name: words.turn_on }).click();
    await until(async () => (await summary(page).textContent()) === words.all_fine, 'all green');
    assert.equal(await page.locator('[data-status=fail], [data-status=warn], [data-status=needs_action]').count(), 0);
    await tryOut(page, 'ws_loopback');
    await row(page, 'ws_loopback').getByText(words.links.delivered).waitFor({ timeout: LOOPBACK_MS });
    await tryOut(page, 'push_loopback');
    await page.getByRole('button', { name: words.yes, exact: true }).click({ timeout: LOOPBACK_MS });
    await until(async () => (await row(page, 'push_loopback').getAttribute('data-status')) === 'ok', 'seen');
    const links = await row(page, 'push_loopback').locator('.links li').evaluateAll((items) => items.map((item) => item.dataset.ok));
    assert.deepEqual(links, ['true', 'true', 'true', 'true', 'true']);
    assert.deepEqual(await violations(page), []);
    await row(page, 'push_loopback').scrollIntoViewIfNeeded();
    await shot(page, `check-green-${size}-${lang}`);
    await reportIsSafe(page, [await site.token(user), '127.0.0.1:' + endpoints.server.address().port + '/']);
  }, { size, scheme, locale: lang });

  visit(`each fault has its words and its way out, in ${lang}`, async ({ visitor }) => {
    const hear = await equip(visitor, endpoints, { permission: 'granted' });
    const page = await check(visitor, lang);
    await hear(page);
    for (const { id, code, guide, status = 'fail', spoil, mend } of FAULTS) {
      await spoil(page);
      await page.evaluate((name) => document.querySelector('ec-diagnostics').diagnostics.runOne(name), id);
      await mend?.(page);
      assert.equal(await row(page, id).getAttribute('data-code'), code, `${id}: ${code}`);
      assert.equal(await row(page, id).getAttribute('data-status'), status, `${id}: ${code}`);
      assert.equal(await row(page, id).locator('.text').textContent(), words.codes[code]);
      assert.equal(await row(page, id).locator('details li').count(), guide ? steps[guide].length : 0, `${code} is mended by ${guide}`);
    }
    await page.locator('details').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    assert.deepEqual(await violations(page), []);
    await shot(page, `check-faults-${size}-${lang}`, { fullPage: true });
  }, { size, scheme, locale: lang });
}

/** What is copied for support. */
async function reportIsSafe(page, secrets) {
  await page.evaluate(() => { navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }; });
  await page.locator('ec-diagnostics header button').last().click();
  const report = await until(() => page.evaluate(() => globalThis.copied), 'copied');
  for (const secret of secrets) assert.ok(!report.includes(secret), secret);
  const { schema, overall, checks, environment } = JSON.parse(report);
  assert.deepEqual([schema, overall, environment.browser], ['ec.diagnostics/1', 'ok', 'chrome']);
  assert.ok(checks.length > 20);
}

visit('passive checks neither prompt, nor record, nor show', async ({ visitor }) => {
  await visitor.context.addInitScript(() => {
    if (!globalThis.MediaDevices) return; // The empty page before.
    globalThis.asked = [];
    const watch = (owner, name) => {
      owner[name] = async () => { globalThis.asked.push(name); throw new DOMException('no', 'NotAllowedError'); };
    };
    watch(Notification, 'requestPermission');
    watch(MediaDevices.prototype, 'getUserMedia');
    watch(PushManager.prototype, 'subscribe');
    watch(ServiceWorkerRegistration.prototype, 'showNotification');
    watch(ServiceWorkerContainer.prototype, 'register');
  });
  const page = await check(visitor);
  await page.getByRole('button', { name: EN.run_all }).click();
  await until(async () => (await page.locator('[data-status=running]').count()) === 0, 'again');

  assert.deepEqual(await page.evaluate(() => globalThis.asked), []);
});

visit('inside another app, the way out is another browser', async ({ visitor }) => {
  const page = await check(visitor, 'ru');
  assert.equal(await row(page, 'browser').getAttribute('data-code'), 'webview');
  assert.equal(await row(page, 'browser').locator('details li').count(), STEPS_RU['open-browser'].length);
}, { userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 7; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/156.0.0.0 Mobile Safari/537.36 Telegram-Android/11' });

visit('on an iPhone, the way is the Home Screen', async ({ visitor }) => {
  const page = await check(visitor);
  assert.equal(await row(page, 'browser').getAttribute('data-code'), 'ios_not_installed');
  assert.match(await row(page, 'browser').locator('details').textContent(), /Add to Home Screen/);
}, { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1' });

visit('a person who is signed out is told so once, and not that the network is broken', async ({ visitor }) => {
  await visitor.context.clearCookies();
  const page = await check(visitor);
  assert.deepEqual(await codes(page, ['http_api', 'websocket', 'replay']), ['not_signed_in', 'ws_refused', '']);
});

const codes = (page, ids) => Promise.all(ids.map((id) => row(page, id).getAttribute('data-code')));

visit('a panel shows what is wrong, a badge that something is', async ({ visitor }) => {
  const page = await visitor.tab('/t/en');
  await page.evaluate(async () => {
    Object.defineProperty(Notification, 'permission', { configurable: true, get: () => 'denied' });
    await import('/ec/diag/panel.js');
    for (const mode of ['panel', 'badge']) {
      const element = document.createElement('ec-diagnostics');
      element.setAttribute('mode', mode);
      document.querySelector('main').append(element);
    }
  });
  const panel = page.locator('ec-diagnostics[mode=panel]');
  await panel.getByText(EN.codes.permission_denied).waitFor();
  assert.equal(await panel.locator('[data-check=clock]').isVisible(), false);
  const badge = page.locator('ec-diagnostics[mode=badge]').getByRole('link');
  await until(async () => (await badge.textContent()) === '1 problem', 'counted');
  assert.equal(new URL(await badge.evaluate((link) => link.href)).pathname, '/check');
  assert.deepEqual(await violations(page), []);
  await shot(page, 'check-panel');
});

visit('every fault and every guide has its words in both languages', async () => {
  assert.deepEqual(Object.keys(RU.codes).sort(), Object.keys(EN.codes).sort());
  for (const steps of [STEPS_EN, STEPS_RU]) assert.deepEqual(Object.keys(steps).sort(), [...GUIDE_IDS].sort());
});
