// The page of one decision, for whoever comes from a push or a mail.

import assert from 'node:assert/strict';
import { shot, until, violations } from './support/browser.js';
import { prepare } from './support/suite.js';
import { samples } from './support/samples.js';

const { visit } = prepare();
const said = (page) => page.getByRole('status').textContent();

async function come(visitor, action) {
  const page = await visitor.context.newPage();
  await page.goto(`${visitor.site.url}/actions/${encodeURIComponent(action)}`);
  await page.getByRole('heading').waitFor();
  assert.deepEqual(await violations(page), []);
  return page;
}

for (const size of ['phone', 'desktop']) {
  for (const lang of ['ru', 'en']) {
    visit(`a decision is taken on its page, on a ${size}, ${lang}, and whoever comes later gets the first answer`, async ({ visitor, emit }) => {
      const event = samples(lang).choice;
      await emit(event);
      const [page, late] = [await come(visitor, 'draft-7'), await come(visitor, 'draft-7')];
      await shot(page, `action-${size}-${lang}`);
      const [first, second] = event.data.options;
      await page.getByRole('button', { name: first.label }).click();
      await page.getByRole('status').waitFor();
      await shot(page, `action-answered-${size}-${lang}`);

      await late.getByRole('button', { name: second.label }).click();
      await until(async () => (await said(late)).includes(first.label), 'the first answer stands');
      const after = await come(visitor, 'draft-7');
      assert.match(await said(after), new RegExp(first.label));
      assert.equal(await after.getByRole('button').count(), 0);
    }, { size, locale: lang, scheme: lang === 'ru' ? 'dark' : 'light' });
  }
}

visit('a question without options takes own words', async ({ visitor, emit, site }) => {
  await emit({ type: 'action.required', title: 'What about?', data: { action_id: 'what about/1?' } });
  const page = await come(visitor, 'what about/1?');
  await page.getByRole('textbox', { name: 'Your answer' }).fill('Tea & coffee');
  await page.getByRole('button', { name: 'Send' }).click();

  await page.getByText('Thank you').waitFor();
  assert.deepEqual(site.front.posts.filter(({ path }) => path.includes('what%20about')).map(({ text }) => JSON.parse(text)), [{ text: 'Tea & coffee' }]);
});

visit('whoever is signed out is told so', async ({ visitor, emit }) => {
  await emit(samples('en').choice);
  await visitor.context.clearCookies();
  const page = await come(visitor, 'draft-7');

  assert.match(await page.getByRole('heading').textContent(), /Sign in to answer/);
  await shot(page, 'action-signed-out');
});

visit('what is too late, and what nobody asked, says so', async ({ visitor, emit }) => {
  const soon = new Date(Date.now() + 1500).toISOString();
  await emit({ type: 'action.required', title: 'Hurry', expires_at: soon, data: { action_id: 'late', options: ['A', 'B'] } });
  await until(() => Date.now() > Date.parse(soon) + 100, 'over');
  assert.match(await said(await come(visitor, 'late')), /time for an answer is over/);
  assert.match(await (await come(visitor, 'never')).getByRole('heading').textContent(), /no such question/);
});

visit('a hostile question is text', async ({ visitor, emit }) => {
  const evil = '<img src=x onerror=alert(1)>\u202Egnp.exe';
  await emit({ type: 'action.required', title: evil, body: evil, data: { action_id: evil, options: [evil, { value: 'x', label: `${evil} 2` }] } });
  const page = await come(visitor, evil);

  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.getByRole('button').count(), 2);
});
