import type { Log } from '../log/log.ts';
import type { TimerWheel } from '../net/timer-wheel.ts';
import type { Node } from '../pool/node.ts';
import type { Pool } from '../pool/pool.ts';
import type { BodyBudget } from './body-spool.ts';
import type { DateLine } from './date-line.ts';
import type { OutBuffer } from './out-buffer.ts';
import type { RequestBuffers } from './request-buffer.ts';
import type { OpenUpstream } from './upstream.ts';

/** What the config says of the life of a request. All times in ms, sizes in bytes; `Infinity` for no bound. */
export interface ServiceSettings {
  readonly timeout: number;
  readonly headersTimeout: number;
  readonly connectTimeout: number;
  /** Idle time between requests; 0 closes after each answer. */
  readonly keepalive: number;
  readonly manageExpect: boolean;
  readonly expectMaxBody: number;
  readonly maxBody: number;
  /** Chunked bodies go to the backend as they come, framing and all (`http-chunked-input`). */
  readonly chunkedInput: boolean;
  readonly bodyBuffer: number;
  readonly bodyBufferMax: number;
  /** Failed connections to nodes are not logged (`http-quiet`); what became of the request still is. */
  readonly quiet: boolean;
  /** Where bodies beyond `bodyBuffer` go; null when there is no such place. */
  readonly tempDirectory: string | null;
}

/** One listener, as requests that came through it know it. */
export interface Front {
  /** Its place among the listeners. */
  readonly index: number;
  /** The text behind the last `:` of its address, once that is known; empty for a unix socket. */
  port: string;
}

/**
 * One immutable generation of config with the parts it was wired to. A session holds the generation it started with;
 * a reload builds the next one.
 */
export interface Service {
  readonly settings: ServiceSettings;
  readonly pool: Pool;
  /** Tried in order when the pool has no node left for a request (`http-fallback`). */
  readonly fallbacks: readonly Node[];
  readonly open: OpenUpstream;
  /** uwsgi knows only CONTENT_LENGTH: a chunked body must have been read whole before its head can be sent. */
  readonly needsLength: boolean;
  /** Is told what was thrown where only a bug throws. */
  readonly failed: (error: unknown) => void;
  readonly log: Log;
  readonly wheel: TimerWheel;
  readonly out: OutBuffer;
  readonly dates: DateLine;
  readonly requestBuffers: RequestBuffers;
  readonly bodyBudget: BodyBudget;
}
