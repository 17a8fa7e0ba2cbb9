// The types of `ec.js`: what a host page may rely on.

export type Level = 'info' | 'warning' | 'error' | 'critical';

/** As `GET /api/events/{id}` shows it. */
export interface Event {
  id: string;
  user_id: number;
  type: string;
  title: string;
  body: string;
  level: Level;
  channels: ('ws' | 'push' | 'email')[];
  cta?: { label: string; url: string };
  /** The service's own. Never trust it to be what you expect. */
  data?: Record<string, any>;
  /** ISO 8601, as all times are. */
  created_at: string;
  deliver_at?: string;
  expires_at?: string;
  collapse_key?: string;
}

/** An event in the inbox, and what the person did with it. */
export interface Entry {
  /** Its number in the person's stream. */
  seq: number;
  event: Event;
  seen_at?: string | null;
  read_at?: string | null;
  archived_at?: string | null;
  snoozed_until?: string | null;
}

export interface InboxPage {
  entries: Entry[];
  /** What to pass as `before` for the next page; null at the end. */
  next: string | null;
  /** Where the stream ends. */
  last_seq: number;
  unread_count: number;
  unseen_count: number;
}

export interface InboxQuery {
  before?: string | null;
  limit?: number;
  filter?: 'all' | 'unread' | 'archived' | 'snoozed';
  service?: string | null;
  type?: string | null;
}

export type Mark = 'seen' | 'read' | 'unread' | 'archive' | 'unarchive' | 'snooze' | 'unsnooze';
export type Status = 'idle' | 'connecting' | 'replaying' | 'live' | 'waiting' | 'offline' | 'unauthorized' | 'refused' | 'replaced';
export type Answer = { option: string } | { text: string };

export interface ActionContext {
  action_id: string;
  state: 'open' | 'answered' | 'expired';
  options: { value: string; label: string }[];
  answer: (Answer & { answered_at: string }) | null;
  event: Event;
}

export interface Counts {
  /** Neither read, nor archived, nor asleep. */
  unread: number;
  /** Of those, what was never shown. */
  unseen: number;
}

export interface Options {
  /** Where the engine is; the page's own origin by default. */
  server?: string;
  /** Keeps the storage of people apart who use one browser. Taken from the token when there is one. */
  user?: string;
  /** A fresh user token. Without it the cookie speaks. */
  getToken?: () => Promise<string>;
}

/** What the client says, by CustomEvents. */
export interface ClientEvents {
  /** Once for each event, in its order, whether stream or push brought it; `seq` is null from a push. */
  event: { event: Event; seq: number | null; isReplay: boolean };
  /** Once for each new entry of the inbox. */
  entry: { event: Event; seq: number };
  counts: Counts;
  status: { status: Status };
  marks: { op: Mark; ids: string[] | null; up_to_seq: number | null; until: string | null };
  answered: { action_id: string; answer: Answer };
  /** Everything that was missed has been said. */
  replayed: { count: number };
  /** These numbers will never come: read the inbox. */
  gap: { from: number; to: number; reason: 'retention' | 'epoch' | 'ahead' };
  /** What the user interface of another tab says. */
  peer: any;
}

/** A person's stream and inbox without a face, shared by all tabs of the browser. */
export class EventCenter extends EventTarget {
  constructor(options: Options);
  readonly status: Status;
  readonly counts: Counts;
  /** Whether this tab holds the browser's one connection. */
  readonly isLeader: boolean;
  connect(): Promise<void>;
  disconnect(): void;
  /** Disconnects and forgets the person: call it when they sign out. */
  forget(): Promise<void>;
  /** Calls `handler` for each event whose type fits (`job.done`, `job.*`, `*`), until the answer is called. */
  on(types: string, handler: (event: Event, detail: ClientEvents['event']) => void): () => void;
  /** Calls `handler` with what a CustomEvent of the client says. */
  listen<Name extends keyof ClientEvents>(name: Name, handler: (detail: ClientEvents[Name]) => void): void;
  inbox(query?: InboxQuery): Promise<InboxPage>;
  /** Marks entries; offline, as soon as there is a network. `snooze` takes `until`. */
  mark(op: Mark, which: { ids?: string[]; up_to_seq?: number; until?: string }): Promise<void>;
  /** Answers an action: true when it is said, false when it waits for the network. Throws with `status` 409 when it was answered. */
  answer(actionId: string, answer: Answer): Promise<boolean>;
  context(actionId: string): Promise<ActionContext>;
  addEventListener<Name extends keyof ClientEvents>(
    type: Name, listener: (event: CustomEvent<ClientEvents[Name]>) => void, options?: AddEventListenerOptions | boolean): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
}

interface Arrival {
  event: Event;
  /** Its number in the stream; null when a push brought it first. */
  seq: number | null;
  /** It is old: the person was away. */
  replay: boolean;
}

