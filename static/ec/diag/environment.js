// What browser and system this is, as far as a page can tell. Only texts and hints depend on it, never what is allowed.

/**
 * @typedef {'chrome'|'edge'|'yandex'|'samsung'|'opera'|'brave'|'firefox'|'safari'|'other'} Browser
 * @typedef {'windows'|'android'|'ios'|'macos'|'linux'|'chromeos'|'other'} System
 * @typedef {object} Environment
 * @property {Browser} browser
 * @property {string} version major version, or '' when it is not told
 * @property {System} os
 * @property {string} osVersion e.g. '11' for Windows; '' when it is not told
 * @property {boolean} mobile
 * @property {boolean} webview a page inside another app, which has no notifications
 * @property {boolean} standalone installed, as on a home screen
 * @property {string} lang
 * @property {string} timeZone
 */

/** Told apart by these, in this order: most of them also claim to be Chrome or Safari. */
const BROWSERS = /** @type {[Browser, RegExp][]} */ ([
  ['yandex', /YaBrowser\/(\d+)/],
  ['edge', /Edg(?:A|iOS)?\/(\d+)/],
  ['samsung', /SamsungBrowser\/(\d+)/],
  ['opera', /OPR\/(\d+)/],
  ['firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['chrome', /(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/],
  ['safari', /Version\/(\d+).*Safari/],
]);

const SYSTEMS = /** @type {[System, RegExp][]} */ ([
  ['android', /Android/],
  ['ios', /iPhone|iPad|iPod/],
  ['windows', /Windows/],
  ['chromeos', /CrOS/],
  ['macos', /Macintosh/],
  ['linux', /Linux/],
]);

/** Apps that show pages in themselves. */
const WEBVIEWS = /; wv\)|Telegram|Instagram|FBAN|FBAV|VKAndroidApp|VKClient|\bLine\//;

/**
 * The environment by the user agent's text alone.
 * @param {string} agent
 * @param {{touchPoints?: number, standalone?: boolean}} [hints]
 */
export function readAgent(agent, { touchPoints = 0, standalone = false } = {}) {
  const [browser, version] = first(BROWSERS, agent);
  const [system] = first(SYSTEMS, agent);
  // iPads ask for desktop pages by calling themselves Macs, which have no touch screen.
  const os = system === 'macos' && touchPoints > 1 ? 'ios' : system;
  return {
    browser, version, os,
    mobile: /Mobi|Android/.test(agent) || os === 'ios',
    webview: WEBVIEWS.test(agent),
    standalone,
  };
}

/** @template T @param {[T, RegExp][]} kinds @param {string} agent @returns {[T | 'other', string]} */
function first(kinds, agent) {
  for (const [kind, pattern] of kinds) {
    const match = pattern.exec(agent);
    if (match) return [kind, match[1] ?? ''];
  }
  return ['other', ''];
}

/** @returns {Promise<Environment>} */
export async function environment() {
  const standalone = matchMedia('(display-mode: standalone)').matches || /** @type {any} */ (navigator).standalone === true;
  const read = readAgent(navigator.userAgent, { touchPoints: navigator.maxTouchPoints, standalone });
  const isBrave = (await /** @type {any} */ (navigator).brave?.isBrave?.()) === true;
  return {
    ...read,
    browser: /** @type {Browser} */ (isBrave ? 'brave' : read.browser),
    os: /** @type {System} */ (read.os),
    osVersion: await systemVersion(read.os),
    lang: navigator.language,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

/** Windows 11 says so only as 13 or more in its platform version. @param {string} os */
async function systemVersion(os) {
  const data = /** @type {any} */ (navigator).userAgentData;
  const { platformVersion = '' } = (await data?.getHighEntropyValues?.(['platformVersion']).catch(() => ({}))) ?? {};
  const major = Number.parseInt(platformVersion, 10);
  if (Number.isNaN(major)) return '';
  return os === 'windows' ? (major >= 13 ? '11' : '10') : String(major);
}
