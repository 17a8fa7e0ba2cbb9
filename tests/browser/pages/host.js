// A host page's own code: it remembers what our elements tell it.

const NAMES = [
  'ec-event', 'ec-job-done', 'ec-job-progress', 'ec-action-required', 'ec-action-answered', 'ec-message-new', 'ec-reminder', 'ec-alert',
  'ec-navigate', 'ec-unread', 'ec-status', 'ec-gap', 'ec-error',
];
globalThis.heard = [];
globalThis.refused = new Set();
globalThis.violations = [];
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violations.push(`${violatedDirective} ${blockedURI}`));
for (const name of NAMES) {
  document.addEventListener(name, (event) => {
    heard.push({ name, detail: event.detail });
    if (refused.has(name)) event.preventDefault();
  });
}
