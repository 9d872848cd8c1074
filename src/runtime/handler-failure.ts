import type { Connection, ConnectionHandlers } from './seam.ts';

/**
 * A handler threw: destroys its connection and tells `failed`, or stderr where nobody listens.
 * Nothing gets past here, because the runtimes differ in what an exception in a socket callback takes down.
 */
export function handlerFailed<Owner>(connection: Connection<Owner>, handlers: ConnectionHandlers<Owner>, error: unknown): void {
  connection.destroy();
  try {
    if (handlers.failed) handlers.failed(connection, error);
    else console.error(error);
  } catch (again) {
    console.error(again);
  }
}
