// Elements, addresses and announcements. Whatever an event says becomes a text node; nothing here parses HTML.

const SVG = 'http://www.w3.org/2000/svg';
const ANNOUNCED_MS = 7000; // A screen reader has read it by then; the region is emptied so that nobody finds it later.

/**
 * Makes an element. Functions listen to their `on…`, true stands for an attribute without a text, and what is false or null is
 * left out. @param {string} tag @param {Record<string, any>} [attributes] @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Somebody else's words: in their own direction, whatever the page's. */
export const said = (text) => h('bdi', { dir: 'auto' }, String(text ?? ''));

/** A picture of 24 × 24, drawn by strokes along one path. */
export function icon(d) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', d);
  svg.append(path);
  return svg;
}

const DISC = 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z';
export const ICONS = {
  bell: 'M6 10a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4S6 15 6 10ZM10 20a2.2 2.2 0 0 0 4 0',
  info: `${DISC}M12 11v6M12 7.2v.1`,
  ok: `${DISC}M8 12.3l2.8 2.7L16 9.5`,
  warning: 'M12 4 2.8 20h18.4L12 4ZM12 10v4.5M12 17.4v.1',
  error: `${DISC}M12 7.5v5.5M12 16.4v.1`,
  clock: `${DISC}M12 7.5V12l3 2`,
  chat: 'M4 5h16v11H9l-5 4V5Z',
  ask: `${DISC}M9.4 9.6a2.7 2.7 0 1 1 3.8 2.6c-.8.4-1.2.9-1.2 1.8M12 17v.1`,
  work: 'M12 3v4M12 17v4M3 12h4M17 12h4M5.6 5.6l2.9 2.9M15.5 15.5l2.9 2.9',
  task: 'M5 4h14v16H5zM8.5 12l2.4 2.4 4.6-4.8',
  close: 'M6 6l12 12M18 6L6 18',
};

/**
 * Where a link of an event may lead: https, or http from a page that is http itself; a path is this origin's. `host` is set when
 * it leads to another origin, which `hosts` may narrow down.
 * @param {unknown} text @param {string[]} [hosts] @returns {{ href: string, host: string | null } | null}
 */
export function safeUrl(text, hosts = []) {
  if (typeof text !== 'string' || text === '' || /[\u0000-\u001f\u007f]/.test(text)) return null;
  let url;
  try {
    url = new URL(text, location.origin);
  } catch {
    return null;
  }
  const isOurs = url.origin === location.origin;
  const isWeb = url.protocol === 'https:' || (url.protocol === 'http:' && location.protocol === 'http:');
  if (!isWeb || url.username || url.password) return null;
  if (!isOurs && hosts.length > 0 && !hosts.includes(url.hostname)) return null;
  return { href: url.href, host: isOurs ? null : url.host };
}

/** The modal dialog in front, whoever opened it: all outside of it is inert, even the top layer. */
export function frontModal() {
  const open = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('dialog:modal')]);
  return ours.find((dialog) => dialog.open) ?? open.at(-1) ?? null;
}

/** Our own dialogs live in shadow roots, where no query of the document finds them. */
const ours = /** @type {HTMLDialogElement[]} */ ([]);
export const registerModal = (dialog) => ours.push(dialog);

/** A live region at the end of `parent`, out of sight: in light DOM, where screen readers are reliable. */
export function liveRegion(parent, urgency) {
  const known = [...parent.children].find((child) => child.getAttribute('data-ec-live') === urgency);
  if (known) return known;
  const region = h('div', { 'data-ec-live': urgency, role: urgency === 'assertive' ? 'alert' : 'status', 'aria-live': urgency });
  Object.assign(region.style, {
    position: 'fixed', inlineSize: '1px', blockSize: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap',
  });
  parent.append(region);
  return region;
}

/** Says something to a screen reader. @param {string} text @param {'polite' | 'assertive'} urgency */
export function announce(text, urgency) {
  const region = liveRegion(frontModal() ?? document.body, urgency);
  const line = h('div', {}, text);
  // A region that was just made is noticed only by a later change.
  setTimeout(() => region.append(line), 100);
  setTimeout(() => line.remove(), ANNOUNCED_MS);
}
