import { Log } from '../log/log.ts';
import { TimerWheel } from '../net/timer-wheel.ts';
import type { Config } from '../options/config.ts';
import type { Mapper } from '../pool/mapper.ts';
import { CacheMapper } from '../pool/mappers/cache-mapper.ts';
import { MapperChain } from '../pool/mappers/chain.ts';
import { CodeMapper } from '../pool/mappers/code-mapper.ts';
import { MappedPools, type NodeMaker } from '../pool/mappers/mapped-pools.ts';
import { PathMapper } from '../pool/mappers/path-mapper.ts';
import type { Pool } from '../pool/pool.ts';
import type { Runtime } from '../runtime/seam.ts';
import { PoolMaker } from './pools.ts';

/**
 * The mappers that the config names, with `pool` as the last resort.
 * @throws {MapperError} when a file cannot be read, or says what cannot be understood
 */
export async function makeMapper(config: Config, maker: NodeMaker, pool: Pool, log: Log): Promise<Mapper> {
  const { usePattern, useBase, useCache, useCodeString, strictMapping } = config;
  const pools = new MappedPools(maker);
  const cache = useCache === null ? null : await CacheMapper.start(useCache, pools, log);
  try {
    const pattern = usePattern === null ? null : PathMapper.pattern(usePattern, pools);
    const base = useBase === null ? null : PathMapper.base(useBase, pools);
    const code = useCodeString === null ? null : await CodeMapper.start(useCodeString, pools, log);
    const chain = new MapperChain({ cache, pattern, base, code }, strictMapping || config.nodes.length === 0 ? null : pool);
    return {
      find: (key) => chain.find(key),
      stop: () => {
        chain.stop();
        pools.stop();
      },
    };
  } catch (error) {
    cache?.stop();
    throw error;
  }
}

/**
 * Reads the files of the mappers and loads their code, and lets go of them again (`--check`).
 * @throws {MapperError} as `makeMapper`
 */
export async function checkMapper(runtime: Runtime, config: Config): Promise<void> {
  if (!config.hasMappers) return;
  const log = new Log(() => {}, 'error');
  const maker = new PoolMaker(
    runtime,
    config,
    new TimerWheel(
      () => runtime.now(),
      () => {},
    ),
    log,
  );
  const mapper = await makeMapper(config, maker, maker.pool([]), log);
  mapper.stop?.();
}
