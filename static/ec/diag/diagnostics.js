// «Проверка среды»: what could keep a notification from being seen here, and what to do about it.
//
//   import { NotificationDiagnostics } from '/ec/diag/diagnostics.js';
//   const diagnostics = new NotificationDiagnostics({ token: async () => myToken });
//   diagnostics.addEventListener('result', (event) => show(event.detail));
//   await diagnostics.run();               // passive checks: nothing is asked of the person
//   await diagnostics.runOne('camera');    // an active one, from a click
//   diagnostics.report();                  // JSON without secrets

import { environment } from './environment.js';
import { CHECKS } from './checks.js';
import { guideFor } from './guides.js';

/**
 * @typedef {'ok'|'info'|'warn'|'fail'|'needs_action'|'skipped'} Status
 * `info` is worth knowing and no fault; `needs_action` waits for the person; `skipped` does not apply here.
 *
 * @typedef {object} Finding what a check answers
 * @property {Status} status
 * @property {string} [code] which fault; its words are in texts/
 * @property {Record<string, unknown>} [evidence] numbers and names, never a secret
 *
 * @typedef {Finding & {id: string, group: string, ms: number, guide?: import('./guides.js').Guide}} Result
 *
 * @typedef {object} Check
 * @property {string} id
 * @property {'connection'|'notifications'|'devices'|'system'} group
 * @property {'passive'|'active'} kind an active one prompts, plays or records, so it runs from a click alone
 * @property {number} [timeout] in milliseconds, 5,000 unless told
 * @property {(context: Context) => Promise<Finding> | Finding} run
 *
 * @typedef {object} Context what checks may use
 * @property {import('./environment.js').Environment} environment
 * @property {(path: string, options?: RequestInit) => Promise<Response>} api with the person's token
 * @property {string} server the base URL, ending in a slash
 * @property {() => Promise<string | null>} token
 * @property {(question: 'seen' | 'heard') => Promise<'yes' | 'no' | 'timeout'>} ask the person
 * @property {AbortSignal} signal aborted when the check has run out of time
 */

const TIMEOUT_MS = 5000;
/** A check that has no answer of its own for a while is a finding too. */
const TIMED_OUT = /** @type {Finding} */ ({ status: 'fail', code: 'timeout' });

export class NotificationDiagnostics extends EventTarget {
  /** @type {Map<string, Result>} */
  results = new Map();
  #options;
  /** @type {Promise<import('./environment.js').Environment> | null} */
  #environment = null;

  /**
   * @param {{server?: string, token?: () => Promise<string | null> | string | null, checks?: Check[],
   *   ask?: Context['ask'], version?: string}} [options]
   */
  constructor({ server = '/', token = () => null, checks = CHECKS, ask = async () => 'timeout', version = '' } = {}) {
    super();
    this.#options = { server: new URL(server, location.href).href, token: async () => token(), ask, version };
    this.checks = checks;
  }

  /** The page's own environment. */
  environment() {
    this.#environment ??= environment();
    return this.#environment;
  }

  /** Runs every passive check, side by side. */
  async run() {
    await Promise.all(this.checks.filter((check) => check.kind === 'passive').map((check) => this.runOne(check.id)));
    return [...this.results.values()];
  }

  /** @param {string} id @returns {Promise<Result>} */
  async runOne(id) {
    const check = this.checks.find((one) => one.id === id);
    if (!check) throw new RangeError(`there is no check ${id}`);
    const where = await this.environment();
    const began = performance.now();
    const finding = await this.#find(check, where);
    return this.#keep(check, finding, where, performance.now() - began);
  }

  /** What was found otherwise, such as by an attempt to mend it. @param {string} id @param {string} code */
  async fault(id, code) {
    const check = this.checks.find((one) => one.id === id);
    if (check) this.#keep(check, { status: 'fail', code }, await this.environment(), 0);
  }

  /** @param {Check} check @param {Finding} finding @param {import('./environment.js').Environment} where @param {number} ms */
  #keep(check, finding, where, ms) {
    const guide = finding.code ? guideFor(finding.code, where) : undefined;
    const result = { ...finding, id: check.id, group: check.group, ms: Math.round(ms), guide };
    this.results.set(check.id, result);
    this.dispatchEvent(new CustomEvent('result', { detail: result }));
    return result;
  }

  /** @param {Check} check @param {import('./environment.js').Environment} where @returns {Promise<Finding>} */
  async #find(check, where) {
    const abort = new AbortController();
    const timeout = check.timeout ?? TIMEOUT_MS;
    let timer = 0;
    const late = new Promise((resolve) => {
      timer = window.setTimeout(() => resolve({ ...TIMED_OUT, evidence: { after_ms: timeout } }), timeout);
    });
    try {
      return await Promise.race([Promise.resolve(check.run(this.#context(where, abort.signal))), late]);
    } catch (error) {
      return { status: 'fail', code: 'check_failed', evidence: { error: nameOf(error) } };
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  /** @param {import('./environment.js').Environment} where @param {AbortSignal} signal @returns {Context} */
  #context(where, signal) {
    const { server, token, ask } = this.#options;
    const api = async (/** @type {string} */ path, /** @type {RequestInit} */ options = {}) => {
      const headers = new Headers(options.headers);
      const bearer = await token();
      if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
      return fetch(new URL(path, server), { credentials: 'include', cache: 'no-store', signal, ...options, headers });
    };
    return { environment: where, api, server, token, ask, signal };
  }

  /** @returns {'ok' | 'warn' | 'fail' | 'unknown'} the worst of what was found */
  overall() {
    const found = new Set([...this.results.values()].map((result) => result.status));
    if (found.size === 0) return 'unknown';
    if (found.has('fail')) return 'fail';
    return found.has('warn') || found.has('needs_action') ? 'warn' : 'ok';
  }

  /** What support needs to know, to copy or to send: no endpoint, no token, no name of a device. */
  async report() {
    const checks = [...this.results.values()].map(({ id, status, code, ms, evidence, guide }) => (
      { id, status, code, ms, evidence, guide: guide?.id }
    ));
    return {
      schema: 'ec.diagnostics/1',
      at: new Date().toISOString(),
      overall: this.overall(),
      app: { origin: location.origin, version: this.#options.version },
      environment: await this.environment(),
      checks,
    };
  }
}

/** @param {unknown} error */
export function nameOf(error) {
  return error instanceof Error ? error.name : String(error);
}
