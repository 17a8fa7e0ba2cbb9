// Shows pushes. Chrome counts a push that shows nothing against the site, so every one of them shows something.

self.addEventListener('push', (event) => {
  const { title = 'EventCenter', body = '', navigate = '/', tag } = read(event.data);
  event.waitUntil(self.registration.showNotification(title, { body, tag, data: { navigate } }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.navigate));
});

/** A declarative push message: {"web_push": 8030, "notification": {…}}. */
function read(data) {
  try {
    return data.json().notification ?? {};
  } catch {
    return {};
  }
}

/** Only the web, whatever a payload says. */
async function open(navigate) {
  const url = new URL(navigate, self.location.origin);
  if (url.protocol !== 'https:' && url.origin !== self.location.origin) return;
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const there = pages.find((page) => page.url === url.href);
  await (there ? there.focus() : self.clients.openWindow(url.href));
}
