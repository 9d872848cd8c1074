import { LOST_PEER } from '../net/address.ts';
import type { Connection, ConnectionHandlers, Listener } from '../runtime/seam.ts';
import { FAILURES } from './failures.ts';
import type { Front, Service } from './service.ts';
import { Session, type SessionOwner } from './session.ts';

/** All client connections of this process: it starts their sessions, counts them, and drains them. */
export class Router implements SessionOwner {
  isDraining = false;
  /** Connections that closed without a byte, such as a load balancer's checks of the port. */
  silentConnections = 0;
  readonly #service: Service;
  readonly #maxConnections: number;
  readonly #sessions = new Set<Session>();
  readonly #listeners: Listener[] = [];
  #drained: (() => void) | null = null;

  /** @param maxConnections more are answered 503 (`http-max-connections`) */
  constructor(service: Service, maxConnections: number) {
    this.#service = service;
    this.#maxConnections = maxConnections;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  addListener(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** What a listener is given: one shared object, each call handed on to the session of its connection. */
  handlers(front: Front): ConnectionHandlers<Session> {
    return {
      open: (connection) => this.#open(connection, front),
      data: (connection, bytes) => connection.owner.data(bytes),
      drain: (connection) => connection.owner.drained(),
      end: (connection) => connection.owner.ended(),
      close: (connection) => connection.owner.closed(),
      connectFailed: () => {},
      failed: (connection, error) => this.#failed(connection, error),
    };
  }

  sessionClosed(session: Session, isSilent: boolean): void {
    this.#sessions.delete(session);
    if (isSilent) this.silentConnections++;
    if (this.#sessions.size === 0) this.#drained?.();
  }

  /** Stops accepting, closes idle connections, and resolves when what is in flight is finished, after `mercy` ms at the latest. */
  async drain(mercy: number): Promise<void> {
    this.#stopAccepting();
    for (const session of this.#sessions) session.drain();
    if (this.#sessions.size > 0) await this.#untilDrained(mercy);
    if (this.#sessions.size > 0) {
      this.#service.log.event('warn', 'mercy-over', 'connections are cut off: reload-mercy is over', { connections: this.#sessions.size });
    }
    this.destroy();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#stopAccepting();
    for (const session of this.#sessions) session.destroy();
    this.#service.pool.stop();
  }

  #stopAccepting(): void {
    this.isDraining = true;
    for (const listener of this.#listeners) listener.close();
  }

  #open(connection: Connection<Session>, front: Front): void {
    const session = new Session(this.#service, this, front, connection);
    connection.owner = session;
    this.#sessions.add(session);
    // Nobody is left to answer, and what was sent by we know not whom is better not believed.
    if (connection.remote === LOST_PEER) session.destroy();
    else if (this.#sessions.size > this.#maxConnections) session.turnAway(FAILURES.tooManyConnections);
  }

  #failed(connection: Connection<Session>, error: unknown): void {
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
