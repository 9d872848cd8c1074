import type { GzipEngine } from '../encoding/gzip.ts';
import type { Log } from '../log/log.ts';
import type { CidrSet } from '../net/cidr.ts';
import type { TimerWheel } from '../time/timer-wheel.ts';
import type { TurnClock } from '../time/turn-clock.ts';
import type { BodyBudget } from './body-spool.ts';
import type { DateLine } from './date-line.ts';
import type { HalfClose } from './half-close.ts';
import type { OutBuffer } from './out-buffer.ts';
import type { PreludeSettings } from './prelude.ts';
import type { RequestBuffers } from './request-buffer.ts';
import type { Route } from './route.ts';
import type { TransactionSink } from './transaction.ts';
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
  /** Answers of unknown length are chunked (`http-auto-chunked`); else they end by close. */
  readonly autoChunked: boolean;
  /** Bytes of an answer read ahead of a slow client (`http-response-buffer`). */
  readonly responseBuffer: number;
  /** Bytes a second that a client must move while only it is waited for (`http-min-rate`); 0 for no such rule. */
  readonly minRate: number;
  /** Every request is followed by bytes both ways (`http-raw-body`). */
  readonly rawBody: boolean;
  /** So are those of method SOURCE (`http-manage-source`). */
  readonly manageSource: boolean;
  /** RTSP/1.0 is let in (`http-manage-rtsp`). */
  readonly manageRtsp: boolean;
  /** Bytes from 0x80 on are let in in targets (`http-raw-target`). Default false. */
  readonly rawTarget?: boolean;
  /** Bodies are read whole before a node is chosen, so many bytes of them in memory (`http-post-buffering`); 0 for streaming. */
  readonly postBuffering: number;
  /** How long a tunnel may rest (`http-tunnel-timeout`). */
  readonly tunnelTimeout: number;
  /** What a client's FIN behind a complete request means (`http-half-close`). */
  readonly halfClose: HalfClose;
  /** How long a client that ended its half waits without output (`http-half-close-timeout`). */
  readonly halfCloseTimeout: number;
  /** Where bodies beyond `bodyBuffer` go; null when there is no such place. */
  readonly tempDirectory: string | null;
}

/** What all generations of a process share: what a session holds of these stays valid whatever generation serves its next request. */
export interface ProcessParts {
  readonly log: Log;
  /** Is told what was thrown where only a bug throws. */
  readonly failed: (error: unknown) => void;
  readonly wheel: TimerWheel;
  readonly clock: TurnClock;
  readonly out: OutBuffer;
  readonly dates: DateLine;
  readonly requestBuffers: RequestBuffers;
  readonly bodyBudget: BodyBudget;
}

/**
 * One immutable generation of config with the parts it was wired to. A request is served to its end by the generation it began
 * with; a reload builds the next one (`Router.use`).
 */
export interface Service extends ProcessParts {
  readonly settings: ServiceSettings;
  /** Who answers what comes to `http`. */
  readonly route: Route;
  /** Who answers what comes to the app's own listeners (`http-socket`, `socket`, a worker's private one). */
  readonly appRoute: Route;
  /** Speaks to nodes, each in its protocol. */
  readonly open: OpenUpstream;
  /** uwsgi knows only CONTENT_LENGTH: a chunked body must have been read whole before its head can be sent. */
  readonly needsLength: boolean;
  /** Null when nothing is compressed (`http-auto-gzip`). */
  readonly gzip: GzipEngine | null;
  /**
   * Null when nothing is expected before a request (`http-enable-proxy-protocol`, `http-stud-prefix`). A connection keeps what held
   * when it was opened, for its life: what stands before its requests does not change with our config.
   */
  readonly prelude: PreludeSettings | null;
  /** Whose word counts for who the client is (`http-trusted-proxies`); null when nobody was named, and the fields pass as they are. Asked at each request. */
  readonly trustedProxies: CidrSet | null;
  /** Is told of every request that has ended; `NO_SINK` where nobody wants to know. */
  readonly transactions: TransactionSink;
}
