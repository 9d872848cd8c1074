/** What is measured. Each workload gives one number for a router; less is better. */

import type { Mode } from './contestant.ts';
import { echoes, openIdle, p99AtRate, upload, wrk } from './load.ts';
import type { Running } from './server.ts';

export interface Settings {
  readonly seconds: number;
  readonly directory: string;
  /** Half of what nginx managed on the keep-alive GET in this round, in requests a second. */
  readonly halfLoad: number;
}

export interface Workload {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  /** `uwsgi` by default. */
  readonly mode?: Mode;
  /** Of one that runs; null where it is the start that is measured. */
  readonly measure: ((router: Running, settings: Settings) => number | Promise<number>) | null;
  /** Starts of each router, on both cores as it would be anywhere, one router after the other; the best counts. */
  readonly starts?: number;
  /** All routers are up at the same time and warm; then they are measured one after the other, so often in a round. */
  readonly turns?: number;
  /** Before the first turn. */
  warmUp?(router: Running, settings: Settings): void;
}

/** Compilers have had their say by then. */
const WARM_UP_SECONDS = 2;
const IDLE_CONNECTIONS = 1000;
const MEGABYTES_100 = 100 * 1024 * 1024;

const cpuPerRequest =
  (path: string, connections: number, ...fields: string[]) =>
  (router: Running, { seconds }: Settings): number => {
    const url = `http://127.0.0.1:${router.port}${path}`;
    wrk(url, WARM_UP_SECONDS, connections, fields);
    const before = router.cpu();
    const { requests } = wrk(url, seconds, connections, fields);
    return (router.cpu() - before) / requests;
  };
const urlOf = ({ port }: Running): string => `http://127.0.0.1:${port}/`;
const GZIP = 'Accept-Encoding: gzip';

export const WORKLOADS: readonly Workload[] = [
  { name: 'keep-alive GET', unit: 'CPU µs a request', digits: 1, measure: cpuPerRequest('/', 64) },
  { name: 'closing clients', unit: 'CPU µs a request', digits: 1, mode: 'closing', measure: cpuPerRequest('/', 64, 'Connection: close') },
  { name: '1 MiB answer', unit: 'CPU µs a request', digits: 0, measure: cpuPerRequest('/1m', 16) },
  { name: '100 KB without a length', unit: 'CPU µs a request', digits: 1, measure: cpuPerRequest('/chunked', 16) },
  {
    name: '100 MB upload',
    unit: 'CPU ms',
    digits: 0,
    measure(router, { directory }) {
      const url = `http://127.0.0.1:${router.port}/`;
      upload(url, MEGABYTES_100, directory);
      const before = router.cpu();
      for (let i = 0; i < 3; i++) upload(url, MEGABYTES_100, directory);
      return (router.cpu() - before) / 3 / 1000;
    },
  },
  {
    name: 'idle connection',
    unit: `KiB each, of ${IDLE_CONNECTIONS}`,
    digits: 1,
    async measure(router) {
      // The first lot leaves the allocator with what it keeps anyway.
      for (const socket of await openIdle(router.port, IDLE_CONNECTIONS)) socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const before = router.rss();
      const sockets = await openIdle(router.port, IDLE_CONNECTIONS);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const each = (router.rss() - before) / IDLE_CONNECTIONS / 1024;
      for (const socket of sockets) socket.destroy();
      return each;
    },
  },
  { name: 'HTTP node, keep-alive GET', unit: 'CPU µs a request', digits: 1, mode: 'http', measure: cpuPerRequest('/', 64) },
  { name: 'HTTP node, 100 KB chunked', unit: 'CPU µs a request', digits: 1, mode: 'http', measure: cpuPerRequest('/chunked', 16) },
  { name: 'persistent uwsgi, keep-alive GET', unit: 'CPU µs a request', digits: 1, mode: 'puwsgi', measure: cpuPerRequest('/', 64) },
  { name: 'gzip, pages of 100 KB', unit: 'CPU µs a request', digits: 0, mode: 'gzip', measure: cpuPerRequest('/page', 16, GZIP) },
  { name: 'gzip, 100 events of 240 bytes', unit: 'CPU µs a request', digits: 0, mode: 'gzip', measure: cpuPerRequest('/events', 16, GZIP) },
  {
    name: 'WebSocket echo',
    unit: 'CPU µs a message',
    digits: 1,
    async measure(router, { seconds }) {
      await echoes(router.port, 64, WARM_UP_SECONDS);
      const before = router.cpu();
      const messages = await echoes(router.port, 64, seconds);
      return (router.cpu() - before) / messages;
    },
  },
  { name: 'exec to first answer', unit: 'ms', digits: 1, starts: 15, measure: null },
  {
    name: 'p99 at half load',
    unit: "ms, at half of nginx's most",
    digits: 2,
    turns: 5,
    // What is in the tail while a compiler is at work says little of the hours behind that. Half load takes other ways through a router
    // than full load, such as going to sleep, and they are compiled anew: for six to nine seconds that shows.
    warmUp(router, { directory, halfLoad }) {
      wrk(urlOf(router), 2 * WARM_UP_SECONDS);
      p99AtRate(urlOf(router), 5 * WARM_UP_SECONDS, halfLoad, directory);
    },
    measure: (router, { seconds, directory, halfLoad }) => p99AtRate(urlOf(router), seconds, halfLoad, directory),
  },
];
