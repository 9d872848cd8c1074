import { FAILURES, type Failure } from '../failure/failures.ts';
import { formatPeer } from '../net/peer.ts';
import type { Connection } from '../runtime/seam/sockets.ts';
import { Deadline, type Expiring } from '../time/timer-wheel.ts';
import type { ClientSession, SessionOwner } from './client-session.ts';
import type { ServedFront } from './front.ts';
import type { Peer } from './peer.ts';
import { Prelude, type PreludeSettings } from './prelude.ts';
import type { OpenSession } from './stages.ts';

/**
 * A connection as long as its prelude is read: it hands what comes behind that to the session it opens then, and is no more. What has to
 * be answered before that is the session's to answer.
 */
export class PreludeStage implements ClientSession, Expiring {
  readonly running = 0;
  readonly #served: ServedFront;
  readonly #owner: SessionOwner;
  readonly #connection: Connection<ClientSession>;
  readonly #peer: Peer;
  readonly #prelude: Prelude;
  readonly #open: OpenSession;
  readonly #deadline = new Deadline(this);
  /** By the wheel's clock. */
  readonly #since: number;
  #hasBegun = false;

  constructor(
    settings: PreludeSettings,
    served: ServedFront,
    owner: SessionOwner,
    connection: Connection<ClientSession>,
    peer: Peer,
    open: OpenSession,
  ) {
    this.#served = served;
    this.#owner = owner;
    this.#connection = connection;
    this.#peer = peer;
    this.#prelude = new Prelude(settings, peer);
    this.#open = open;
    const {
      wheel,
      settings: { headersTimeout },
    } = served.service;
    wheel.arm(this.#deadline, headersTimeout);
    this.#since = wheel.now;
  }

  renew(): number {
    return 0;
  }

  drain(): void {
    if (!this.#hasBegun) this.#next().drain();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  turnAway(failure: Failure, rule?: string): void {
    this.#next().turnAway(failure, rule);
  }

  data(bytes: Uint8Array): void {
    this.#hasBegun = true;
    const rest = this.#prelude.read(bytes);
    const { refusal, rule } = this.#prelude;
    if (refusal !== null) this.turnAway(refusal, rule);
    else if (rest !== null && rest.length > 0) this.#next().data(rest);
  }

  /** Nothing was written. */
  drained(): void {}

  ended(): void {
    if (!this.#hasBegun) return this.#next().ended();
    const client = formatPeer(this.#peer.remote);
    this.#served.service.log.event('info', 'client-left', 'the client left in the middle of a head', { client });
    this.#connection.destroy();
  }

  /** It is never paused. */
  hungUp(): void {}

  closed(): void {
    this.#served.service.wheel.remove(this.#deadline);
    this.#owner.sessionClosed(this);
  }

  crashed(): void {
    this.#next().crashed();
  }

  expired(): void {
    if (this.#hasBegun) this.turnAway(FAILURES.headTimeout);
    else this.#next().drain();
  }

  /** The session that has the connection from now on. Its first head has what time is left of the connection's. */
  #next(): ClientSession {
    const { wheel } = this.#served.service;
    const later = this.#prelude.mayRepeat ? this.#prelude : null;
    const session = this.#open(this.#served, this.#owner, this.#connection, this.#peer, later, wheel.now - this.#since);
    wheel.remove(this.#deadline);
    this.#connection.owner = session;
    this.#owner.sessionOpened(session);
    this.#owner.sessionClosed(this);
    return session;
  }
}
