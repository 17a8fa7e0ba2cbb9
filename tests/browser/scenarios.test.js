// Every scenario of the services, played by its button in the demo, on a phone and on a desk, in both languages.

import assert from 'node:assert/strict';
import { SCENARIOS } from '../../src/dev/pages/scenarios.js';
import { shot, until, violations } from './support/browser.js';
import { demo, play } from './support/demo.js';
import { prepare } from './support/suite.js';

const { visit } = prepare();
const ALERT = 'system.alert';
const ACTION = 'action.required';
const PACE_MS = 450; // Faster than five toasts in two seconds is a burst, which folds.
const toast = (page, title) => page.locator('ec-toaster li:not(.leaving)').filter({ hasText: title });
const dialog = (page) => page.locator('ec-notification-center dialog');
const unread = (page) => page.evaluate(() => document.querySelector('ec-notification-center').client.counts.unread);

for (const size of ['phone', 'desktop']) {
  for (const lang of ['ru', 'en']) {
    visit(`every scenario is played on a ${size}, ${lang}`, (given) => playAll(given, { size, lang }), { size, locale: lang });
  }
}

async function playAll({ site, user, visitor }, { size, lang }) {
  const page = await demo(visitor, site, user);
  const say = (pair) => pair[lang === 'ru' ? 1 : 0];
  for (const scenario of SCENARIOS) {
    const free = Date.now() + PACE_MS;
    await play(page, scenario.id);
    await REACTIONS[scenario.type](page, say, scenario);
    const row = page.locator('main ec-inbox li').filter({ hasText: say(scenario.title) });
    await row.first().waitFor();
    assert.match(await row.first().textContent(), new RegExp(scenario.service), `${scenario.id} says whose it is`);
    assert.equal(await page.locator('#problem').isVisible(), false);
    await until(() => Date.now() > free, 'no burst');
  }
  assert.ok((await unread(page)) > 0);
  assert.deepEqual(await violations(page), []);
  await page.evaluate(() => scrollTo(0, 0));
  await shot(page, `demo-${size}-${lang}`);
}

/** What a person sees of each type. */
const REACTIONS = {
  'job.done': passing,
  'reminder.due': async (page, say, scenario) => {
    await toast(page, say(scenario.title)).locator('.snooze').waitFor();
    await passing(page, say, scenario);
  },
  'message.new': passing,
  'task.created': passing,
  [ACTION]: async (page, say, { title, data }) => {
    await dialog(page).getByRole('heading', { name: say(title) }).waitFor();
    const [, option] = data('x', say).options;
    await dialog(page).getByRole('button', { name: option.label, exact: true }).click();
    await until(async () => !(await dialog(page).isVisible()), 'answered');
  },
  [ALERT]: async (page, say, { title }) => {
    const alert = page.locator('ec-banner li').filter({ hasText: say(title) });
    await alert.waitFor();
    assert.equal(await alert.getAttribute('data-level'), 'critical');
    await alert.getByRole('button').last().click();
    await until(async () => (await alert.count()) === 0, 'put away');
  },
};

/** A toast with a way to what it is about, put away. */
async function passing(page, say, { title, cta }) {
  const shown = toast(page, say(title));
  await shown.waitFor();
  if (cta) await shown.getByRole('link', { name: say(cta) }).waitFor();
  await shown.locator('.close').click();
  await until(async () => (await shown.count()) === 0, 'put away');
}

visit('a job is one bar that moves and ends as done', async ({ site, user, visitor }) => {
  const page = await demo(visitor, site, user);
  await play(page, 'video-progress');
  const bar = page.locator('ec-toaster').getByRole('progressbar');
  await until(async () => Number(await bar.getAttribute('aria-valuenow')) >= 25, 'moves');
  assert.equal(await bar.count(), 1);
  await shot(page, 'demo-progress');

  await toast(page, 'Your video is ready').getByRole('link', { name: 'Watch' }).waitFor();
  assert.equal(await bar.count(), 0);
});

visit('what is decided in one window is settled in the other, and the deliveries say how far it came', async ({ site, user, visitor }) => {
  const [first, second] = [await demo(visitor, site, user), await demo(visitor, site, user)];
  await play(first, 'note-draft');
  await Promise.all([first, second].map((page) => dialog(page).getByRole('heading').waitFor()));
  await dialog(second).getByRole('button', { name: 'Draft B' }).click();

  await until(async () => !(await dialog(first).isVisible()), 'settled there, too');
  await first.locator('.delivery[data-channel=ws][data-state=delivered]').waitFor();
  await first.locator('.delivery[data-channel=push][data-state=skipped]').getByText('no_subscription').first().waitFor();
});
