/**
 * The handlers of a connection, called so that nothing they throw gets past here, because the runtimes differ in what an exception in a
 * socket callback takes down: `failed` is told, which ends the connection as it likes; where nobody listens the connection is destroyed
 * and stderr told.
 */

import type { ConnectFailure, Connection, ConnectionHandlers } from './seam/sockets.ts';

export function tellOpen<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>): void {
  try {
    handlers.open(connection);
  } catch (error) {
    tellFailed(connection, handlers, error);
  }
}

export function tellData<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, bytes: Uint8Array): void {
  try {
    handlers.data(connection, bytes);
  } catch (error) {
    tellFailed(connection, handlers, error);
  }
}

export function tellDrain<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>): void {
  try {
    handlers.drain(connection);
  } catch (error) {
    tellFailed(connection, handlers, error);
  }
}

export function tellEnd<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>): void {
  try {
    handlers.end(connection);
  } catch (error) {
    tellFailed(connection, handlers, error);
  }
}

/** Of handlers that have a `hangup`. */
export function tellHangup<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, unread: number): void {
  try {
    handlers.hangup!(connection, unread);
  } catch (error) {
    tellFailed(connection, handlers, error);
  }
}

export function tellClose<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, error: string | null): void {
  try {
    handlers.close(connection, error);
  } catch (thrown) {
    tellFailed(connection, handlers, thrown);
  }
}

export function tellConnectFailed<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, failure: ConnectFailure): void {
  try {
    handlers.connectFailed(connection.owner, failure);
  } catch (error) {
    tellFailed(connection, handlers, error);
  }
}

function tellFailed<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, error: unknown): void {
  try {
    if (handlers.failed) return handlers.failed(connection, error);
    console.error(error);
  } catch (again) {
    console.error(again);
  }
  connection.destroy();
}
