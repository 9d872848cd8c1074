import type { Failure } from '../failure/failures.ts';
import type { Service } from './service.ts';

/** What serves one client connection, as the router holds it, and as the listener tells it what happens: the same for every protocol. */
export interface ClientSession {
  /** Requests that are being answered. */
  readonly running: number;

  // From the router

  /**
   * Its next requests begin with the newest generation. Returns how many of those in flight began with one of `before`: each of
   * them is told by `SessionOwner.requestFinished`.
   */
  renew(before: ReadonlySet<Service>): number;
  /** Finishes what is in flight; an idle connection closes at once. */
  drain(): void;
  /** Ends at once, whatever is in flight. */
  destroy(): void;
  /** Answers a connection that cannot be served, before anything was read from it. @param rule what was broken, for the log */
  turnAway(failure: Failure, rule?: string): void;

  // Events of the connection, as `ConnectionHandlers` has them

  data(bytes: Uint8Array): void;
  drained(): void;
  /** The client's FIN. */
  ended(): void;
  /** FIN has come while nothing was read, behind `unread` bytes. */
  hungUp(unread: number): void;
  closed(): void;
  /** One of these threw: this connection ends, with an answer if it can still get one; the others never know. */
  crashed(): void;
}

/** What a session asks of the router it belongs to. */
export interface SessionOwner {
  readonly isDraining: boolean;
  readonly isPaused: boolean;
  /** Requests so far; counted by the sessions. */
  requests: number;
  /** A request is over that began with `service`, which is not that of its listener any more. */
  requestFinished(service: Service): void;
  sessionOpened(session: ClientSession): void;
  sessionClosed(session: ClientSession): void;
}
