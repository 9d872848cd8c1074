import type { AppHost } from './seam/apps.ts';
import type { EventLoop } from './seam/event-loop.ts';
import type { Host } from './seam/host.ts';
import type { Processes } from './seam/processes.ts';
import type { Sockets } from './seam/sockets.ts';

/**
 * The seam: everything the rest of ugate asks of the runtime it runs on, in parts, so that nobody is handed more than it needs.
 *
 * `bun.ts`, `deno.ts` and `node.ts` implement it in the same shape; nothing outside this room names a runtime.
 * `tests/runtime/` holds every adapter to it.
 */
export interface Runtime extends Sockets, Processes, Host, EventLoop {
  /** What it does for apps. */
  apps(): Promise<AppHost>;
}
