// Types that our own modules share. What hosts may rely on is in `ec.d.ts`.

import type { Status } from './ec.js';

/** What a socket stands on. */
export interface SocketOptions {
  server: URL;
  /** Members of the hello frame. */
  hello(): { device?: string; resume?: string; after?: number };
  token(anew: boolean): Promise<string | null>;
  post(path: string, body?: object): Promise<any>;
  onFrame(frame: any): void;
  onStatus(status: Status): void;
  /** The position does not fit the stream. */
  forget(): void;
}

/** What a link to the server says of itself. */
export interface LinkHandlers {
  onOpen(): void;
  onFrame(frame: any): void;
  onClose(code: number): void;
}

export interface Link {
  /** Whether it is server-sent events, which have no hello and no ping of ours. */
  isStream: boolean;
  send(frame: any): void;
  close(): void;
}

export interface TabsHandlers {
  /** This tab leads from now on. */
  onLead(): void;
  /** It no longer does. */
  onResign(): void;
  /** Another tab says something. */
  onMessage(message: any): void;
}

export interface Bar extends HTMLElement {
  /** Moves it; null while nobody knows how far it is. */
  advance(percent: number | null): void;
}

export interface Toast {
  /** A newer toast of the same key takes the place of the older. */
  key: string;
  title: string;
  body?: string;
  level: string;
  picture: string;
  /** What level and picture mean: the name of a text. */
  word: string;
  /** How long it stays; `Infinity` until it is dismissed. */
  ms: number;
  actions?: (HTMLElement | false | null)[];
  bar?: Bar;
  /** The person has put it away. */
  onDismiss?(): void;
}
