// What can be told from an event alone.

/** @typedef {import('./ec.js').Event} Event */

/** A service's word, which may be anything at all: a text or a number counts, an object does not. */
export const wordOf = (value) => (['string', 'number'].includes(typeof value) ? String(value) : undefined);

/** What an event stands for until it is dealt with; null for one that passes. @param {Event} event */
export function standingKey(event) {
  switch (event.type) {
    case 'action.required':
      return `action:${actionOf(event)}`;
    case 'system.alert':
      return `alert:${wordOf(event.data?.issue_id) ?? event.collapse_key ?? event.id}`;
    case 'job.progress':
      return jobKey(event);
    default:
      return null;
  }
}

/** A job's progress and its end share a key, so that one takes the other's place. @param {Event} event */
export const jobKey = ({ data, collapse_key, id }) =>
  `job:${wordOf(data?.job_id) ?? wordOf(data?.health_job_id) ?? collapse_key ?? id}`;

/** The end of a job, be it an event of its own or the last of its progress. @param {Event} event @returns {Event | null} */
export function endOfJob(event) {
  const status = event.type === 'job.done' ? 'done' : event.type === 'job.progress' && event.data?.status;
  if (status === 'done') return { ...event, type: 'job.done' };
  return status === 'failed' ? { ...event, level: event.level === 'info' ? 'error' : event.level } : null;
}

/** @param {Event} event */
export const chatOf = ({ data, collapse_key, id }) => wordOf(data?.conversation_id) ?? wordOf(data?.thread_id) ?? collapse_key ?? id;

/** @param {Event} event */
export const actionOf = ({ data, id }) => wordOf(data?.action_id) ?? id;

/** @param {Event} event */
export const isOver = ({ expires_at }) => expires_at != null && new Date(expires_at).getTime() < Date.now();
