import { AppWork } from '../app/app-work.ts';
import type { LineSink } from '../log/log.ts';
import type { Order, Report, StartOrder } from '../master/messages.ts';
import { type Config, configFromSettings, type PlainSetting } from '../options/config.ts';
import { formatErrors } from '../options/errors.ts';
import type { Parent, Runtime, Signal } from '../runtime/seam.ts';
import type { RunningRequests } from '../upstream/timed-app.ts';
import { messageOf } from './describe.ts';
import { placesOf } from './places.ts';
import { Server } from './server.ts';

/** A terminal and systemd tell the whole group; only the master decides what comes of it. */
const IGNORED: readonly Signal[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP', 'SIGWINCH'];

type Tell = (report: Report) => void;

/** The life of a router or worker process, from the first order of its master, which is `first`, to its end. */
export function runChild(runtime: Runtime, parent: Parent, first: StartOrder, sink: LineSink): void {
  runtime.ignoreSignals(IGNORED);
  const tell: Tell = (report) => void parent.send(report);
  let server: Server | null = null;
  const start = async (order: StartOrder): Promise<void> => {
    try {
      server =
        order.role === 'router' ? await startRouter(runtime, parent, order, sink, tell) : await startWorker(runtime, parent, order, sink, tell);
      server.pause(order.isPaused);
      tell({ kind: 'ready' });
    } catch (thrown) {
      const error = runtime.explain(thrown);
      tell({ kind: 'failed', message: messageOf(error), hint: (error as { hint?: string }).hint ?? null });
      // The message is on its way; the master ends who lingers.
      setTimeout(() => runtime.exit(1), 100);
    }
  };
  // One after the other: a reload takes its time, and the next one counts.
  let last: Promise<unknown> = start(first);
  parent.onMessage((value) => {
    const order = value as Exclude<Order, StartOrder>;
    last = last.then(() => (server !== null ? obey(runtime, server, order, tell) : undefined));
  });
  // Without its master it would be nobody's.
  parent.onDisconnect(() => runtime.exit(1));
}

async function obey(runtime: Runtime, server: Server, order: Exclude<Order, StartOrder>, tell: Tell): Promise<void> {
  switch (order.kind) {
    case 'use': {
      const problem = await use(server, order).then(
        () => null,
        (thrown) => messageOf(runtime.explain(thrown)),
      );
      return tell({ kind: 'using', ticket: order.ticket, problem });
    }
    case 'stop-accepting':
      server.stopAccepting();
      return tell({ kind: 'using', ticket: order.ticket, problem: null });
    case 'pause':
      return server.pause(order.isPaused);
    case 'mark':
      return server.learn(order.mark);
    case 'status':
      return tell({ kind: 'status', ticket: order.ticket, status: server.status });
    case 'drain':
      void server.stop(order.mercy, order.patience).then(() => {
        server.log.flush();
        runtime.exit(0);
      });
  }
}

async function use(server: Server, { settings, nodes }: Extract<Order, { readonly kind: 'use' }>): Promise<void> {
  if (settings !== null) await server.use(readSettings(settings));
  server.useWorkers(nodes);
}

async function startRouter(runtime: Runtime, parent: Parent, { id, settings, app, nodes }: StartOrder, sink: LineSink, tell: Tell): Promise<Server> {
  const config = readSettings(settings);
  return Server.start(runtime, config, sink, {
    places: placesOf(config, app.kind, 'router'),
    sockets: await parent.sockets(),
    ...(app.kind === 'none' ? {} : { workers: { kind: app.kind, nodes } }),
    checksNodes: id === 1,
    marked: (mark) => tell({ kind: 'mark', mark }),
  });
}

async function startWorker(
  runtime: Runtime,
  parent: Parent,
  { id, settings, app, scoreboard }: StartOrder,
  sink: LineSink,
  tell: Tell,
): Promise<Server> {
  if (app.kind !== 'fetch') throw new Error(`workers run fetch apps, not ${app.kind}`);
  runtime.endWithParent();
  const config = readSettings(settings);
  const sockets = await parent.sockets();
  const { loadFetchApp } = await import('../app/load-app.ts');
  const server = await Server.start(runtime, config, sink, {
    places: placesOf(config, 'fetch', 'worker'),
    sockets: sockets.slice(0, -1),
    privateSocket: sockets.at(-1)!,
    app: { handler: await loadFetchApp(app.path, app.name), board: scoreboard === null ? null : await openBoard(scoreboard), work: new AppWork() },
    sharesPlaces: true,
    checksNodes: false,
  });
  retireInTime(config, server, id, tell);
  return server;
}

async function openBoard(path: string): Promise<RunningRequests> {
  const { Scoreboard } = await import('../master/scoreboard.ts');
  return Scoreboard.open(path);
}

/** `max-requests` and `max-worker-lifetime`. Looked at now and then, so that no request pays for it. */
function retireInTime({ maxRequests, maxWorkerLifetime }: Config, server: Server, id: number, tell: Tell): void {
  if (maxRequests === 0 && maxWorkerLifetime === 0) return;
  const started = performance.now();
  // Workers that were born together shall not die together.
  const lifetime = maxWorkerLifetime * (1 + 0.05 * id);
  const timer = setInterval(() => {
    const { requests } = server.status;
    const isSpent = maxRequests > 0 && requests >= maxRequests;
    if (!isSpent && (maxWorkerLifetime === 0 || performance.now() - started < lifetime)) return;
    clearInterval(timer);
    tell({ kind: 'retire', reason: isSpent ? `it has served ${requests} requests (max-requests)` : 'its max-worker-lifetime is over' });
  }, 200);
}

/** The master has checked them; what is wrong now has changed since. */
function readSettings(settings: StartOrder['settings']): Config {
  const result = configFromSettings(settings as readonly PlainSetting[]);
  if (result.kind === 'errors') throw new Error(formatErrors(result.errors));
  return result.config;
}
