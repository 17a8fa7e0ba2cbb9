// Chromium as Debian ships it, and pages in it that fail the test when they break a rule.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const SHOTS = new URL('../../../target/screenshots/', import.meta.url);
const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
export const ARGS = ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const WAIT_MS = 10_000;
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

export const launch = () => chromium.launch({ executablePath: EXECUTABLE, chromiumSandbox: false, args: ARGS });

/**
 * A person's browser: one context, in which tabs share storage and cookies.
 * @param {import('playwright-core').Browser} browser
 */
export async function open(browser, site, { user, size = 'desktop', scheme = 'light', ...options }) {
  const context = await browser.newContext({
    viewport: SIZES[size], hasTouch: size === 'phone', isMobile: size === 'phone', colorScheme: scheme, reducedMotion: 'reduce', ...options,
  });
  return watched(context, site, user);
}

/**
 * A person's browser with a profile on disk: those without one have no push.
 * @param {{ user: number, switches: string[] }} options `switches` of Chromium's command line
 */
export async function openProfile(site, { user, switches }) {
  const directory = await mkdtemp(join(tmpdir(), 'eventcenter-chromium-'));
  const context = await chromium.launchPersistentContext(directory, { executablePath: EXECUTABLE, chromiumSandbox: false, args: [...ARGS, ...switches] });
  context.on('close', () => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  return watched(context, site, user);
}

async function watched(context, site, user) {
  context.setDefaultTimeout(WAIT_MS);
  const { hostname } = new URL(site.url);
  if (user) await context.addCookies([{ name: 'ec_token', value: await site.token(user), domain: hostname, path: '/' }]);
  const visitor = new Visitor(context, site);
  context.on('request', (request) => visitor.see(request.url()));
  context.on('page', (page) => visitor.watch(page));
  return visitor;
}

class Visitor {
  errors = [];

  constructor(context, site) {
    this.context = context;
    this.site = site;
  }

  see(url) {
    if (!url.startsWith(this.site.url) && !url.startsWith('data:') && !url.startsWith('blob:')) this.errors.push(`left the origin: ${url}`);
  }

  watch(page) {
    page.on('pageerror', (error) => this.errors.push(`error: ${error.message}`));
    page.on('websocket', (socket) => this.see(socket.url().replace(/^ws/, 'http')));
    page.on('console', (message) => /Content Security Policy|Trusted/i.test(message.text()) && this.errors.push(message.text()));
  }

  /** Opens a tab at a page of the host, and waits until it is live. */
  async tab(path = '/t/en', { isLive = true } = {}) {
    const page = await this.context.newPage();
    await page.goto(this.site.url + path);
    if (isLive) await until(async () => (await page.getAttribute('ec-notification-center', 'data-status')) === 'live', 'live');
    return page;
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.errors, []);
  }
}

/** Waits for a condition, with a deadline. */
export async function until(condition, what, ms = WAIT_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not in ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** Whom axe has something to say about. */
export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${JSON.stringify(target)} ${failureSummary}`).join('; ')}`);
}

export async function shot(page, name, options = {}) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: new URL(`${name}.png`, SHOTS).pathname, ...options });
}

export const heard = (page, name) => page.evaluate((wanted) => globalThis.heard.filter((one) => one.name === wanted).map(({ detail }) => detail), name);

/** Counts the CPU time that a page's main thread spends, in milliseconds: other programs of the machine do not count. */
export async function meter(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const read = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration').value * 1000;
  };
  let last = await read();
  return async () => {
    const now = await read();
    const spent = now - last;
    last = now;
    return spent;
  };
}
