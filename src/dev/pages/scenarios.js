// What services say in the demo: every scenario of the vocabulary, by service, in both languages. The browser tests
// play them too.
//
// Each makes one event. `data` is what the type's reaction needs; ids are fresh with every play, so that an action can
// be decided again.

/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {string} service
 * @property {string} type
 * @property {string} [level]
 * @property {[string, string]} label English, Russian
 * @property {[string, string]} title
 * @property {[string, string]} body
 * @property {[string, string]} [cta]
 * @property {string[]} [channels] what is asked for; else the type decides
 * @property {(id: string, words: (pair: [string, string]) => string) => Record<string, unknown>} data
 */

const day = (/** @type {number} */ from) => new Date(Date.now() + from * 86_400_000).toISOString();
const today = () => new Date().toISOString().slice(0, 10);

/** @type {Scenario[]} */
export const SCENARIOS = [
  {
    id: 'note-recall', service: 'notes', type: 'reminder.due',
    label: ['Time to recall', 'Пора вспомнить'],
    title: ['Time to recall: “Spaced repetition”', 'Пора вспомнить: «Интервальные повторения»'],
    body: ['You wanted to come back to this note today.', 'Вы хотели вернуться к этой заметке сегодня.'],
    cta: ['Open the note', 'Открыть заметку'],
    data: (id) => ({ note_id: `note-${id}` }),
  },
  {
    id: 'note-done', service: 'notes', type: 'job.done',
    label: ['Note reworked', 'Заметка переработана'],
    title: ['Your note is reworked', 'Заметка переработана'],
    body: ['“Trip to the Altai” now has headings and a short summary.', 'В «Поездке на Алтай» появились заголовки и краткое содержание.'],
    cta: ['Read it', 'Прочитать'],
    data: (id) => ({ note_id: `note-${id}`, job_id: `job-${id}` }),
  },
  {
    id: 'note-draft', service: 'notes', type: 'action.required',
    label: ['Draft A or B', 'Черновик А или Б'],
    title: ['Which draft do you want to keep?', 'Какой черновик оставить?'],
    body: ['A is shorter, B keeps your examples.', 'А короче, в Б остались ваши примеры.'],
    data: (id, words) => ({
      action_id: `draft-${id}`, note_id: `note-${id}`,
      options: [{ value: 'a', label: words(['Draft A', 'Черновик А']) }, { value: 'b', label: words(['Draft B', 'Черновик Б']) }],
    }),
  },
  {
    id: 'task-new', service: 'tasks', type: 'task.created',
    label: ['New task', 'Новая задача'],
    title: ['Boris gave you a task: “Book the venue”', 'Борис поставил вам задачу: «Забронировать зал»'],
    body: ['For the meeting in December, about forty people.', 'Для встречи в декабре, человек на сорок.'],
    cta: ['Open the task', 'Открыть задачу'],
    data: (id) => ({ task_id: `task-${id}` }),
  },
  {
    id: 'task-deadline', service: 'tasks', type: 'reminder.due', level: 'warning',
    label: ['Deadline near', 'Скоро срок'],
    title: ['“Send the report” is due tomorrow', '«Отправить отчёт» — срок завтра'],
    body: ['Two of its three steps are done.', 'Готовы два шага из трёх.'],
    cta: ['Open the task', 'Открыть задачу'],
    data: (id) => ({ task_id: `task-${id}`, due_at: day(1) }),
  },
  {
    id: 'task-priority', service: 'tasks', type: 'action.required',
    label: ['Needs a priority', 'Нужен приоритет'],
    title: ['How urgent is “Fix the import”?', 'Насколько срочно «Починить импорт»?'],
    body: ['The planner cannot place it without your word.', 'Без вашего решения планировщик не может её поставить.'],
    channels: ['ws', 'push', 'email'],
    data: (id, words) => ({
      action_id: `priority-${id}`, task_id: `task-${id}`,
      options: [
        { value: 'today', label: words(['Today', 'Сегодня']) },
        { value: 'week', label: words(['This week', 'На этой неделе']) },
        { value: 'later', label: words(['Some day', 'Когда-нибудь']) },
      ],
    }),
  },
  {
    id: 'task-materials', service: 'tasks', type: 'job.done',
    label: ['Materials ready', 'Материалы готовы'],
    title: ['The materials for “Workshop” are ready', 'Материалы для «Мастерской» готовы'],
    body: ['12 slides and a handout.', '12 слайдов и раздаточный лист.'],
    cta: ['Open', 'Открыть'],
    data: (id) => ({ task_id: `task-${id}`, job_id: `job-${id}` }),
  },
  {
    id: 'vision-check-in', service: 'vision', type: 'reminder.due',
    label: ['Check-in', 'Сверка'],
    title: ['Time for your monthly check-in', 'Пора свериться с планом на месяц'],
    body: ['Five questions, about four minutes.', 'Пять вопросов, минуты четыре.'],
    cta: ['Begin', 'Начать'],
    data: (id) => ({ vision_id: `vision-${id}`, period: 'month' }),
  },
  {
    id: 'vision-map', service: 'vision', type: 'job.done',
    label: ['Map rebuilt', 'Карта перестроена'],
    title: ['Your map is rebuilt', 'Карта перестроена'],
    body: ['Three goals moved closer, one is new.', 'Три цели стали ближе, одна новая.'],
    cta: ['Show the map', 'Показать карту'],
    data: (id) => ({ vision_id: `vision-${id}`, job_id: `job-${id}` }),
  },
  {
    id: 'vision-step', service: 'vision', type: 'action.required',
    label: ['Next step', 'Следующий шаг'],
    title: ['What comes next?', 'Что дальше?'],
    body: ['Both fit into this week.', 'Оба шага укладываются в эту неделю.'],
    data: (id, words) => ({
      action_id: `step-${id}`, vision_id: `vision-${id}`,
      options: [{ value: 'course', label: words(['Finish the course', 'Закончить курс']) }, { value: 'portfolio', label: words(['Start the portfolio', 'Начать портфолио']) }],
    }),
  },
  {
    id: 'team-comment', service: 'team', type: 'message.new',
    label: ['New comment', 'Новый комментарий'],
    title: ['Vera commented on the report', 'Вера прокомментировала отчёт'],
    body: ['“The second chart needs a legend.”', '«На втором графике нужна легенда».'],
    cta: ['Answer', 'Ответить'],
    data: (id) => ({ thread_id: 'thread-report', project_id: 'project-7', message_id: id }),
  },
  {
    id: 'team-weekly', service: 'team', type: 'reminder.due',
    label: ['Weekly report', 'Отчёт за неделю'],
    title: ['The weekly report is due', 'Пора сдать отчёт за неделю'],
    body: ['Last week’s is a good start.', 'Можно начать с прошлого.'],
    cta: ['Write it', 'Написать'],
    data: () => ({ project_id: 'project-7', period: 'week' }),
  },
  {
    id: 'team-sprint', service: 'team', type: 'job.done',
    label: ['Sprint closed', 'Спринт закрыт'],
    title: ['Sprint 24 is closed', 'Спринт 24 закрыт'],
    body: ['31 of 34 tasks done, three moved on.', 'Готова 31 задача из 34, три перенесены.'],
    cta: ['See the results', 'Посмотреть итоги'],
    data: (id) => ({ sprint_id: `sprint-${id}`, project_id: 'project-7' }),
  },
  {
    id: 'health-pause', service: 'health', type: 'reminder.due',
    label: ['A pause', 'Пауза'],
    title: ['Time for a pause', 'Пора сделать паузу'],
    body: ['Two minutes for the eyes and the shoulders.', 'Две минуты для глаз и плеч.'],
    data: (id) => ({ routine_id: `routine-${id}`, type: 'eyes' }),
  },
  {
    id: 'health-day', service: 'health', type: 'job.done',
    label: ['Day analysed', 'День разобран'],
    title: ['Your day is analysed', 'День разобран'],
    body: ['You slept 40 minutes longer than usual.', 'Вы спали на 40 минут дольше обычного.'],
    cta: ['See the day', 'Посмотреть день'],
    data: (id) => ({ health_job_id: `health-${id}`, date: today() }),
  },
  {
    id: 'chat-reply', service: 'chat', type: 'message.new',
    label: ['A reply', 'Ответ в чате'],
    title: ['Marina replied', 'Марина ответила'],
    body: ['“Six o’clock is fine. Shall I bring the plans?”', '«В шесть удобно. Взять с собой планы?»'],
    cta: ['Open the chat', 'Открыть чат'],
    data: (id) => ({ conversation_id: 'conversation-3', sender: 'Marina', message_id: id }),
  },
  {
    id: 'system-payment', service: 'system', type: 'system.alert', level: 'critical',
    label: ['Payment error', 'Ошибка оплаты'],
    title: ['The payment did not go through', 'Оплата не прошла'],
    body: ['Your bank declined it. The subscription works until Friday.', 'Банк отклонил платёж. Подписка работает до пятницы.'],
    cta: ['Check the card', 'Проверить карту'],
    data: (id) => ({ issue_id: `issue-${id}`, severity: 'critical', source_service: 'billing' }),
  },
];

/** The steps of a job that the demo plays as progress, in per cent. */
export const PROGRESS = [5, 25, 45, 70, 90, 100];

/**
 * The event of a scenario, as POST /events takes it.
 * @param {Scenario} scenario @param {number} userId @param {string} lang @param {string} id fresh for each play
 */
export function eventOf(scenario, userId, lang, id) {
  const words = (/** @type {[string, string]} */ pair) => pair[lang === 'ru' ? 1 : 0];
  const { type, level, title, body, cta, channels, service, data } = scenario;
  return {
    user_id: userId, type, title: words(title), body: words(body),
    ...(level && { level }),
    ...(channels && { channels }),
    ...(cta && { cta: { label: words(cta), url: `/app?from=${scenario.id}` } }),
    data: { service, ...data(id, words) },
  };
}
