// What the page, the browser and the system around it allow.

/** Less than this for the page's data, in bytes, and the browser may soon forget it. */
const QUOTA_MIN = 20 * 1024 * 1024;
/** Browsers from before these lack what the page needs: dialogs, popovers, private fields. */
const OLDEST = /** @type {Record<string, number>} */ ({ chrome: 114, edge: 114, opera: 100, samsung: 23, yandex: 23, firefox: 125, safari: 17 });
/** A charge below which phones hold background work back. */
const CHARGE_LOW = 0.2;

/** @typedef {import('../diag/diagnostics.js').Context} Context */
/** @typedef {import('../diag/diagnostics.js').Finding} Finding */

/** @type {import('../diag/diagnostics.js').Check[]} */
export const SYSTEM = [
  { id: 'secure_context', group: 'system', kind: 'passive', run: secureContext },
  { id: 'browser', group: 'system', kind: 'passive', run: browser },
  { id: 'iframe_policy', group: 'system', kind: 'passive', run: iframePolicy },
  { id: 'storage', group: 'system', kind: 'passive', run: storage },
  { id: 'tabs', group: 'system', kind: 'passive', run: tabs },
  { id: 'battery_os', group: 'system', kind: 'passive', run: battery },
  { id: 'badge', group: 'system', kind: 'passive', run: badge },
];

/** @returns {Finding} */
function secureContext() {
  return isSecureContext ? { status: 'ok' } : { status: 'fail', code: 'insecure_context' };
}

/** @param {Context} context @returns {Finding} */
function browser({ environment }) {
  const { browser: name, version, os, webview, standalone } = environment;
  const evidence = { browser: name, version, os, standalone };
  if (webview) return { status: 'fail', code: 'webview', evidence };
  if (os === 'ios' && !standalone) return { status: 'needs_action', code: 'ios_not_installed', evidence };
  const oldest = OLDEST[name];
  if (oldest && Number(version) < oldest) return { status: 'warn', code: 'old_browser', evidence };
  return { status: 'ok', evidence };
}

/** @returns {Finding} */
function iframePolicy() {
  if (window.top === window.self) return { status: 'ok' };
  const policy = /** @type {any} */ (document).permissionsPolicy ?? /** @type {any} */ (document).featurePolicy;
  const evidence = { camera: policy?.allowsFeature?.('camera') ?? null, microphone: policy?.allowsFeature?.('microphone') ?? null };
  return { status: 'warn', code: 'embedded', evidence };
}

/** @returns {Promise<Finding>} */
async function storage() {
  const { quota = 0, usage = 0 } = (await navigator.storage?.estimate?.().catch(() => /** @type {StorageEstimate} */ ({}))) ?? {};
  const persisted = (await navigator.storage?.persisted?.().catch(() => false)) ?? false;
  const evidence = { quota_mb: Math.round(quota / 2 ** 20), usage_mb: Math.round(usage / 2 ** 20), persisted, cookies: navigator.cookieEnabled };
  if (!(await databaseWorks())) return { status: 'fail', code: 'storage_blocked', evidence };
  if (quota > 0 && quota - usage < QUOTA_MIN) return { status: 'warn', code: 'quota_low', evidence };
  return { status: 'ok', evidence };
}

/** Writes, reads and removes: private windows let a database be opened, and fail at the first write. */
function databaseWorks() {
  return new Promise((resolve) => {
    const fail = () => resolve(false);
    try {
      const opening = indexedDB.open('ec-check', 1);
      opening.onerror = fail;
      opening.onblocked = fail;
      opening.onupgradeneeded = () => opening.result.createObjectStore('probe');
      opening.onsuccess = () => {
        const database = opening.result;
        const work = database.transaction('probe', 'readwrite');
        work.objectStore('probe').put('written', 1);
        const reading = work.objectStore('probe').get(1);
        work.onerror = fail;
        work.onabort = fail;
        work.oncomplete = () => {
          database.close();
          indexedDB.deleteDatabase('ec-check');
          resolve(reading.result === 'written');
        };
      };
    } catch {
      fail();
    }
  });
}

/** @returns {Promise<Finding>} */
async function tabs() {
  const evidence = { locks: 'locks' in navigator, channel: 'BroadcastChannel' in window, shared_worker: 'SharedWorker' in window };
  if (!evidence.locks || !evidence.channel) return { status: 'warn', code: 'no_locks', evidence };
  const { held = [] } = await navigator.locks.query();
  return { status: 'ok', evidence: { ...evidence, leader: held.some((lock) => lock.name?.startsWith('ec:')) } };
}

/** @param {Context} context @returns {Promise<Finding>} */
async function battery({ environment }) {
  const charge = await /** @type {any} */ (navigator).getBattery?.().catch(() => null);
  const evidence = charge ? { level: charge.level, charging: charge.charging } : {};
  if (charge && !charge.charging && charge.level < CHARGE_LOW) return { status: 'warn', code: 'low_battery', evidence };
  // Whether Android or Windows holds notifications back cannot be read by a page; a hint is all there is.
  if (environment.os === 'android') return { status: 'info', code: 'android_battery', evidence };
  if (environment.os === 'windows') return { status: 'info', code: 'windows_focus', evidence };
  return { status: 'ok', evidence };
}

/** @param {Context} context @returns {Finding} */
function badge({ environment }) {
  const evidence = { supported: 'setAppBadge' in navigator, installed: environment.standalone };
  return evidence.supported && evidence.installed ? { status: 'ok', evidence } : { status: 'info', code: 'badge_needs_install', evidence };
}
