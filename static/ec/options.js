// What can be chosen, and what was.

/** The options of a decision, as `{ value, label }`: services write texts or objects. None where no answer could be sent. @param {import('./ec.js').Event} event */
export function optionsOf({ data }) {
  const options = data?.action_id != null && Array.isArray(data.options) ? data.options : [];
  return options
    .map((option) => (typeof option === 'object' && option !== null ? option : { value: option, label: option }))
    .filter(({ value }) => value !== undefined)
    .map(({ value, label }) => ({ value: String(value), label: String(label ?? value) }));
}

/** What was chosen, as the person knows it. @param {import('./ec.js').Event} event */
export function answerText(event, answer) {
  const chosen = answer?.option ?? answer?.text ?? '';
  return optionsOf(event).find(({ value }) => value === chosen)?.label ?? String(chosen);
}
