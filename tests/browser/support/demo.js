// The demo of `eventcenter dev`, which the engine serves itself.

import { until } from './browser.js';

/** Opens the demo as a person, and waits until it is live. */
export async function demo(visitor, site, user) {
  const page = await visitor.context.newPage();
  await page.goto(`${site.url}/?user=${user}`);
  await until(async () => (await page.getAttribute('ec-notification-center', 'data-status')) === 'live', 'live');
  return page;
}

export const play = (page, id) => page.locator(`[data-scenario=${id}]`).click();
