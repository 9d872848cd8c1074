import type { Log } from '../log/log.ts';
import type { Config } from '../options/config.ts';
import { parseNode } from '../options/node-address.ts';
import type { Backends } from '../pool/backends.ts';
import { PoolMaker } from '../pool/pool-maker.ts';
import type { Runtime } from '../runtime/seam.ts';

/** What makes the pools that `config` wants. @param now ms of a clock that never goes back */
export function poolMakerOf(runtime: Runtime, config: Config, now: () => number, log: Log, backends: Backends): PoolMaker {
  const { graceTime, algorithm, slowStart, backendHttp } = config;
  const kind = backendHttp ? 'http' : 'uwsgi';
  const lookup = {
    resolve: (name: string) => runtime.resolve(name),
    warn: (message: string) => log.event('warn', 'name-lookup-failed', message),
    now,
  };
  return new PoolMaker({ graceTime, algorithm, slowStart, kind, parse: (text) => parseNode(text, kind) }, lookup, backends);
}
