// What all our elements share: a shadow root with the theme, and the way to the page's notification center.

import { ICONS, h, icon, safeUrl } from '../dom.js';
import { THEME } from '../theme.js';

/** @type {(center: import('./center.js').NotificationCenter) => void} */
let provide;
/** The page's center, once it has its words and its client. */
const center = new Promise((resolve) => (provide = resolve));
export { provide };

/** An element with a shadow root. */
export class Base extends HTMLElement {
  constructor(...sheets) {
    super();
    this.root = this.attachShadow({ mode: 'open', delegatesFocus: false });
    this.root.adoptedStyleSheets = [THEME, ...sheets];
  }

  /** The page's center, whose language and theme become this element's where it has none of its own. */
  async center() {
    const found = await center;
    for (const name of ['theme', 'lang', 'dir']) {
      const value = found.getAttribute(name);
      if (value && !this.hasAttribute(name)) this.setAttribute(name, value);
    }
    if (!this.hasAttribute('lang')) this.lang = found.words.language;
    return found;
  }
}

const KINDS = {
  'action.required': ['ask', 'action'],
  'job.done': ['ok', 'done'],
  'job.progress': ['work', 'progress'],
  'message.new': ['chat', 'message'],
  'reminder.due': ['clock', 'reminder'],
  'task.created': ['task', 'task'],
};

/**
 * How an event looks, and the word for it, since colours and pictures alone say nothing to many.
 * @param {{ type: string, level?: string, data?: any }} event
 */
export function lookOf({ type, level = 'info', data }) {
  const isFailed = type === 'job.progress' && data?.status === 'failed';
  const shown = isFailed && level === 'info' ? 'error' : level;
  if (shown !== 'info') return { level: shown, picture: shown === 'critical' ? 'error' : shown, word: shown };
  const [picture, word] = KINDS[type] ?? ['info', 'info'];
  return { level: picture === 'ok' ? 'ok' : 'info', picture, word };
}

export const glyph = (picture) => h('span', { class: 'glyph', part: 'icon' }, icon(ICONS[picture]));

/** A button with a picture and a name. */
export function iconButton(path, label, onclick, attributes = {}) {
  return h('button', { type: 'button', class: 'quiet', 'aria-label': label, title: label, onclick, ...attributes }, icon(path));
}

/** Where an event leads, when its cta may be followed. */
export function ctaOf({ cta }, center) {
  const url = safeUrl(cta?.url, center.hosts);
  return url && { ...url, label: cta.label || center.words.t('open') };
}

/** The link of an event: it goes through the center, so that a single-page host can take it over. */
export function ctaLink(event, center, attributes = {}) {
  const cta = ctaOf(event, center);
  if (!cta) return null;
  const hint = cta.host && center.words.t('leads_to', { host: cta.host });
  return h('a', {
    class: 'button', part: 'button', href: cta.href, ...(hint && { title: hint, target: '_blank', rel: 'noopener noreferrer' }), ...attributes,
    onclick: (click) => center.follow(event, cta, click),
  }, h('bdi', {}, cta.label), cta.host && h('span', { class: 'unseen' }, ` (${hint})`));
}
