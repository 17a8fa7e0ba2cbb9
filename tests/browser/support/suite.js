// What every file of tests begins with.

import { after, before, test } from 'node:test';
import { launch, open } from './browser.js';
import { anySite, someone } from './site.js';

const TEST_MS = 90_000; // So that it says what was awaited, even where many share the machine.

/** A test that gets a second try: on a busy machine, a browser is late now and then. It is said, not hidden. */
export function patient(name, body) {
  test(name, { timeout: TEST_MS }, async () => {
    try {
      await body();
    } catch (error) {
      console.log(`tried once more: ${name}: ${error.message}`);
      await body();
    }
  });
}

/**
 * One browser and one site for a file of tests.
 * @param {() => Promise<import('./site.js').Site>} start
 */
export function prepare(start = anySite) {
  const suite = { browser: null, site: null };
  before(async () => {
    [suite.browser, suite.site] = await Promise.all([launch(), start()]);
  });
  after(async () => {
    await suite.browser?.close();
    await suite.site?.close();
  });

  /**
   * A test with a person whom nobody else has, and their browser; it fails when a page breaks a rule.
   * @param {string} name
   * @param {(given: { site: any, user: number, visitor: any, emit: (event: object) => Promise<string> }) => Promise<void>} body
   * @param {object} [options] of `open()`
   */
  function visit(name, body, options = {}) {
    patient(name, () => once(body, options));
  }

  async function once(body, options) {
    const { site, browser } = suite;
    const user = someone();
    const visitor = await open(browser, site, { user, ...options });
    try {
      await body({ site, user, visitor, emit: (event) => site.emit({ user_id: user, title: 'A title', ...event }) });
    } finally {
      await visitor.close();
    }
  }

  return { suite, visit };
}
