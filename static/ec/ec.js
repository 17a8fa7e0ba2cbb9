// The entry: `<script type="module" src="/ec/ec.js">` makes the elements. What they need beyond the bell and the toasts
// is loaded when it is needed.

export { EventCenter } from './client.js';
export { Bell } from './ui/bell.js';
export { NotificationCenter } from './ui/center.js';

/** Elements whose code is loaded once the page has one of them. */
const LATER = {
  'ec-inbox': () => import('./ui/inbox.js'),
  'ec-banner': () => import('./ui/banner.js'),
  'ec-preferences': () => import('./ui/preferences.js'),
  'ec-push-optin': () => import('./ui/optin.js'),
  'ec-diagnostics': () => import('./diag/panel.js'),
};

for (const [name, load] of Object.entries(LATER)) if (document.querySelector(name)) load();
