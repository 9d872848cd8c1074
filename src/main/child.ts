import { AppWork } from '../app/app-work.ts';
import type { RunningRequests } from '../app/timed-app.ts';
import { type LineSink, Log } from '../log/log.ts';
import type { Order, Report, StartOrder } from '../master/messages.ts';
import type { Config } from '../options/config.ts';
import type { Parent, Signal } from '../runtime/seam/processes.ts';
import type { Runtime } from '../runtime/seam.ts';
import { messageOf } from './describe.ts';
import { listenersOf } from './listener-configs.ts';
import { ObedientChild, readSettings } from './obedient-child.ts';
import { Server } from './server.ts';
import { Uncaught } from './uncaught.ts';

/** A terminal and systemd tell the whole group; only the master decides what comes of it. */
const IGNORED: readonly Signal[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTSTP', 'SIGWINCH'];

type Tell = (report: Report) => void;

/** The life of a router or worker process, from the first order of its master, which is `first`, to its end. */
export function runChild(runtime: Runtime, parent: Parent, first: StartOrder, sink: LineSink): void {
  runtime.ignoreSignals(IGNORED);
  const tell: Tell = (report) => void parent.send(report);
  let child: ObedientChild | null = null;
  const start = async (order: StartOrder): Promise<void> => {
    try {
      const begin = order.role === 'router' ? startRouter : startWorker;
      const made = (server: Server): ObedientChild => {
        child = new ObedientChild(runtime, server, order.plan, tell);
        child.start(order.topics);
        return child;
      };
      await begin(runtime, parent, order, sink, made, tell);
      tell({ kind: 'ready' });
    } catch (thrown) {
      const error = runtime.explain(thrown);
      tell({ kind: 'failed', message: messageOf(error), hint: (error as { hint?: string }).hint ?? null });
      // The message is on its way; the master ends who lingers.
      setTimeout(() => runtime.exit(1), 100);
    }
  };
  // One after the other: what is prepared takes its time, and the next order counts.
  let last: Promise<unknown> = start(first);
  parent.onMessage((value) => {
    last = last.then(() => child?.obey(value as Exclude<Order, StartOrder>));
  });
  // Without its master it would be nobody's.
  parent.onDisconnect(() => runtime.exit(1));
}

/** @param made is told of the server before the first client comes */
async function startRouter(
  runtime: Runtime,
  parent: Parent,
  { id, settings, app }: StartOrder,
  sink: LineSink,
  made: (server: Server) => ObedientChild,
): Promise<void> {
  const config = readSettings(settings);
  let child: ObedientChild | null = null;
  await Server.start(runtime, config, sink, {
    listeners: listenersOf(config, app.kind, 'router'),
    sockets: await parent.sockets(),
    // Where they are follows: it is a topic.
    ...(app.kind === 'none' ? {} : { workers: { kind: app.kind, nodes: [] } }),
    checksNodes: id === 1,
    made(server) {
      child = made(server);
    },
    marked: (mark) => child?.marked(mark),
  });
}

async function startWorker(
  runtime: Runtime,
  parent: Parent,
  { id, settings, app, scoreboard }: StartOrder,
  sink: LineSink,
  made: (server: Server) => ObedientChild,
  tell: Tell,
): Promise<void> {
  if (app.kind !== 'fetch') throw new Error(`workers run fetch apps, not ${app.kind}`);
  runtime.endWithParent();
  const config = readSettings(settings);
  const uncaught = new Uncaught(runtime, new Log(sink, config.logLevel), tell);
  const sockets = await parent.sockets();
  const { loadFetchApp } = await import('../app/load-app.ts');
  const server = await Server.start(runtime, config, sink, {
    listeners: listenersOf(config, 'fetch', 'worker'),
    sockets: sockets.slice(0, -1),
    privateSocket: sockets.at(-1)!,
    app: {
      handler: await uncaught.before(loadFetchApp(await runtime.apps(), app.path, app.name)),
      board: scoreboard === null ? null : await openBoard(scoreboard),
      work: new AppWork(),
    },
    sharesListeners: true,
    checksNodes: false,
    made,
  });
  retireInTime(config, server, id, tell);
  uncaught.serves();
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
