// Faults of browsers, networks and systems, and how a test brings each about in a page that is open.

const answer = (pattern, response) => ({
  spoil: (page) => page.route(pattern, (route) => route.fulfill(response)),
  mend: (page) => page.unroute(pattern),
});
const own = (script) => ({ spoil: (page) => page.evaluate(script) });
/** Something that this browser does not have; for good, so such faults come last. */
const without = (owner, name) => ({ spoil: (page) => page.evaluate(([of, one]) => { delete (of ? globalThis[of].prototype : globalThis)[one]; }, [owner, name]) });
const permission = (now, before) => ({
  spoil: (page) => page.evaluate(([one, last]) => {
    localStorage.setItem('test-permission', one);
    localStorage.setItem('ec-permission', last);
  }, [now, before]),
});
const json = (value, status = 200) => ({ status, contentType: 'application/json', body: JSON.stringify(value) });

/** @type {{ id: string, code: string, guide?: string, status?: string, spoil: (page: any) => Promise<unknown>, mend?: (page: any) => Promise<unknown> }[]} */
export const FAULTS = [
  { id: 'http_api', code: 'captive_portal', guide: 'network-proxy', ...answer('**/healthz', { contentType: 'text/html', body: '<h1>Hotel</h1>' }) },
  { id: 'http_api', code: 'server_error', ...answer('**/healthz', json({}, 503)) },
  { id: 'http_api', code: 'server_unreachable', spoil: (page) => page.route('**/healthz', (route) => route.abort()), mend: (page) => page.unroute('**/healthz') },
  { id: 'http_api', code: 'not_signed_in', ...answer('**/api/preferences', json({}, 401)) },
  {
    id: 'clock', code: 'clock_wrong', guide: 'clock-system',
    ...answer('**/healthz', { ...json({}), headers: { date: new Date(Date.now() + 3_600_000).toUTCString() } }),
  },
  {
    id: 'clock', code: 'clock_wrong', guide: 'clock-system', status: 'warn',
    ...answer('**/healthz', { ...json({}), headers: { date: new Date(Date.now() - 120_000).toUTCString() } }),
  },
  { id: 'service_worker', code: 'sw_missing', ...answer('**/sw.js', { status: 404, body: '' }) },
  { id: 'push_subscription', code: 'not_subscribed', status: 'needs_action', ...own(async () => { await (await import('/ec/worker.js')).register('/sw.js'); }) },
  { id: 'push_subscription', code: 'server_forgot', ...own(async () => localStorage.setItem('test-key', (await (await fetch('/api/push/key')).json()).key)) },
  { id: 'push_subscription', code: 'key_changed', ...own(() => localStorage.setItem('test-key', 'BA')) },
  { id: 'push_loopback', code: 'too_many_checks', status: 'needs_action', ...answer('**/api/diagnostics/loopback', json({}, 429)) },
  { id: 'push_loopback', code: 'server_error', ...answer('**/api/diagnostics/loopback', json({}, 500)) },
  { id: 'push_loopback', code: 'not_subscribed', spoil: async () => {} },
  { id: 'email_loopback', code: 'no_address', spoil: async () => {} },
  { id: 'camera_test', code: 'camera_none', spoil: async () => {} },
  {
    id: 'camera_test', code: 'camera_in_use',
    ...own(() => { MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('', 'NotReadableError'); }; }),
  },
  {
    id: 'microphone_test', code: 'microphone_os_denied', guide: 'device-site', // The site may, and is refused.
    ...own(() => { MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); }; }),
  },
  {
    id: 'microphone_test', code: 'microphone_denied', guide: 'device-site',
    ...own(() => {
      const { query } = Permissions.prototype;
      Permissions.prototype.query = async function (what) { return what.name === 'microphone' ? { state: 'denied' } : query.call(this, what); };
    }),
  },
  { id: 'microphone', code: 'microphone_denied', guide: 'device-site', status: 'warn', spoil: async () => {} },
  { id: 'notif_permission', code: 'permission_revoked', guide: 'site-chrome', ...permission('default', 'granted') },
  { id: 'notif_permission', code: 'permission_default', status: 'needs_action', ...permission('default', 'default') },
  { id: 'notif_permission', code: 'permission_denied', guide: 'site-chrome', ...permission('denied', 'granted') },
  { id: 'storage', code: 'quota_low', guide: 'storage-site', status: 'warn', ...own(() => { StorageManager.prototype.estimate = async () => ({ quota: 5e6, usage: 0 }); }) },
  { id: 'storage', code: 'storage_blocked', guide: 'storage-site', ...own(() => { IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); }; }) },
  { id: 'battery_os', code: 'low_battery', guide: 'awake-chrome', status: 'warn', ...own(() => { Navigator.prototype.getBattery = async () => ({ level: 0.1, charging: false }); }) },
  { id: 'network', code: 'data_saver', status: 'warn', ...own(() => Object.defineProperty(NetworkInformation.prototype, 'saveData', { get: () => true })) },
  { id: 'network', code: 'offline', ...own(() => Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })) },
  {
    id: 'websocket', code: 'ws_blocked', guide: 'network-proxy', status: 'warn',
    ...own(() => { globalThis.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006 })); } close() {} }; }),
  },
  { id: 'secure_context', code: 'insecure_context', ...own(() => Object.defineProperty(globalThis, 'isSecureContext', { value: false })) },
  { id: 'tabs', code: 'no_locks', status: 'warn', ...without('Navigator', 'locks') },
  { id: 'push_support', code: 'push_unsupported', ...without(null, 'PushManager') },
  { id: 'service_worker', code: 'sw_unsupported', ...without('Navigator', 'serviceWorker') },
  { id: 'notif_permission', code: 'notifications_unsupported', ...without(null, 'Notification') },
];
