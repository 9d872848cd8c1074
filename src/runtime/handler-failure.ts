import type { Connection, ConnectionHandlers } from './seam/sockets.ts';

/**
 * A handler threw: tells `failed`, which ends the connection as it likes; where nobody listens the connection is destroyed and
 * stderr told. Nothing gets past here, because the runtimes differ in what an exception in a socket callback takes down.
 */
export function handlerFailed<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, error: unknown): void {
  try {
    if (handlers.failed) return handlers.failed(connection, error);
    console.error(error);
  } catch (again) {
    console.error(again);
  }
  connection.destroy();
}
