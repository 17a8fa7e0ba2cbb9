// What can be chosen, and what was.

import { wordOf } from './event.js';

/**
 * The options of a decision, as `{ value, label }`: services write texts or objects. None where no answer could be sent.
 * @param {import('./ec.js').Event} event
 */
export function optionsOf({ data }) {
  const options = wordOf(data?.action_id) && Array.isArray(data.options) ? data.options : [];
  return options
    .map((option) => (typeof option === 'object' && option !== null ? option : { value: option }))
    .map(({ value, label }) => ({ value: wordOf(value), label: wordOf(label) ?? wordOf(value) }))
    .filter(({ value }) => value !== undefined);
}

/** What was chosen, as the person knows it. @param {import('./ec.js').Event} event */
export function answerText(event, answer) {
  const chosen = wordOf(answer?.option) ?? wordOf(answer?.text) ?? '';
  return optionsOf(event).find(({ value }) => value === chosen)?.label ?? chosen;
}
