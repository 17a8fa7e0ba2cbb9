// What the development pages say, in the language of the browser.

const WORDS = {
  en: {
    person: 'Who you are',
    mail: 'Mail',
    enable_push: 'Enable push',
    push_on: 'Push is on',
    push_denied: 'Push is blocked in the browser’s site settings',
    push_failed: 'Push cannot be enabled here: {0}',
    emit: 'Say something',
    channels: 'Channels',
    by_type: 'None chosen: the type decides.',
    as_asked: 'Exactly these.',
    stream: 'Stream',
    empty: 'Nothing yet. Press a button: the event arrives here.',
    status: 'Deliveries',
    pick: 'Choose an event to see where each delivery stands.',
    online: 'Online',
    offline: 'Offline',
    connecting: 'Connecting…',
    missed: 'missed',
    not_emitted: 'The event was refused: {0}',
    unreachable: 'The server does not answer.',
    tries: 'try {0}',
    no_mail: 'No mail yet. Choose the email channel on the demo page.',
    to_demo: 'Demo page',
    text_part: 'Text',
    html_part: 'HTML',
    headers: 'Headers',
    pick_mail: 'Choose a mail.',
    templates: 'Mail templates',
    pick_template: 'Choose a template.',
    templates_broken: 'The folder is broken, the last good templates are shown: {0}',
    phone: 'On a phone',
    state: {
      scheduled: 'scheduled', queued: 'queued', sending: 'sending', retrying: 'retrying', sent: 'sent',
      delivered: 'delivered', digested: 'digested', skipped: 'skipped', failed: 'failed', dead: 'dead', canceled: 'canceled',
    },
    samples: {
      'job.done': ['Your video is ready', 'holiday.mp4 was encoded in 3 minutes.', 'Watch'],
      'job.progress': ['Encoding holiday.mp4', '', null],
      'action.required': ['Approve the invoice?', 'Invoice 1042 over €980 waits for your decision.', 'Decide'],
      'message.new': ['Vera wrote to you', 'Shall we meet at six?', 'Answer'],
      'reminder.due': ['Call the dentist', 'You asked to be reminded today.', 'Done'],
      'system.alert': ['Disk almost full', 'Server db-2 has 3 % left.', 'Look'],
    },
  },
  ru: {
    person: 'Кто вы',
    mail: 'Почта',
    enable_push: 'Включить push',
    push_on: 'Push включён',
    push_denied: 'Push запрещён в настройках сайта в браузере',
    push_failed: 'Здесь push не включить: {0}',
    emit: 'Сообщить',
    channels: 'Каналы',
    by_type: 'Не выбраны: решает тип события.',
    as_asked: 'Ровно эти.',
    stream: 'Лента',
    empty: 'Пока пусто. Нажмите кнопку — событие появится здесь.',
    status: 'Доставка',
    pick: 'Выберите событие, чтобы увидеть, где каждая доставка.',
    online: 'В сети',
    offline: 'Не в сети',
    connecting: 'Подключение…',
    missed: 'пропущено',
    not_emitted: 'Событие отклонено: {0}',
    unreachable: 'Сервер не отвечает.',
    tries: 'попытка {0}',
    no_mail: 'Писем пока нет. Выберите канал email на демостранице.',
    to_demo: 'Демостраница',
    text_part: 'Текст',
    html_part: 'HTML',
    headers: 'Заголовки',
    pick_mail: 'Выберите письмо.',
    templates: 'Шаблоны писем',
    pick_template: 'Выберите шаблон.',
    templates_broken: 'Папка сломана, показаны последние исправные шаблоны: {0}',
    phone: 'На телефоне',
    state: {
      scheduled: 'запланировано', queued: 'в очереди', sending: 'отправляется', retrying: 'повторяется', sent: 'отправлено',
      delivered: 'доставлено', digested: 'в сводке', skipped: 'не отправлялось', failed: 'отказ', dead: 'не доставлено',
      canceled: 'отменено',
    },
    samples: {
      'job.done': ['Видео готово', 'holiday.mp4 обработан за 3 минуты.', 'Смотреть'],
      'job.progress': ['Обрабатываем holiday.mp4', '', null],
      'action.required': ['Утвердить счёт?', 'Счёт № 1042 на 98 000 ₽ ждёт вашего решения.', 'Решить'],
      'message.new': ['Вера написала вам', 'Встретимся в шесть?', 'Ответить'],
      'reminder.due': ['Позвонить стоматологу', 'Вы просили напомнить сегодня.', 'Готово'],
      'system.alert': ['Диск почти заполнен', 'На сервере db-2 осталось 3 %.', 'Открыть'],
    },
  },
};

export const LANGUAGE = navigator.language.toLowerCase().startsWith('ru') ? 'ru' : 'en';
const words = WORDS[LANGUAGE];

/** The words of that name; `{0}` becomes the value. */
export const word = (name, value = '') => words[name].replace('{0}', value);

export const stateWord = (state) => words.state[state] ?? state;

/** Every sample event: [type, [title, body, label of the button]]. */
export const samples = () => Object.entries(words.samples);

/** Fills in the words of a page. */
export function translate() {
  document.documentElement.lang = LANGUAGE;
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', word(element.dataset.label));
}

export const timeOf = (time) => new Date(time).toLocaleTimeString(LANGUAGE, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** An element with properties and children. Text only ever becomes text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
