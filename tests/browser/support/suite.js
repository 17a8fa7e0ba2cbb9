// One browser and one site for a file of tests, and for each test a person whom nobody else has.

import { after, before, test } from 'node:test';
import { launch, open } from './browser.js';
import { anySite, someone } from './site.js';

const TEST_MS = 45_000; // So that it says what was awaited, even where many share the machine.

export const suite = { browser: null, site: null };

before(async () => {
  [suite.browser, suite.site] = await Promise.all([launch(), suite.start?.() ?? anySite()]);
});

after(async () => {
  await suite.browser?.close();
  await suite.site?.close();
});

/**
 * A test with a person and their browser; it fails when a page breaks a rule.
 * @param {string} name
 * @param {(given: { site: any, user: number, visitor: any, emit: (event: object) => Promise<string> }) => Promise<void>} body
 * @param {object} [options] of `open()`
 */
export function visit(name, body, options = {}) {
  test(name, { timeout: TEST_MS }, async () => {
    const { site, browser } = suite;
    const user = someone();
    const visitor = await open(browser, site, { user, ...options });
    try {
      await body({ site, user, visitor, emit: (event) => site.emit({ user_id: user, title: 'A title', ...event }) });
    } finally {
      await visitor.close();
    }
  });
}
