// The demo: says what a service would say, and shows what the person gets and where each delivery stands.

import { follow } from './deliveries.js';
import { watchMail } from './letters.js';
import { PROGRESS, SCENARIOS, eventOf } from './scenarios.js';
import { LANGUAGE, make, translate, word } from './words.js';
import { ICONS, icon } from '/ec/dom.js';

const PEOPLE = [[42, LANGUAGE === 'ru' ? 'Анна' : 'Anna'], [43, LANGUAGE === 'ru' ? 'Борис' : 'Boris']];
const STEP_MS = 900;
/** What a person will see, before they see it. */
const PICTURES = {
  'action.required': 'ask', 'job.done': 'ok', 'job.progress': 'work', 'message.new': 'chat', 'reminder.due': 'clock', 'system.alert': 'error', 'task.created': 'task',
};

const $ = (id) => document.getElementById(id);
const user = Number(new URLSearchParams(location.search).get('user')) || PEOPLE[0][0];

/** The page's center. Made here and not in the HTML, because it connects as soon as it is in the page. */
function makeCenter() {
  const center = document.createElement('ec-notification-center');
  center.getToken = async () => (await (await fetch(`/dev/token?user=${user}`)).json()).token;
  for (const [name, value] of Object.entries({ user, lang: LANGUAGE, push: 'ask-later', placement: 'block-end inline-end' })) {
    center.setAttribute(name, value);
  }
  center.addEventListener('ec-status', ({ detail }) => showConnection(detail.status));
  // Where a host's own router would take over.
  center.addEventListener('ec-navigate', (event) => {
    event.preventDefault();
    center.toast({ title: word('would_open', new URL(event.detail.url).pathname), key: 'navigate' });
  });
  document.body.append(center);
  return center;
}

function showConnection(status) {
  const state = status === 'live' ? 'online' : $('online').checked ? 'connecting' : 'offline';
  $('connection').textContent = word(state);
  $('online-switch').dataset.state = state;
}

/** Says one event as a service would, and follows its deliveries. */
async function emit(event) {
  const id = await send(event);
  if (id) follow(id, event.title);
}

/** @returns {Promise<string | null>} its id, or null when the page says why there is none */
async function send(event) {
  const channels = [...document.querySelectorAll('[name=channel]:checked')].map((box) => box.value);
  const asked = channels.length > 0 ? { ...event, channels } : event;
  try {
    const response = await fetch('/dev/emit', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(asked),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(word('not_emitted', answer.detail ?? answer.title));
    complain(null);
    return answer.id;
  } catch (error) {
    complain(error instanceof TypeError || error instanceof SyntaxError ? word('unreachable') : error.message);
    return null;
  }
}

const fresh = () => Math.random().toString(36).slice(2, 8);

/** A job that takes a few seconds: its steps, and its end. */
async function playProgress() {
  const job = `video-${fresh()}`;
  for (const percent of PROGRESS) {
    await send({
      user_id: user, type: 'job.progress', title: word('encoding'), body: '', collapse_key: job,
      data: { service: 'video', job_id: job, percent, status: percent === 100 ? 'done' : 'running' },
    });
    await new Promise((resolve) => { setTimeout(resolve, STEP_MS); });
  }
  await emit({
    user_id: user, type: 'job.done', title: word('encoded'), body: '', cta: { label: word('watch'), url: '/app?from=video' },
    data: { service: 'video', job_id: job },
  });
}

function complain(problem) {
  $('problem').hidden = !problem;
  $('problem').textContent = problem ?? '';
}

/** A button for every scenario, by service. */
function showServices() {
  const services = Map.groupBy(SCENARIOS, ({ service }) => service);
  const button = (id, type, text, onclick) => {
    const picture = make('span', { className: 'picture' }, icon(ICONS[PICTURES[type]]));
    const made = make('button', { type: 'button', className: 'sample', onclick }, picture, make('span', { textContent: text }), make('code', { textContent: type }));
    made.dataset.type = type;
    made.dataset.scenario = id;
    return made;
  };
  const group = (service, ...buttons) => make('div', { className: 'service' }, make('h3', { textContent: word('services')[service] ?? service }), make('div', { className: 'samples' }, ...buttons));
  $('services').append(
    ...[...services].map(([service, scenarios]) => group(service, ...scenarios.map((scenario) => (
      button(scenario.id, scenario.type, scenario.label[LANGUAGE === 'ru' ? 1 : 0], () => emit(eventOf(scenario, user, LANGUAGE, fresh())))
    )))),
    group('video', button('video-progress', 'job.progress', word('play_progress'), playProgress)),
  );
}

function start() {
  translate();
  showServices();
  $('people').append(...PEOPLE.map(([id, name]) => {
    const link = make('a', { href: `/?user=${id}` }, name, make('small', { textContent: id }));
    if (id === user) link.setAttribute('aria-current', 'page');
    return link;
  }));
  const center = makeCenter();
  showConnection('connecting');
  document.querySelector('.chips').onchange = () => {
    $('channels-hint').textContent = word(document.querySelector('[name=channel]:checked') ? 'as_asked' : 'by_type');
  };
  $('online').onchange = () => {
    if ($('online').checked) center.connect();
    else center.disconnect();
    showConnection(center.dataset.status);
  };
  $('second').onclick = () => open(location.href, '_blank', 'popup,width=480,height=820');
  const check = document.createElement('ec-diagnostics');
  check.setAttribute('mode', 'badge');
  check.lang = LANGUAGE;
  check.token = center.getToken;
  $('check').append(check);
  document.querySelector('.settings').ontoggle = () => $('settings').firstChild ?? $('settings').append(document.createElement('ec-preferences'));
  // The cookie speaks for pages that have no token: those behind a notification or a mail.
  addEventListener('focus', () => center.getToken());
  watchMail($('letters'), $('no-letters'));
}

start();
import('/ec/ec.js');
import('/ec/ui/preferences.js');
import('/ec/diag/panel.js');
