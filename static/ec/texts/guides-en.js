// Instructions, step by step. Labels are those of the product, in quotation marks.

/** @type {Record<string, string[]>} */
export const STEPS = {
  'site-chrome': [
    'Click the icon left of the address, “View site information”.',
    'Switch “Notifications” on, or press “Reset permissions”.',
    'Reload the page.',
    'No switch there? Open ⋮ → “Settings” → “Privacy and security” → “Site settings” → “Notifications”, and remove this site from “Not allowed to send notifications”.',
  ],
  'site-chrome-android': [
    'Tap the icon left of the address → “Permissions” → “Notifications” → on.',
    'Or: ⋮ → “Settings” → “Site settings” → “Notifications” → this site → “Allow”.',
    'In the phone’s settings: Apps → Chrome → Notifications: on, also the category of this site.',
    'Reload the page.',
  ],
  'site-edge': [
    'Click the padlock left of the address → “Permissions for this site”.',
    'Set “Notifications” to “Allow”.',
    'Or: … → “Settings” → “Privacy, search, and services” (older: “Cookies and site permissions”) → “Notifications”.',
    'Reload the page.',
  ],
  'site-yandex': [
    'Click the icon left of the address and allow notifications.',
    'Or: “Settings” → “Websites” → “Advanced site settings” → “Notifications”.',
    'Reload the page.',
  ],
  'site-firefox': [
    'Click the icon left of the address and clear “Send Notifications — Blocked”.',
    'Or: “Settings” → “Privacy & Security” → “Permissions” → “Notifications” → “Settings…”, and remove this site.',
    '“Pause notifications until Firefox restarts” must be off.',
    'Reload the page and allow when asked.',
  ],
  'site-safari': [
    'Safari → “Settings…” → “Websites” → “Notifications” → this site → “Allow”.',
    'Then: “System Settings” → “Notifications” → this site (or Safari) → allow.',
    'Reload the page.',
  ],
  'site-ios': [
    'Open the app from the Home Screen, not from Safari.',
    'iPhone’s “Settings” → “Notifications” → the app’s name → “Allow Notifications”.',
  ],
  'site-other': [
    'Open this site’s permissions: usually by the icon left of the address.',
    'Allow notifications, then reload the page.',
  ],
  'system-windows-11': [
    '“Start” → “Settings” → “System” → “Notifications”.',
    '“Notifications” on, “Do not disturb” off.',
    'Below, under “Notifications from apps and other senders”, switch your browser on.',
  ],
  'system-windows-10': [
    '“Start” → “Settings” → “System” → “Notifications & actions”.',
    'Switch on “Get notifications from apps and other senders”, and your browser in the list below.',
    '“Focus assist” → “Off”.',
  ],
  'system-android': [
    'Phone’s settings → Apps → your browser → Notifications → on, also the category “Sites”.',
    'Switch “Do not disturb” off.',
    'Xiaomi, Huawei, Samsung: allow autostart, and take the browser out of the sleeping apps.',
  ],
  'system-macos': [
    '“System Settings” → “Notifications” → your browser → “Allow Notifications”.',
    'Switch Focus off in the Control Center.',
  ],
  'system-other': [
    'Open your system’s notification settings and allow your browser.',
    'Switch “Do not disturb” off.',
  ],
  'awake-chrome': [
    '⋮ → “Settings” → “System” → “Continue running background apps when Chrome is closed”: on.',
    '“Settings” → “Performance” → “Always keep these sites active”: add this site.',
    'A browser that is quite closed gets its pushes at its next start.',
  ],
  'awake-android': [
    'Phone’s settings → Apps → Chrome → Battery → “Unrestricted”.',
    'Switch battery saver and “Do not disturb” off.',
    'Xiaomi, Huawei, Samsung: allow autostart, and take Chrome out of the sleeping apps.',
    'Phones without Google services get no pushes in Chrome; events still come while the page is open, and by mail.',
  ],
  'push-brave': [
    'Settings → “Privacy and security” → “Use Google services for push messaging”: on.',
    'Restart the browser and subscribe again.',
  ],
  'push-blocked': [
    'A firewall, a VPN or a missing Google service keeps the browser from its push service.',
    'Try another network; at work, ask the administrator to let fcm.googleapis.com (Chrome), *.push.services.mozilla.com (Firefox) or *.notify.windows.com (Edge) through.',
    'Then switch notifications off and on again here.',
  ],
  'install-ios': [
    'In Safari tap “Share” → “Add to Home Screen”.',
    'Open the app from its icon.',
    'Tap “Turn on” and allow notifications. iOS 16.4 or newer is needed.',
  ],
  'open-browser': [
    'Copy the address of this page.',
    'Open it in an up-to-date Chrome, Edge, Firefox or Safari, not inside another app.',
  ],
  'device-site': [
    'Click the icon left of the address, “View site information”.',
    'Allow “Camera” or “Microphone”, and choose the right device there.',
    'Reload the page.',
  ],
  'device-windows': [
    '“Start” → “Settings” → “Privacy & security” → “Camera” or “Microphone”.',
    'Switch the access on, also “Let desktop apps access…”, and look for a switch or a cover on the device.',
    'Close other programs that use it, such as a call.',
  ],
  'device-macos': [
    '“System Settings” → “Privacy & Security” → “Camera” or “Microphone” → your browser: on.',
    'Restart the browser.',
  ],
  'device-android': [
    'Phone’s settings → Apps → Chrome → Permissions → Camera, Microphone → allow.',
    'Look for the switches “Camera access” and “Microphone access” in the quick settings.',
  ],
  'sound-site': [
    'Click anywhere on the page once: browsers let a page play after that.',
    'The icon left of the address → “Sound” → “Allow”.',
    'Look at the volume, and at which speaker or headset is chosen in the system.',
  ],
  'storage-site': [
    'Leave the private window, or open the page on its own instead of inside another one.',
    'Allow cookies and site data for this site.',
    'Free some space on the disk.',
  ],
  'clock-system': [
    'Open your system’s date and time settings.',
    'Switch on “Set time automatically”, and check the time zone.',
  ],
  'network-proxy': [
    'Open any other page: if a login page comes, log in to the network first.',
    'A proxy or a VPN may block WebSockets (wss). Ask the administrator to let this site through.',
    'Until then events come over a slower way by themselves.',
  ],
};
