// The service worker of the whole site: shows pushes, and brings people where they lead. A site with a worker of its own
// needs one line in it: importScripts('https://events.example.org/sw.js').

const SERVER = self.EVENTCENTER_SERVER ?? self.location.origin;
const ASK_MS = 400; // A page that is looked at and has not answered by then has not shown it.
const CLICK_MS = 700; // A page that does not know us says nothing, and is led away instead.
const TEST = 'diagnostics.loopback'; // Whether the system shows it is what is tested.
const OPTIONS_MAX = 2; // Chromium shows no more buttons.

self.addEventListener('push', (event) => event.waitUntil(receive(read(event.data))));
self.addEventListener('notificationclick', (event) => event.waitUntil(click(event.notification, event.action)));
self.addEventListener('pushsubscriptionchange', (event) => event.waitUntil(subscribeAnew(event)));
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

/** A declarative push message with what we add: see PUSH.md. Whatever cannot be read is still worth a look. */
function read(data) {
  try {
    const message = data.json();
    if (message?.notification?.title) return message;
  } catch {
    // It is no JSON.
  }
  return { notification: { title: 'EventCenter', body: '', navigate: '/' } };
}

/** Browsers count a push that shows nothing against the site; only where a page has shown it, Chromium does not. */
async function receive(message) {
  const { notification, event = {}, ack } = message;
  const isShown = event.type !== TEST && isChromium() && (await isShownByPage(message));
  if (!isShown) {
    await self.registration.showNotification(notification.title, {
      body: notification.body,
      tag: notification.tag,
      renotify: Boolean(notification.tag),
      requireInteraction: event.type === 'action.required' || event.level === 'critical',
      actions: optionsOf(event).map(({ value, label }) => ({ action: value, title: label })),
      data: { id: event.id, navigate: notification.navigate, action: event.data?.action_id, ack, event: asEvent(message) },
    });
  }
  await Promise.allSettled([say(ack, 'displayed'), badge(notification.app_badge)]);
}

function isChromium() {
  return navigator.userAgentData?.brands.some(({ brand }) => brand === 'Chromium') ?? false;
}

/** What the page's own stream would have brought. */
function asEvent({ notification, event = {} }) {
  const { cta_label, ...rest } = event;
  const cta = cta_label ? { label: cta_label, url: notification.navigate } : undefined;
  return { created_at: new Date().toISOString(), ...rest, title: notification.title, body: notification.body, cta };
}

async function isShownByPage(message) {
  if (!message.event?.id) return false;
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const visible = pages.filter((page) => page.visibilityState === 'visible');
  const answers = await Promise.all(visible.map((page) => ask(page, { ec: 'pushed', event: asEvent(message) }, ASK_MS)));
  return answers.some((answer) => answer?.isShown === true);
}

/** Asks a page; null when it does not answer in time. */
function ask(page, question, ms) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    setTimeout(resolve, ms, null);
    page.postMessage(question, [port2]);
  });
}

/** A service's word, which may be anything at all: a text or a number counts, an object does not. */
const wordOf = (value) => (['string', 'number'].includes(typeof value) ? String(value) : undefined);

/** The options of a decision that fits two buttons. */
function optionsOf({ type, data }) {
  if (type !== 'action.required' || !wordOf(data?.action_id) || !Array.isArray(data.options)) return [];
  const options = data.options
    .map((option) => (typeof option === 'object' && option !== null ? option : { value: option }))
    .map(({ value, label }) => ({ value: wordOf(value), label: wordOf(label) ?? wordOf(value) }))
    .filter(({ value }) => value !== undefined);
  return options.length <= OPTIONS_MAX ? options : [];
}

async function click(shown, option) {
  shown.close();
  const { navigate = '/', action, ack, event } = shown.data ?? {};
  const said = say(ack, 'clicked');
  if (option && (await answer(action, option))) return said;
  const url = option ? `/actions/${encodeURIComponent(action)}` : navigate;
  await Promise.allSettled([said, open(url, event)]);
}

/** @returns {Promise<boolean>} whether the answer was taken, or another was before; a page asks the rest */
async function answer(action, option) {
  try {
    const response = await post(`/api/actions/${encodeURIComponent(action)}/answer`, { option });
    return response.ok || response.status === 409;
  } catch {
    return false;
  }
}

/** The page that is there already, else a new one. Only the web, whatever a payload says. */
async function open(target, event) {
  const url = safe(target);
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = url.origin === self.location.origin && best(pages, url);
  if (!page) return self.clients.openWindow(url.href);
  await page.focus().catch(() => {}); // Browsers refuse it when the click is too long ago.
  if (page.url === url.href) return page;
  const answer = await ask(page, { ec: 'clicked', url: url.href, event }, CLICK_MS);
  return answer?.isTaken ? page : page.navigate(url.href).catch(() => self.clients.openWindow(url.href));
}

function safe(target) {
  const fallback = new URL('/', self.location.origin);
  try {
    const url = new URL(target, self.location.origin);
    const isWeb = url.protocol === 'https:' || url.origin === self.location.origin;
    return isWeb && !url.username && !url.password ? url : fallback;
  } catch {
    return fallback;
  }
}

function best(pages, { href, pathname }) {
  const rank = (page) =>
    4 * Number(page.url === href) + 2 * Number(new URL(page.url).pathname === pathname) + Number(page.visibilityState === 'visible');
  return pages.toSorted((one, other) => rank(other) - rank(one))[0];
}

/** Tells the server what became of a push; nothing depends on it. */
function say(ack, engagement) {
  return ack?.token ? post(ack.url ?? '/api/push/ack', { token: ack.token, engagement }).catch(() => {}) : undefined;
}

function badge(count) {
  if (typeof count === 'number') return count > 0 ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
  return undefined;
}

/** The browser has replaced its subscription, or lost it. Without the old one, the next page that loads subscribes. */
async function subscribeAnew({ oldSubscription, newSubscription }) {
  if (!oldSubscription) return;
  const subscription = newSubscription ?? (await self.registration.pushManager.subscribe(oldSubscription.options));
  await post('/api/push/subscribe', { ...subscription.toJSON(), replaces: oldSubscription.toJSON() });
}

function post(path, body) {
  return fetch(new URL(path, SERVER), {
    method: 'POST', credentials: 'include', keepalive: true, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
}
