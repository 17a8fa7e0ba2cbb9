// What the development pages say, in the language of the browser.

const WORDS = {
  en: {
    person: 'Who you are',
    mail: 'Mail',
    emit: 'What services say',
    emit_lead: 'Press one: EventCenter brings it here, and to every other window.',
    this_browser: 'This browser',
    channels: 'Channels',
    by_type: 'None chosen: the type decides.',
    as_asked: 'Exactly these.',
    status: 'Deliveries',
    pick: 'Press a button: here you see where each delivery stands.',
    online: 'Online',
    offline: 'Offline',
    connecting: 'Connecting…',
    not_emitted: 'The event was refused: {0}',
    unreachable: 'The server does not answer.',
    tries: 'try {0}',
    no_mail: 'No mail yet. Choose the email channel on the demo page.',
    no_letters: 'Nothing yet. “Needs a priority” goes by mail too.',
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
    would_open: 'The app would open {0}',
    second_window: 'Second window',
    settings: 'What reaches you, and when',
    inbox: 'Inbox',
    encoding: 'Encoding holiday.mp4',
    encoded: 'Your video is ready',
    watch: 'Watch',
    play_progress: 'A job with progress',
    services: { notes: 'Notes', tasks: 'Tasks', vision: 'Vision', team: 'Team', health: 'Health', chat: 'Chat', system: 'System', video: 'Video' },
  },
  ru: {
    person: 'Кто вы',
    mail: 'Почта',
    emit: 'Что говорят сервисы',
    emit_lead: 'Нажмите любое: EventCenter донесёт это сюда и во все остальные окна.',
    this_browser: 'Этот браузер',
    channels: 'Каналы',
    by_type: 'Не выбраны: решает тип события.',
    as_asked: 'Ровно эти.',
    status: 'Доставка',
    pick: 'Нажмите кнопку — здесь видно, где каждая доставка.',
    online: 'В сети',
    offline: 'Не в сети',
    connecting: 'Подключение…',
    not_emitted: 'Событие отклонено: {0}',
    unreachable: 'Сервер не отвечает.',
    tries: 'попытка {0}',
    no_mail: 'Писем пока нет. Выберите канал email на демостранице.',
    no_letters: 'Пока пусто. «Нужен приоритет» уходит и почтой.',
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
    would_open: 'Приложение открыло бы {0}',
    second_window: 'Второе окно',
    settings: 'Что и когда до вас доходит',
    inbox: 'Входящие',
    encoding: 'Обрабатываем holiday.mp4',
    encoded: 'Видео готово',
    watch: 'Смотреть',
    play_progress: 'Работа с ходом выполнения',
    services: { notes: 'Заметки', tasks: 'Задачи', vision: 'Видение', team: 'Команда', health: 'Здоровье', chat: 'Чат', system: 'Система', video: 'Видео' },
  },
};

export const LANGUAGE = navigator.language.toLowerCase().startsWith('ru') ? 'ru' : 'en';
const words = WORDS[LANGUAGE];

/** The words of that name; `{0}` becomes the value. */
export const word = (name, value = '') => (typeof words[name] === 'string' ? words[name].replace('{0}', value) : words[name]);

export const stateWord = (state) => words.state[state] ?? state;

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
