import type { Server } from 'node:net';
import { within } from './wait.ts';

/** Lets a backend of a test listen, at `path` or on a port of 127.0.0.1; returns the port, or null for a path. */
export async function listenServer(server: Server, path?: string): Promise<number | null> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  await within(5000, 'the backend to listen', listening);
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound.port : null;
}
