// Which instructions fit a fault here. Their texts, by language, are in texts/.

/** @typedef {import('./environment.js').Environment} Environment */
/**
 * @typedef {object} Guide
 * @property {string} id
 * @property {string | null} verified the day on which the labels were compared with the product; null: never, from its vendor's words
 * @property {string} [copy] an address that a page may not open, for the person to paste
 */

/** Chromium's labels come from the language files of version 156, Firefox's from those of 153. */
const CHECKED = '2026-11-23';

/** @type {Record<string, Omit<Guide, 'id'>>} */
const GUIDES = {
  'site-chrome': { verified: CHECKED, copy: 'chrome://settings/content/notifications' },
  'site-chrome-android': { verified: null },
  'site-edge': { verified: null, copy: 'edge://settings/content/notifications' },
  'site-yandex': { verified: null, copy: 'browser://settings/content/notifications' },
  'site-firefox': { verified: CHECKED, copy: 'about:preferences#privacy' },
  'site-safari': { verified: null },
  'site-ios': { verified: null },
  'site-other': { verified: null },
  'system-windows-11': { verified: null },
  'system-windows-10': { verified: null },
  'system-android': { verified: null },
  'system-macos': { verified: null },
  'system-other': { verified: null },
  'awake-chrome': { verified: CHECKED, copy: 'chrome://settings/performance' },
  'awake-android': { verified: null },
  'push-brave': { verified: null, copy: 'brave://settings/privacy' },
  'push-blocked': { verified: null },
  'install-ios': { verified: null },
  'open-browser': { verified: null },
  'device-site': { verified: CHECKED },
  'device-windows': { verified: null },
  'device-macos': { verified: null },
  'device-android': { verified: null },
  'sound-site': { verified: CHECKED },
  'storage-site': { verified: null },
  'clock-system': { verified: null },
  'network-proxy': { verified: null },
};

/** What a fault is about; the guide follows from that and from where it happened. @type {Record<string, (where: Environment) => string>} */
const TOPICS = {
  site: ({ browser, os }) => {
    if (os === 'ios') return 'site-ios';
    if (os === 'android' && browser !== 'firefox') return 'site-chrome-android';
    const known = { chrome: 'site-chrome', brave: 'site-chrome', edge: 'site-edge', yandex: 'site-yandex', firefox: 'site-firefox', safari: 'site-safari' };
    return known[/** @type {keyof typeof known} */ (browser)] ?? 'site-other';
  },
  system: ({ os, osVersion }) => {
    if (os === 'windows') return osVersion === '10' ? 'system-windows-10' : 'system-windows-11';
    if (os === 'android') return 'system-android';
    return os === 'macos' ? 'system-macos' : 'system-other';
  },
  awake: ({ os }) => (os === 'android' ? 'awake-android' : 'awake-chrome'),
  push: ({ browser }) => (browser === 'brave' ? 'push-brave' : 'push-blocked'),
  device: ({ os }) => ({ windows: 'device-windows', macos: 'device-macos', android: 'device-android' }[/** @type {string} */ (os)] ?? 'device-site'),
};

/** @type {Record<string, string>} */
const TOPIC_OF = {
  permission_denied: 'site', permission_revoked: 'site', not_shown: 'site',
  os_blocked: 'system', windows_focus: 'system',
  push_not_delivered: 'awake', push_slow: 'awake', android_battery: 'awake', low_battery: 'awake',
  push_not_accepted: 'push', push_service_unreachable: 'push',
  ios_not_installed: 'install-ios', badge_needs_install: 'install-ios',
  webview: 'open-browser', old_browser: 'open-browser',
  camera_denied: 'device-site', microphone_denied: 'device-site',
  camera_os_denied: 'device', microphone_os_denied: 'device', camera_black: 'device', microphone_silent: 'device',
  output_silent: 'sound-site', autoplay_blocked: 'sound-site',
  storage_blocked: 'storage-site', quota_low: 'storage-site',
  clock_wrong: 'clock-system',
  ws_blocked: 'network-proxy', captive_portal: 'network-proxy',
};

/** @param {string} code @param {Environment} where @returns {Guide | undefined} */
export function guideFor(code, where) {
  const topic = TOPIC_OF[code];
  if (!topic) return undefined;
  if (code === 'badge_needs_install' && where.os !== 'ios') return undefined;
  const id = TOPICS[topic]?.(where) ?? topic;
  return { id, ...GUIDES[id] };
}

/** Every guide there is: each has its steps in each language. */
export const GUIDE_IDS = Object.keys(GUIDES);
