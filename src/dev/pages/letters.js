// The newest letters of the mail catcher, beside everything else.

import { make, timeOf } from './words.js';

const LOOK_MS = 2000;
const SHOWN_MAX = 3;

export async function watchMail(list, empty) {
  try {
    const mails = (await (await fetch('/dev/mails')).json()).slice(0, SHOWN_MAX);
    empty.hidden = mails.length > 0;
    list.replaceChildren(...mails.map(({ name, subject, to, sent_at }) => make('li', {},
      make('a', { href: `/dev/mail#${name}` },
        make('strong', {}, make('bdi', { textContent: subject })),
        make('span', { className: 'detail', textContent: [to, sent_at && timeOf(sent_at)].filter(Boolean).join(' · ') })))));
  } catch {
    // The server is away; the next look may find it.
  }
  setTimeout(watchMail, LOOK_MS, list, empty);
}
