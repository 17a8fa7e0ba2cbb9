// The page's half of what sw.js does: it is told of pushes before they are shown, and of clicks on those that were.

/** What CSP's `trusted-types eventcenter` allows us: scripts of this origin, and nothing else. */
const policy = (() => {
  try {
    return globalThis.trustedTypes?.createPolicy('eventcenter', {
      createScriptURL(url) {
        if (new URL(url, location.href).origin !== location.origin) throw new TypeError('a script of another origin');
        return url;
      },
    });
  } catch {
    return undefined; // The page's CSP does not name our policy; what needs it says so by failing.
  }
})();

/** @param {string} url @returns {any} what `serviceWorker.register()` takes under Trusted Types */
const scriptUrl = (url) => policy?.createScriptURL(url) ?? url;

/**
 * Registers the service worker when the page wants pushes, and answers it in any case.
 * @param {import('./ui/center.js').NotificationCenter} center
 */
export function listenToWorker(center) {
  const container = navigator.serviceWorker;
  container.addEventListener('message', ({ data, ports }) => receive(center, data, ports[0]));
  container.startMessages();
  center.client.listen('marks', (detail) => closeShown(detail, center.client.counts.unread));
  const isWanted = (center.getAttribute('push') ?? 'off') !== 'off';
  if (isWanted) begin(center).catch((error) => center.say('ec-error', { error }));
}

async function begin(center) {
  await register(center.getAttribute('sw') ?? '/sw.js');
  if (globalThis.Notification?.permission !== 'granted') return;
  const { Push } = await import('./push.js');
  await new Push(center).renew();
}

/** @returns {Promise<ServiceWorkerRegistration>} */
export const register = (url) => navigator.serviceWorker.register(scriptUrl(url), { updateViaCache: 'none' });

function receive(center, message, port) {
  if (message?.ec === 'pushed') {
    // Only a tab that is looked at may say that nothing more need be shown.
    const isShown = !document.hidden && center.client.isFor(message.event.user_id);
    if (isShown) center.client.takePushed(message.event);
    port?.postMessage({ isShown });
  }
  if (message?.ec === 'clicked') {
    port?.postMessage({ isTaken: true });
    center.navigate(message.event, message.url);
  }
}

const CLOSING = ['read', 'archive', 'snooze'];

/** What was read here need not lie around in the system's tray. */
async function closeShown({ op, ids }, unread) {
  if (!CLOSING.includes(op)) return;
  const registration = await navigator.serviceWorker.getRegistration();
  for (const shown of (await registration?.getNotifications()) ?? []) {
    if (ids === null || ids.includes(shown.data?.id)) shown.close();
  }
  if (unread > 0) navigator.setAppBadge?.(unread).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}
