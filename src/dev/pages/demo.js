// The demo: one person's stream, live and replayed, and where each delivery stands.

import { scriptUrl } from '/ec/dom.js';
import { LANGUAGE, make, samples, stateWord, timeOf, translate, word } from './words.js';

const PEOPLE = [[42, LANGUAGE === 'ru' ? 'Анна' : 'Anna'], [43, LANGUAGE === 'ru' ? 'Борис' : 'Boris']];
const SHOWN_MAX = 100; // Older entries leave the page, not the stream.
const POLL_MS = 700;
const POLLS_MAX = 60; // A delivery that retries longer is looked at anew by a click.
const RECONNECT_MS = [500, 1000, 2000, 5000]; // The last one repeats.
const LASTING = ['scheduled', 'queued', 'sending', 'retrying'];

const $ = (id) => document.getElementById(id);

/** The stream of one person: connects, replays what was missed, reconnects until it is closed. */
class Stream {
  #socket = null;
  #timer = 0;
  #failures = 0;
  #cursor = 0;
  #replayed = false; // Only what comes after the first replay was missed; before, it is history.

  constructor(user, onEntry, onState) {
    Object.assign(this, { user, onEntry, onState, isOpen: false });
  }

  open() {
    this.isOpen = true;
    this.onState('connecting');
    this.#connect().catch(() => this.#retry());
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
    this.onState('offline');
  }

  async #connect() {
    const { token } = await (await fetch(`/dev/token?user=${this.user}`)).json();
    if (!this.isOpen) return;
    const url = new URL(`/ws?after=${this.#cursor}`, location.href.replace(/^http/, 'ws'));
    const socket = new WebSocket(url, ['eventcenter.v1.json', `ec.bearer.${token}`]);
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.onState('online');
      setTimeout(() => (this.#replayed = true), 1000);
    };
    socket.onmessage = (message) => this.#receive(JSON.parse(message.data));
    socket.onclose = () => socket === this.#socket && this.#retry();
  }

