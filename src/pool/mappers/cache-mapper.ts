import { FileWatch, fileState } from '../../files/file-watch.ts';
import type { Log } from '../../log/log.ts';
import type { Found, Mapper } from '../mapper.ts';
import { readAddresses } from './address-file.ts';
import type { MappedPools } from './mapped-pools.ts';
import { formatFault, MapperError } from './mapper-error.ts';

// Not imported: a bundle would load it at the start of every binary.
const { readFile } = process.getBuiltinModule('node:fs/promises');

/** Keys and their addresses from a file (`http-use-cache`), read again when it changes. A broken one leaves what was read before. */
export class CacheMapper implements Mapper {
  readonly #file: string;
  readonly #pools: MappedPools;
  readonly #log: Log;
  readonly #watch: FileWatch;
  #addresses: ReadonlyMap<string, string>;
  #isStopped = false;

  private constructor(file: string, pools: MappedPools, log: Log, addresses: ReadonlyMap<string, string>, state: string) {
    this.#file = file;
    this.#pools = pools;
    this.#log = log;
    this.#addresses = addresses;
    this.#watch = new FileWatch(file, state, (changed) => this.#reload(changed));
  }

  /** Reads the file. @throws {MapperError} with file, line and hint of every fault */
  static async start(file: string, pools: MappedPools, log: Log): Promise<CacheMapper> {
    const state = await fileState(file);
    return new CacheMapper(file, pools, log, await read(file, pools), state);
  }

  /** How many keys there are. */
  get size(): number {
    return this.#addresses.size;
  }

  find(key: string): Found {
    const address = this.#addresses.get(key);
    return address === undefined ? null : this.#pools.of(address);
  }

  stop(): void {
    this.#isStopped = true;
    this.#watch.stop();
  }

  async #reload(state: string): Promise<boolean> {
    const outcome = await read(this.#file, this.#pools).catch((error: MapperError) => error);
    if (this.#isStopped) return true;
    // Read while somebody wrote: what was seen may be half a file, so neither taken nor complained of.
    if ((await fileState(this.#file)) !== state) return false;
    if (outcome instanceof MapperError) {
      this.#log.event('error', 'mapping-file-bad', 'the new version of a file is not taken; the last good one stays', {
        file: this.#file,
        error: formatFault(outcome.faults[0]),
        errors: outcome.faults.length,
      });
      return true;
    }
    this.#addresses = outcome;
    this.#log.info('a file of addresses was read again', { file: this.#file, keys: outcome.size });
    return true;
  }
}

async function read(file: string, pools: MappedPools): Promise<Map<string, string>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const hint = 'http-use-cache names a text file with one host and its address a line';
    throw new MapperError([{ file, line: 0, message: `cannot be read: ${(error as Error).message}`, hint }]);
  }
  return await readAddresses(file, text, (address) => pools.check(address));
}
