import { FAILURES } from '../failure/failures.ts';
import { LOST_PEER } from '../net/peer.ts';
import type { Connection, ConnectionHandlers, Listener, ListenOptions, Sockets } from '../runtime/seam/sockets.ts';
import type { ClientSession, SessionOwner } from './client-session.ts';
import { type Front, type ServedFront, serviceThrough } from './front.ts';
import type { Service } from './service.ts';
import { openStages } from './stages.ts';

/** A generation that new requests do not begin with. */
interface Retired {
  /** As it served each listener. */
  readonly services: ReadonlySet<Service>;
  /** Requests that began with it and are still being answered. */
  running: number;
  readonly unused: () => void;
}

/** All client connections of this process: it starts their sessions, counts them, and drains them. */
export class Router implements SessionOwner {
  isDraining = false;
  isPaused = false;
  /** Requests so far, those that were turned away included. */
  requests = 0;
  #service: Service;
  readonly #maxConnections: number;
  readonly #sessions = new Set<ClientSession>();
  readonly #listeners: Listener[] = [];
  readonly #fronts: ServedFront[] = [];
  readonly #retired = new Set<Retired>();
  #drained: (() => void) | null = null;

  /** @param maxConnections more are answered 503 (`http-max-connections`) */
  constructor(service: Service, maxConnections: number) {
    this.#service = service;
    this.#maxConnections = maxConnections;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** Requests that are being answered. */
  get running(): number {
    let running = 0;
    for (const session of this.#sessions) running += session.running;
    return running;
  }

  /**
   * Begins new requests with another generation, on connections that are there too; those in flight finish as they began.
   * `unused` is called once the last of these is finished, which may be within this call. The generation has the process parts of
   * the one before it, and is new: none comes back.
   */
  use(service: Service, unused: () => void = () => {}): void {
    const before = new Set(this.#fronts.map((served) => served.service));
    this.#service = service;
    for (const served of this.#fronts) served.service = serviceThrough(served.front, service);
    let running = 0;
    for (const session of this.#sessions) running += session.renew(before);
    if (running === 0) unused();
    else this.#retired.add({ services: before, running, unused });
  }

  /** Answers new requests 503 until `unpause`; those in flight finish, and connections stay. */
  pause(): void {
    this.isPaused = true;
  }

  unpause(): void {
    this.isPaused = false;
  }

  /**
   * Opens a listener and serves what comes through it.
   * @throws {ListenError}
   */
  async listen(sockets: Sockets, where: Parameters<Sockets['listen']>[0], front: Front, options: ListenOptions = {}): Promise<Listener> {
    const listener = await sockets.listen(where, this.handlers(front), options);
    this.addListener(listener);
    return listener;
  }

  addListener(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** What a listener is given: one shared object, each call handed on to the session of its connection. */
  handlers(front: Front): ConnectionHandlers<ClientSession> {
    const served: ServedFront = { front, service: serviceThrough(front, this.#service) };
    this.#fronts.push(served);
    return {
      open: (connection) => this.#open(connection, served),
      data: (connection, bytes) => connection.owner.data(bytes),
      drain: (connection) => connection.owner.drained(),
      end: (connection) => connection.owner.ended(),
      hangup: (connection, unread) => connection.owner.hungUp(unread),
      close: (connection) => connection.owner.closed(),
      connectFailed: () => {},
      failed: (connection, error) => this.#failed(connection, error),
    };
  }

  requestFinished(service: Service): void {
    for (const retired of this.#retired) {
      if (!retired.services.has(service) || --retired.running > 0) continue;
      this.#retired.delete(retired);
      retired.unused();
    }
  }

  sessionOpened(session: ClientSession): void {
    this.#sessions.add(session);
  }

  sessionClosed(session: ClientSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#drained?.();
  }

  /** Closes the listeners; connections that are there are served on. */
  stopAccepting(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners.length = 0;
  }

  /**
   * Stops accepting, closes idle connections, and resolves when what is in flight is finished, after `mercy` ms at the latest. Where
   * others go on serving, `patience` ms are given to idle connections for a request that is on its way: its answer says that it is the last.
   */
  async drain(mercy: number, patience = 0): Promise<void> {
    this.isDraining = true;
    this.stopAccepting();
    if (patience > 0 && this.#sessions.size > 0) await this.#untilDrained(patience);
    for (const session of this.#sessions) session.drain();
    if (this.#sessions.size > 0) await this.#untilDrained(mercy);
    if (this.#sessions.size > 0) {
      this.#service.log.event('warn', 'mercy-over', 'connections are cut off: reload-mercy is over', { connections: this.#sessions.size });
    }
    this.destroy();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.isDraining = true;
    this.stopAccepting();
    for (const session of this.#sessions) session.destroy();
  }

  #open(connection: Connection<ClientSession>, served: ServedFront): void {
    const session = openStages(served, this, connection);
    connection.owner = session;
    this.sessionOpened(session);
    // Nobody is left to answer, and what was sent by we know not whom is better not believed.
    if (connection.remote === LOST_PEER) session.destroy();
    else if (this.#sessions.size > this.#maxConnections && !served.front.isPrivate) session.turnAway(FAILURES.tooManyConnections);
  }

  #failed(connection: Connection<ClientSession>, error: unknown): void {
    this.#service.failed(error);
    // The `open` handler itself may have thrown.
    if (connection.owner === undefined) connection.destroy();
    else connection.owner.crashed();
  }

  #untilDrained(mercy: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, mercy);
      this.#drained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
