// The scenarios of the services, in both languages: what the screenshots show.

const choose = (en, ru) => ({ en, ru });

/** @param {'en' | 'ru'} lang @returns {Record<string, object>} events by their names */
export function samples(lang) {
  const say = (words) => words[lang];
  const open = { label: say(choose('Open', 'Открыть')), url: '/t/en' };
  return {
    done: {
      type: 'job.done', title: say(choose('Your note is reworked', 'Заметка переработана')), cta: open,
      body: say(choose('Shorter and clearer. See what changed.', 'Стало короче и яснее. Посмотрите, что изменилось.')),
      data: { service: 'notes', note_id: 7, job_id: 'rework-7' },
    },
    progress: {
      type: 'job.progress', title: say(choose('Rebuilding your vision map', 'Перестраиваем карту видения')),
      data: { service: 'vision', vision_id: 2, job_id: 'map-2', percent: 42, status: 'running' },
    },
    reminder: {
      type: 'reminder.due', title: say(choose('Time for a break', 'Пора сделать паузу')),
      body: say(choose('Ten minutes of walking, as you planned.', 'Десять минут прогулки, как вы и хотели.')),
      data: { service: 'health', routine_id: 3, type: 'pause' },
    },
    message: {
      type: 'message.new', title: say(choose('Boris: the report is ready', 'Борис: отчёт готов')), cta: open,
      data: { service: 'chat', conversation_id: 'c7', sender: 'Boris' },
    },
    task: {
      type: 'task.created', title: say(choose('Review the draft by Friday', 'Проверить черновик до пятницы')),
      data: { service: 'tasks', task_id: 12 },
    },
    alert: {
      type: 'system.alert', level: 'critical', title: say(choose('The payment failed', 'Платёж не прошёл')),
      body: say(choose('The bank has declined your card. Access ends tomorrow.', 'Банк отклонил карту. Доступ закроется завтра.')),
      cta: { label: say(choose('Pay', 'Оплатить')), url: '/t/en' },
      data: { issue_id: 'pay-1', severity: 'critical', source_service: 'billing' },
    },
    warning: {
      type: 'system.alert', level: 'warning', title: say(choose('Maintenance on Saturday', 'В субботу работы на сервере')), body: '02:00–03:00',
      data: { issue_id: 'ops-1', severity: 'warning', source_service: 'ops' },
    },
    choice: {
      type: 'action.required', title: say(choose('Which draft do you want to keep?', 'Какой черновик оставить?')),
      body: say(choose('Draft A is shorter, draft B has more detail. The other one goes to the archive.', 'Черновик А короче, черновик Б подробнее. Второй уйдёт в архив.')),
      data: {
        service: 'notes', note_id: 7, action_id: 'draft-7', due_at: new Date(Date.now() + 500_000).toISOString(),
        options: [{ value: 'A', label: say(choose('Draft A', 'Черновик А')) }, { value: 'B', label: say(choose('Draft B', 'Черновик Б')) }],
      },
    },
    priority: {
      type: 'action.required', title: say(choose('How urgent is it?', 'Насколько это срочно?')),
      data: {
        service: 'tasks', task_id: 12, action_id: 'priority-12',
        options: say(choose(['Today', 'This week', 'Some day'], ['Сегодня', 'На этой неделе', 'Когда-нибудь'])),
      },
    },
    question: {
      type: 'action.required', title: say(choose('What should the report be about?', 'О чём сделать отчёт?')), data: { service: 'team', action_id: 'report' },
    },
  };
}
