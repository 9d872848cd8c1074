import { Log } from '../log/log.ts';
import type { Config } from '../options/config.ts';
import { Backends } from '../pool/backends.ts';
import { CacheMapper } from '../pool/mappers/cache-mapper.ts';
import { MapperChain } from '../pool/mappers/chain.ts';
import { CodeMapper } from '../pool/mappers/code-mapper.ts';
import { MappedPools, type NodeMaker } from '../pool/mappers/mapped-pools.ts';
import { PathMapper } from '../pool/mappers/path-mapper.ts';
import type { Pool } from '../pool/pool.ts';
import type { Runtime } from '../runtime/seam.ts';
import { poolMakerOf } from './pools.ts';

/** Finds pools by key, and all that it has found. Each is stopped by itself. */
export interface MadeMapper {
  readonly mapper: MapperChain;
  readonly pools: MappedPools;
}

/**
 * The mappers that the config names, with `pool` as the last resort.
 * @throws {MapperError} when a file cannot be read, or says what cannot be understood
 */
export async function makeMapper(config: Config, maker: NodeMaker, pool: Pool, log: Log): Promise<MadeMapper> {
  const { usePattern, useBase, useCache, useCodeString, strictMapping } = config;
  const pools = new MappedPools(maker);
  const cache = useCache === null ? null : await CacheMapper.start(useCache, pools, log);
  try {
    const pattern = usePattern === null ? null : PathMapper.pattern(usePattern, pools);
    const base = useBase === null ? null : PathMapper.base(useBase, pools);
    const code = useCodeString === null ? null : await CodeMapper.start(useCodeString, pools, log);
    const chain = new MapperChain({ cache, pattern, base, code }, strictMapping || config.nodes.length === 0 ? null : pool);
    return { mapper: chain, pools };
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
  const maker = poolMakerOf(runtime, config, { precise: () => runtime.now() }, log, new Backends());
  const { mapper, pools } = await makeMapper(config, maker, maker.pool([]), log);
  mapper.stop();
  pools.stop();
}
