// What the preferences and the push opt-in say.

const EN = {
  title: 'Notifications: what and how',
  types: 'What reaches you', quiet: 'Quiet hours', digest: 'Mail', devices: 'Browsers that get pushes',
  channel: { ws: 'On the page', push: 'Push', email: 'Mail' },
  type: {
    'job.done': 'Something is ready', 'job.progress': 'Progress of a job', 'action.required': 'Your decision is needed', 'message.new': 'Messages',
    'reminder.due': 'Reminders', 'system.alert': 'Alerts', 'task.created': 'New tasks',
  },
  cell: '{type}: {channel}',
  critical: 'Critical alerts always come.',
  quiet_on: 'Hold push and mail back at night', from: 'From', to: 'to', zone: 'Time zone',
  quiet_hint: 'What comes then waits until the end. What is critical does not wait.',
  gather: 'Send mail', off: 'at once', daily: 'once a day', weekly: 'on Mondays', at: 'at',
  saved: 'Saved', failed: 'Not saved: {why}', host: 'This is kept by the site itself.',
  no_devices: 'None yet.', this_one: 'this browser', last: 'Last reached {at}', never: 'Not reached yet', stale: 'Needs to be turned on again', remove: 'Remove', rename: 'Rename',
  push: 'Push notifications', prime_title: 'Turn on notifications?',
  prime_body: 'We will tell you when something is ready or needs your decision. No marketing. Turn them off any time.',
  turn_on: 'Turn on', not_now: 'Not now', turn_off: 'Turn off here', is_on: 'Push is on in this browser',
  trying: 'Sending a test notification…', seen_it: 'A test notification is on its way. Do you see it?', yes: 'Yes', no: 'No',
  works: 'It works. You will not miss anything.', help: 'What to switch on',
};

const RU = {
  title: 'Уведомления: что и как',
  types: 'О чём сообщать', quiet: 'Тихие часы', digest: 'Почта', devices: 'Браузеры, куда приходит push',
  channel: { ws: 'На странице', push: 'Push', email: 'Почта' },
  type: {
    'job.done': 'Что-то готово', 'job.progress': 'Ход работы', 'action.required': 'Нужно ваше решение', 'message.new': 'Сообщения',
    'reminder.due': 'Напоминания', 'system.alert': 'Предупреждения', 'task.created': 'Новые задачи',
  },
  cell: '{type}: {channel}',
  critical: 'Критические предупреждения приходят всегда.',
  quiet_on: 'Ночью придерживать push и почту', from: 'С', to: 'до', zone: 'Часовой пояс',
  quiet_hint: 'Что придёт в это время, подождёт до конца. Критическое не ждёт.',
  gather: 'Присылать письма', off: 'сразу', daily: 'раз в день', weekly: 'по понедельникам', at: 'в',
  saved: 'Сохранено', failed: 'Не сохранено: {why}', host: 'Это хранит сам сайт.',
  no_devices: 'Пока ни одного.', this_one: 'этот браузер', last: 'Последний раз дошло {at}', never: 'Пока не доходило', stale: 'Нужно включить заново', remove: 'Удалить', rename: 'Переименовать',
  push: 'Push-уведомления', prime_title: 'Включить уведомления?',
  prime_body: 'Сообщим, когда что-то будет готово или понадобится ваше решение. Рекламы не будет. Отключить можно в любой момент.',
  turn_on: 'Включить', not_now: 'Не сейчас', turn_off: 'Выключить здесь', is_on: 'Push в этом браузере включён',
  trying: 'Отправляем тестовое уведомление…', seen_it: 'Отправили тестовое уведомление. Видите его?', yes: 'Да', no: 'Нет',
  works: 'Работает. Теперь вы ничего не пропустите.', help: 'Что включить',
};

/** @param {string} language */
export const settingsWords = (language) => (language === 'ru' ? RU : EN);
