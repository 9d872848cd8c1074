import { AppError } from '../app/app-error.ts';
import type { Log } from '../log/log.ts';
import type { WorkerNode } from '../master/messages.ts';
import type { Config } from '../options/config.ts';
import { Node } from '../pool/node.ts';
import type { Runtime } from '../runtime/seam.ts';
import { TimerWheel } from '../time/timer-wheel.ts';
import { HealthProbe } from '../upstream/health-probe.ts';
import { KeptUpstreams } from '../upstream/kept-upstreams.ts';
import { describe } from './describe.ts';
import { makeUpstreams } from './upstreams.ts';

/**
 * The first question to new workers, before the old ones may go: with `http-check path=…` that path, answered 200 to 399 within
 * `http-timeout`; else only that their socket takes a connection.
 * @throws {AppError} that says how they failed
 */
export async function firstProbe(runtime: Runtime, config: Config, log: Log, node: WorkerNode): Promise<void> {
  const failed = (error: unknown): void => log.event('error', 'internal', describe(error));
  const wheel = new TimerWheel(() => runtime.now(), failed);
  const { openCheck, stop } = await makeUpstreams(
    runtime,
    config,
    wheel,
    log,
    failed,
    null,
    node.kind === 'uwsgi' ? 'wsgi' : 'fetch',
    new KeptUpstreams(),
  );
  const path = config.check?.path ?? null;
  const probe = new HealthProbe(runtime, openCheck, path);
  const target = new Node({ kind: node.kind, address: { kind: 'unix', path: node.path, abstract: false } });
  const reason = await new Promise<string | null>((resolve) => {
    const cancel = probe.start(target, (isWell, why) => {
      clearTimeout(timer);
      resolve(isWell ? null : why);
    });
    const timer = setTimeout(() => {
      cancel();
      resolve('no answer in time');
    }, config.timeout);
  });
  stop();
  if (reason !== null) throw new AppError(`a new worker did not pass its first check${path === null ? '' : ` of ${path}`}: ${reason}`);
}
