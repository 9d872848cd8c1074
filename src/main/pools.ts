import type { Log } from '../log/log.ts';
import type { Config } from '../options/config.ts';
import { parseNode } from '../options/node-address.ts';
import type { Backends } from '../pool/backends.ts';
import { PoolMaker } from '../pool/pool-maker.ts';
import type { Runtime } from '../runtime/seam.ts';

/** ms of a clock that never goes back. */
interface Clock {
  precise(): number;
}

/** What makes the pools that `config` wants. What it makes outlives the generation, and holds nothing else of it. */
export function poolMakerOf(runtime: Runtime, config: Config, clock: Clock, log: Log, backends: Backends): PoolMaker {
  const { graceTime, algorithm, slowStart, backendHttp } = config;
  const kind = backendHttp ? 'http' : 'uwsgi';
  const lookup = {
    resolve: (name: string) => runtime.resolve(name),
    warn: (message: string) => log.event('warn', 'name-lookup-failed', message),
    now: () => clock.precise(),
  };
  return new PoolMaker({ graceTime, algorithm, slowStart, kind, parse: (text) => parseNode(text, kind) }, lookup, backends);
}