/** What the elements say to the page: they bubble. After `preventDefault()` of a cancelable one, the page does the rest. */
export interface EventCenterEventMap {
  /** Every event. Cancelable. */
  'ec-event': CustomEvent<Arrival>;
  'ec-job-done': CustomEvent<Arrival>;
  'ec-job-progress': CustomEvent<Arrival>;
  'ec-action-required': CustomEvent<Arrival>;
  'ec-message-new': CustomEvent<Arrival & { chat_id: string }>;
  'ec-reminder': CustomEvent<Arrival>;
  'ec-alert': CustomEvent<Arrival>;
  /** A link is followed. Cancelable: a single-page host routes it itself. */
  'ec-navigate': CustomEvent<{ url: string; event: Event }>;
  'ec-action-answered': CustomEvent<ClientEvents['answered']>;
  'ec-unread': CustomEvent<{ count: number; unseen: number }>;
  'ec-status': CustomEvent<{ status: Status }>;
  'ec-gap': CustomEvent<ClientEvents['gap']>;
  'ec-error': CustomEvent<{ error: unknown }>;
  /** Pushes were turned on or off here, or could not be; `code` as in the environment check. */
  'ec-push-status': CustomEvent<{ state: 'on' | 'off' | 'failed'; code?: string }>;
  /** The environment was checked. Nothing in it is secret. */
  'ec-diagnostics': CustomEvent<DiagnosticsReport>;
  /** "Show" of a toast that stands for many; the bell opens its panel. */
  'ec-open-inbox': CustomEvent<Record<string, never>>;
}

export interface OwnToast {
  title: string;
  body?: string;
  level?: Level | 'ok';
  /** A newer toast of the same key takes the place of the older. */
  key?: string;
  /** How long it stays, in milliseconds. */
  ms?: number;
}

/**
 * `<ec-notification-center>`, once in a page. Attributes:
 * `server` (the engine's URL, `/`), `user`, `lang` (`ru`, `en`; the page's), `dir`, `theme` (`light`, `dark`; the page's `color-scheme`),
 * `max-toasts` (3), `allow-hosts` (the only other hosts that links may lead to), `push` (`off`, or anything else to register the
 * service worker), `sw` (`/sw.js`), `manual` (connects only when `connect()` is called).
 * A `getToken` property that is set before the element connects takes the cookie's place.
 */
export class NotificationCenter extends HTMLElement {
  getToken?: () => Promise<string>;
  readonly client: EventCenter;
  connect(): Promise<void>;
  disconnect(): void;
  toast(toast: OwnToast): void;
}

/** `<ec-bell>`: the unread count, and the inbox in a panel. */
export class Bell extends HTMLElement {
  toggle(): Promise<void>;
}

/** `<ec-inbox>`: the inbox in the page. Slots `header` and `footer`. */
export interface InboxElement extends HTMLElement {
  load(): Promise<void>;
}

/** `<ec-push-optin>`: asks whether to turn pushes on, and tries one. With `always` it also offers to turn them off. */
export interface PushOptInElement extends HTMLElement {
  /**
   * Offers it, at a moment when it is worth something. The browser's own prompt comes only from a click on the card.
   * False when nothing is shown: it is on, refused for good, or was put off not long ago.
   */
  prime(): Promise<boolean>;
}

/** `<ec-preferences>`: kinds of events by channel, quiet hours, digests, and the browsers that get pushes. */
export interface PreferencesElement extends HTMLElement {
  /** Reads everything anew. */
  refresh(): Promise<void>;
}

export interface DiagnosticsReport {
  schema: 'ec.diagnostics/1';
  at: string;
  overall: 'ok' | 'warn' | 'fail' | 'unknown';
  app: { origin: string; version: string };
  /** Browser, system, language and time zone, as far as a page can tell. */
  environment: Record<string, unknown>;
  checks: {
    id: string;
    status: 'ok' | 'info' | 'warn' | 'fail' | 'needs_action' | 'skipped';
    code?: string;
    ms: number;
    evidence?: Record<string, unknown>;
    guide?: string;
  }[];
}

/**
 * `<ec-diagnostics>`: what could keep notifications from the person, and what to do about it. Attributes: `mode`
 * (`badge`, one line that leads to /check; `panel`, what is wrong; `page`, everything), `server`, `lang`.
 */
export interface DiagnosticsElement extends HTMLElement {
  /** A user token, where cookies are not used. */
  token: () => Promise<string | null> | string | null;
  /** Runs all passive checks anew: none of them prompts, plays or records. */
  check(): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    'ec-notification-center': NotificationCenter;
    'ec-bell': Bell;
    'ec-inbox': InboxElement;
    /** Where alerts are shown; without one, at the top of the page. */
    'ec-banner': HTMLElement;
    'ec-push-optin': PushOptInElement;
    'ec-preferences': PreferencesElement;
    'ec-diagnostics': DiagnosticsElement;
  }
  interface DocumentEventMap extends EventCenterEventMap {}
  interface HTMLElementEventMap extends EventCenterEventMap {}
}
