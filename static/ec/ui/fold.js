// A job's ticks are one entry: of many that say how far it is, only the newest is worth a line, and none once it is over.

import { jobKey } from '../event.js';

/**
 * What is shown of these entries. An entry that stands for others has their ids in `folded`.
 * @template {import('../ec.js').Entry & { folded?: string[] }} Entry
 * @param {Entry[]} entries newest first
 * @returns {Entry[]}
 */
export function fold(entries) {
  const jobs = /** @type {Map<string, Entry>} */ (new Map());
  return entries.filter((entry) => {
    const { event } = entry;
    const isTick = event.type === 'job.progress';
    if (!isTick && event.type !== 'job.done') return true;
    const newer = jobs.get(jobKey(event));
    if (isTick && newer) {
      newer.folded?.push(event.id);
      return false;
    }
    entry.folded = [];
    jobs.set(jobKey(event), entry);
    return true;
  });
}