  #receive(frame) {
    // The database was made anew under an open page.
    if (frame.code === 'after_is_ahead') this.#cursor = 0;
    if (frame.t === 'gap') this.#cursor = frame.to;
    if (frame.t !== 'event' || frame.seq <= this.#cursor) return;
    this.#cursor = frame.seq;
    this.onEntry(frame.event, frame.seq, Boolean(frame.replay) && this.#replayed);
  }

  #retry() {
    if (!this.isOpen) return;
    this.onState('connecting');
    const longest = RECONNECT_MS[Math.min(this.#failures++, RECONNECT_MS.length - 1)];
    this.#timer = setTimeout(() => this.open(), longest * (0.5 + Math.random() / 2));
  }
}

let stream;
let selected = null;
let percent = 0;
let polling = 0;

function choosePerson(user) {
  stream?.close();
  $('stream').replaceChildren();
  $('empty').hidden = false;
  $('head').textContent = '';
  select(null);
  for (const button of $('people').children) button.setAttribute('aria-checked', button.value === String(user));
  stream = new Stream(user, showEntry, showConnection);
  if ($('online').checked) stream.open();
  else showConnection('offline');
}

function showConnection(state) {
  $('connection').textContent = word(state);
  $('online-switch').dataset.state = state;
}

function showEntry(event, seq, isMissed) {
  const { level, data, cta } = event;
  const entry = make('li', { className: 'entry', tabIndex: 0 });
  entry.dataset.level = level;
  entry.dataset.id = event.id;
  entry.append(
    make('span', { className: 'seq', textContent: seq }),
    make('div', { className: 'what' },
      make('p', { className: 'kind' }, event.type, ' · ', make('time', { dateTime: event.created_at, textContent: timeOf(event.created_at) }),
        isMissed ? make('mark', { textContent: word('missed') }) : null),
      make('h3', {}, make('bdi', { textContent: event.title })),
      event.body ? make('p', { className: 'body' }, make('bdi', { textContent: event.body })) : null,
      Number.isFinite(data?.percent) ? make('progress', { max: 100, value: data.percent, ariaLabel: event.title }) : null,
      cta ? make('span', { className: 'cta', textContent: cta.label }) : null),
  );
  entry.onclick = () => pick(event.id);
  entry.onkeydown = (key) => key.key === 'Enter' && pick(event.id);
  $('empty').hidden = true;
  $('head').textContent = seq;
  $('stream').prepend(entry);
  if ($('stream').children.length > SHOWN_MAX) $('stream').lastChild.remove();
  if (event.id === selected) markSelected();
}

function markSelected() {
  for (const entry of $('stream').children) {
    if (entry.dataset.id === selected) entry.setAttribute('aria-current', 'true');
    else entry.removeAttribute('aria-current');
  }
}

async function emit(type, [title, body, label]) {
  const channels = [...document.querySelectorAll('[name=channel]:checked')].map((box) => box.value);
  const event = { user_id: stream.user, type, title, body, ...(channels.length && { channels }) };
  if (label) event.cta = { label, url: '/app' };
  if (type === 'system.alert') event.level = 'critical';
  if (type === 'job.progress') {
    percent = percent >= 100 ? 20 : percent + 20;
    Object.assign(event, { collapse_key: 'demo-job', data: { percent, status: percent === 100 ? 'done' : 'running' } });
  }
  try {
    const response = await fetch('/dev/emit', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(word('not_emitted', answer.detail ?? answer.title));
    complain(null);
    select(answer.id);
  } catch (error) {
    complain(error instanceof TypeError || error instanceof SyntaxError ? word('unreachable') : error.message);
  }
}

function complain(problem) {
  $('problem').hidden = !problem;
  $('problem').textContent = problem ?? '';
}

function select(id) {
  selected = id;
  markSelected();
  clearTimeout(polling);
  if (id) follow(id, POLLS_MAX);
  else $('status-body').replaceChildren(make('p', { className: 'empty', textContent: word('pick') }));
}

/** On a phone the deliveries are below the stream. */
function pick(id) {
  select(id);
  $('status').scrollIntoView({ block: 'nearest' });
}

async function follow(id, polls) {
  const deliveries = await deliveriesOf(id);
  if (id !== selected) return;
  if (deliveries) $('status-body').replaceChildren(...deliveries.map(showDelivery));
  const isSettled = deliveries?.every(({ state }) => !LASTING.includes(state));
  if (!isSettled && polls > 0) polling = setTimeout(() => follow(id, polls - 1), POLL_MS);
}

async function deliveriesOf(id) {
  try {
    const response = await fetch(`/dev/status/${encodeURIComponent(id)}`);
    return response.ok ? (await response.json()).deliveries : null;
  } catch {
    return null;
  }
}

function showDelivery({ channel, state, reason, seq, due_at, changed_at, attempts = [] }) {
  const at = changed_at ?? due_at;
  const card = make('article', { className: 'delivery' },
    make('h3', {}, channel, make('span', { className: 'state', textContent: stateWord(state) })),
    make('p', { className: 'detail', textContent: [reason, seq && `seq ${seq}`, at && timeOf(at)].filter(Boolean).join(' · ') }),
    attempts.length ? make('ol', { className: 'tries' }, ...attempts.map(showTry)) : null);
  card.dataset.state = state;
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

/** Asks for permission inside the click, as browsers demand, and tells the server where to push. */
async function enablePush() {
  if ((await Notification.requestPermission()) !== 'granted') return sayPush('push_denied');
  const { token } = await (await fetch(`/dev/token?user=${stream.user}`)).json();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const key = await (await fetch('/api/push/key', { headers })).json();
  await navigator.serviceWorker.register(scriptUrl('/sw.js'), { updateViaCache: 'none' });
  const worker = await navigator.serviceWorker.ready;
  const subscription = await within(10_000, worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key.key }));
  const response = await fetch('/api/push/subscribe', { method: 'POST', headers, body: JSON.stringify(subscription) });
  if (!response.ok) throw new Error((await response.json()).title);
  return sayPush('push_on');
}

/** `subscribe()` may never settle where no push service can be reached. */
const within = (ms, promise) => Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error('timeout')), ms))]);

function sayPush(name) {
  $('push').textContent = word(name);
}

function start() {
  translate();
  $('people').append(...PEOPLE.map(([id, name]) => {
    const button = make('button', { type: 'button', value: id, onclick: () => choosePerson(id) }, name, make('small', { textContent: id }));
    button.setAttribute('role', 'radio');
    return button;
  }));
  $('samples').append(...samples().map(([type, words]) => {
    const button = make('button', { type: 'button', className: 'sample', onclick: () => emit(type, words) },
      make('code', { textContent: type }), make('span', { textContent: words[0] }));
    button.dataset.type = type;
    return button;
  }));
  document.querySelector('.chips').onchange = () => {
    $('channels-hint').textContent = word(document.querySelector('[name=channel]:checked') ? 'as_asked' : 'by_type');
  };
  $('online').onchange = () => ($('online').checked ? stream.open() : stream.close());
  $('push').hidden = !('PushManager' in window && 'serviceWorker' in navigator);
  $('push').onclick = () => enablePush().catch((error) => complain(word('push_failed', error.message)));
  choosePerson(PEOPLE[0][0]);
}

start();
