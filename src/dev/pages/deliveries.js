// Where each delivery of an event stands, looked at until they are settled.

import { make, stateWord, timeOf, word } from './words.js';

const POLL_MS = 700;
const POLLS_MAX = 60; // A delivery that retries longer is looked at anew by another event.
const LASTING = ['scheduled', 'queued', 'sending', 'retrying'];
/** Settled, and may still come further: a device says that it has it. */
const COMING = ['sent'];

let followed = null;
let timer = 0;

/** Follows this event from now on, and no other. */
export function follow(id, title) {
  followed = id;
  clearTimeout(timer);
  look(id, title, POLLS_MAX);
}

async function look(id, title, polls) {
  const deliveries = await deliveriesOf(id);
  if (id !== followed) return;
  const place = document.getElementById('status-body');
  if (deliveries) place.replaceChildren(make('p', { className: 'subject' }, make('bdi', { textContent: title })), ...deliveries.map(show));
  const isOver = deliveries?.every(({ state }) => !LASTING.includes(state) && !COMING.includes(state));
  if (!isOver && polls > 0) timer = setTimeout(look, POLL_MS, id, title, polls - 1);
}

async function deliveriesOf(id) {
  try {
    const response = await fetch(`/dev/status/${encodeURIComponent(id)}`);
    return response.ok ? (await response.json()).deliveries : null;
  } catch {
    return null;
  }
}

function show({ channel, state, reason, seq, due_at, changed_at, attempts = [] }) {
  const at = changed_at ?? due_at;
  const card = make('article', { className: 'delivery' },
    make('h3', {}, channel, make('span', { className: 'state', textContent: stateWord(state) })),
    make('p', { className: 'detail', textContent: [reason, seq && `seq ${seq}`, at && timeOf(at)].filter(Boolean).join(' · ') }),
    attempts.length ? make('ol', { className: 'tries' }, ...attempts.map(showTry)) : null);
  card.dataset.state = state;
  card.dataset.channel = channel;
  return card;
}

function showTry({ attempt, outcome, reason, provider_code, target, duration_ms, at }) {
  const took = duration_ms === undefined ? null : `${duration_ms} ms`;
  const details = [reason, provider_code, target, took].filter(Boolean).join(' · ');
  const item = make('li', {},
    make('p', {}, make('strong', { textContent: outcome }), ` ${attempt ? word('tries', attempt) : ''} `,
      make('time', { dateTime: at, textContent: timeOf(at) })),
    details ? make('p', { className: 'detail', textContent: details }) : null);
  item.dataset.outcome = outcome;
  return item;
}
