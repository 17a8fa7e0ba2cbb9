// The mail catcher: what would have been sent, newest first.

import { make, timeOf, translate, word } from './words.js';

const LOOK_MS = 2000;
const $ = (id) => document.getElementById(id);
let shown = null;
let listed = '';

async function look() {
  try {
    const text = await (await fetch('/dev/mails')).text();
    if (text !== listed) list(JSON.parse(text));
    listed = text;
  } catch {
    // The server is away; the next look may find it.
  }
  setTimeout(look, LOOK_MS);
}

function list(mails) {
  $('empty').hidden = mails.length > 0;
  $('mails').replaceChildren(...mails.map(({ name, subject, to, sent_at }) => {
    const button = make('button', { type: 'button', onclick: () => show(name) },
      make('strong', { textContent: subject }),
      make('span', { className: 'detail', textContent: [to, sent_at && timeOf(sent_at)].filter(Boolean).join(' · ') }));
    button.dataset.name = name;
    return make('li', {}, button);
  }));
  mark();
}

function mark() {
  for (const button of $('mails').querySelectorAll('button')) {
    if (button.dataset.name === shown) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}

async function show(name) {
  shown = name;
  mark();
  const { subject, text, headers, has_html } = await (await fetch(`/dev/mails/${name}`)).json();
  if (shown !== name) return;
  const parts = [make('h2', { textContent: subject })];
  if (has_html) {
    const frame = make('iframe', { className: 'mail-part', title: word('html_part'), src: `/dev/mails/${name}/html` });
    frame.setAttribute('sandbox', '');
    parts.push(frame);
  }
  for (const [name, content] of [['text_part', text], ['headers', headers]]) {
    if (content) parts.push(make('h3', { textContent: word(name) }), make('pre', { className: 'mail-part', textContent: content }));
  }
  $('letter').replaceChildren(...parts);
  if (matchMedia('(width < 48rem)').matches) $('letter').scrollIntoView();
}

translate();
look();
