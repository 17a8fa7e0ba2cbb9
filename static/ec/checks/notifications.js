// May this site notify, can it be pushed to, and does the server know this browser?

/** @typedef {import('../diag/diagnostics.js').Context} Context */
/** @typedef {import('../diag/diagnostics.js').Finding} Finding */

/** How long a service worker may take to get ready, in ms. */
const READY_MS = 4000;
/** Where the last seen permission is kept, to notice when the browser took it back by itself. */
const LAST = 'ec-permission';

/** @type {import('../diag/diagnostics.js').Check[]} */
export const NOTIFICATIONS = [
  { id: 'service_worker', group: 'notifications', kind: 'passive', run: serviceWorker },
  { id: 'notif_permission', group: 'notifications', kind: 'passive', run: permission },
  { id: 'push_support', group: 'notifications', kind: 'passive', run: pushSupport },
  { id: 'push_subscription', group: 'notifications', kind: 'passive', timeout: 8000, run: subscription },
  { id: 'notif_display', group: 'notifications', kind: 'active', timeout: 40_000, run: display },
];

/** The worker of this page, if it gets ready in time. */
export async function registration() {
  if (!(await navigator.serviceWorker?.getRegistration())) return null;
  const late = new Promise((resolve) => { setTimeout(resolve, READY_MS, null); });
  return /** @type {ServiceWorkerRegistration | null} */ (await Promise.race([navigator.serviceWorker.ready, late]));
}

/** @param {Context} context @returns {Promise<Finding>} */
async function serviceWorker({ signal }) {
  if (!('serviceWorker' in navigator)) return { status: 'fail', code: 'sw_unsupported' };
  const script = await fetch('/sw.js', { cache: 'no-store', signal }).catch(() => null);
  const type = script?.headers.get('content-type') ?? '';
  if (!script?.ok || !type.includes('javascript')) {
    return { status: 'fail', code: 'sw_missing', evidence: { status: script?.status ?? null, type } };
  }
  const known = await navigator.serviceWorker.getRegistration('/');
  if (!known) return { status: 'info', code: 'sw_not_registered' };
  const ready = await registration();
  const evidence = { scope: new URL(known.scope).pathname, state: (known.active ?? known.installing ?? known.waiting)?.state ?? null };
  if (!ready?.active) return { status: 'fail', code: 'sw_not_active', evidence };
  if (evidence.scope !== '/') return { status: 'warn', code: 'sw_wrong_scope', evidence };
  return { status: 'ok', evidence };
}

/** @returns {Promise<Finding>} */
async function permission() {
  if (!('Notification' in window)) return { status: 'fail', code: 'notifications_unsupported' };
  const now = Notification.permission;
  const query = (await navigator.permissions?.query({ name: 'notifications' }).catch(() => null))?.state ?? null;
  const before = remembered(now);
  const evidence = { permission: now, query, before };
  if (now === 'granted') return { status: 'ok', evidence };
  if (now === 'denied') return { status: 'fail', code: 'permission_denied', evidence };
  // Browsers take the permission back from sites that people seem to ignore, and leave it undecided.
  if (before === 'granted') return { status: 'fail', code: 'permission_revoked', evidence };
  return { status: 'needs_action', code: 'permission_default', evidence };
}

/** What it was at the last look. @param {string} now */
function remembered(now) {
  try {
    const before = localStorage.getItem(LAST);
    // A revoked one stays remembered as granted, so that the advice is still there at the next look.
    if (now === 'granted' || before !== 'granted') localStorage.setItem(LAST, now);
    return before;
  } catch {
    return null;
  }
}

/** @param {Context} context @returns {Finding} */
function pushSupport({ environment }) {
  if ('PushManager' in window) return { status: 'ok' };
  const isPhone = environment.os === 'ios' && !environment.standalone;
  return { status: 'fail', code: isPhone ? 'ios_not_installed' : 'push_unsupported' };
}

/** @param {Context} context @returns {Promise<Finding>} */
async function subscription({ api }) {
  if (!('PushManager' in window)) return { status: 'skipped' };
  const known = await (await registration())?.pushManager.getSubscription();
  // Without the permission there is that one thing to do, and not two.
  if (!known) return { status: Notification.permission === 'granted' ? 'needs_action' : 'info', code: 'not_subscribed' };
  const answer = await api('api/push/key');
  if (!answer.ok) return { status: 'skipped' };
  const { key } = await answer.json();
  const evidence = { service: new URL(known.endpoint).host, endpoint: (await sha256(known.endpoint)).slice(0, 8) };
  if (base64url(known.options.applicationServerKey) !== key) return { status: 'fail', code: 'key_changed', evidence };
  const mine = await knownDevice(api, known.endpoint);
  if (mine === null) return { status: 'skipped', evidence };
  if (!mine) return { status: 'fail', code: 'server_forgot', evidence };
  if (mine.needs_resubscribe) return { status: 'fail', code: 'key_changed', evidence };
  return { status: 'ok', evidence: { ...evidence, last_success_at: mine.last_success_at ?? null } };
}

/** This browser among those that the server knows of the person; null when it does not say. @param {Context['api']} api @param {string} endpoint */
async function knownDevice(api, endpoint) {
  const answer = await api('api/push/devices');
  if (!answer.ok) return null;
  const { devices } = await answer.json();
  const hash = await sha256(endpoint);
  return devices.find((/** @type {{endpoint_sha256: string}} */ device) => device.endpoint_sha256 === hash);
}

/** @param {string} text @returns {Promise<string>} hexadecimal */
async function sha256(text) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {ArrayBuffer | null} bytes */
function base64url(bytes) {
  if (!bytes) return '';
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Shows one from the page itself, and asks: only a person knows whether the system let it through. @param {Context} context @returns {Promise<Finding>} */
async function display({ ask, environment }) {
  if (Notification.permission !== 'granted') return { status: 'needs_action', code: 'permission_default' };
  const ready = await registration();
  if (!ready) return { status: 'fail', code: 'sw_not_active' };
  const isRussian = environment.lang.startsWith('ru');
  const [title, body] = isRussian ? ['Проверка', 'Видите это уведомление?'] : ['A check', 'Do you see this notification?'];
  await ready.showNotification(title, { body, tag: 'ec-check', requireInteraction: true });
  const shown = (await ready.getNotifications({ tag: 'ec-check' })).length > 0;
  const seen = await ask('seen');
  for (const notification of await ready.getNotifications({ tag: 'ec-check' })) notification.close();
  return verdict({ shown, seen });
}

/** @param {{shown: boolean, seen: 'yes' | 'no' | 'timeout'}} evidence @returns {Finding} */
export function verdict(evidence) {
  if (evidence.seen === 'yes') return { status: 'ok', evidence };
  if (!evidence.shown) return { status: 'fail', code: 'not_shown', evidence };
  return evidence.seen === 'no' ? { status: 'fail', code: 'os_blocked', evidence } : { status: 'needs_action', code: 'no_answer', evidence };
}
