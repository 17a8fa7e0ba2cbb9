// A server that goes away and comes back.

import { until } from './support/browser.js';
import { Engine } from './support/engine.js';
import { Site } from './support/site.js';
import { prepare } from './support/suite.js';

let engine = null;
const { visit } = prepare(async () => {
  engine = await Engine.start();
  const site = await Site.real(engine);
  const close = site.close.bind(site);
  site.close = async () => {
    close();
    await engine.close();
  };
  return site;
});

visit('a server that is restarted is found again, and nothing is lost or told twice', async ({ visitor, emit }) => {
  const page = await visitor.tab();
  const status = () => page.getAttribute('ec-notification-center', 'data-status');
  const titles = () => page.evaluate(() => heard.filter(({ name }) => name === 'ec-event').map(({ detail }) => detail.event.title).join());
  await emit({ type: 'task.created', title: 'Before' });
  await until(async () => (await titles()) === 'Before', 'before');

  await engine.restart();
  await emit({ type: 'task.created', title: 'After' });

  await until(async () => (await status()) === 'live', 'live again', 30_000);
  await until(async () => (await titles()) === 'Before,After', 'each once');
});
