// The host's pages. What a test wants of them stands in the path: /t/ru/dark/inbox.

import { readFileSync } from 'node:fs';

const files = { js: readFileSync(new URL('../pages/host.js', import.meta.url), 'utf8'), css: readFileSync(new URL('../pages/host.css', import.meta.url), 'utf8') };
const WORDS = {
  ru: { title: 'Заметки', text: 'Это страница хозяина. Она подключает центр уведомлений тремя строками.' },
  en: { title: 'Notes', text: 'This is the page of a host. It embeds the notification center in three lines.' },
};

/** @returns {{ kind: string, text: string } | null} */
export function page(path) {
  if (path === '/t/host.js') return { kind: 'js', text: files.js };
  if (path === '/t/host.css') return { kind: 'css', text: files.css };
  if (!path.startsWith('/t/')) return null;
  const wishes = path.split('/').slice(2);
  const lang = wishes.includes('en') ? 'en' : 'ru';
  const theme = ['light', 'dark'].find((name) => wishes.includes(name));
  const push = wishes.includes('push') ? ' push="ask-later"' : '';
  const parts = ['inbox', 'preferences', 'push-optin'].filter((name) => wishes.includes(name)).map((name) => `<ec-${name}></ec-${name}>`);
  const manual = wishes.includes('manual') ? ' manual' : '';
  const { title, text } = WORDS[lang];
  return {
    kind: 'html',
    text: `<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/t/host.css">
<script type="module" src="/t/host.js"></script>
<script type="module" src="/ec/ec.js"></script>
</head>
<body>
<ec-notification-center${theme ? ` theme="${theme}"` : ''}${push}${manual}></ec-notification-center>
<header><h1>${title}</h1><ec-bell></ec-bell></header>
<main><p>${text}</p><button id="own">OK</button>${parts.join('')}
${wishes.includes('optin') ? '<ec-push-optin always></ec-push-optin>' : ''}
<dialog id="dialog" aria-label="Dialog"><p>Dialog</p><button>OK</button></dialog></main>
</body>
</html>`,
  };
}
