import type { Failure } from '../../failure/failures.ts';
import { withoutPort } from '../../http1/routing-key.ts';
import { type Found, isRefusal, type Mapper } from '../mapper.ts';
import type { Pool } from '../pool.ts';

/** What may be configured, in uWSGI's order of priority; subscriptions come between `pattern` and `base`. */
export interface Mappers {
  /** `http-use-cache` */
  readonly cache?: Mapper | null;
  /** `http-use-pattern` */
  readonly pattern?: Mapper | null;
  readonly subscriptions?: Mapper | null;
  /** `http-use-base` */
  readonly base?: Mapper | null;
  /** `http-use-code-string` */
  readonly code?: Mapper | null;
}

/**
 * Asks one mapper after the other, each with the key as given and then without its port, whatever the port. The first to know
 * it wins, be it with a refusal; uWSGI asks none but the first that is configured.
 */
export class MapperChain implements Mapper {
  readonly #mappers: readonly Mapper[];
  readonly #lastResort: Pool | null;

  /** @param lastResort the pool of `http-to`; null when it has no nodes, or with `http-strict-mapping` */
  constructor({ cache, pattern, subscriptions, base, code }: Mappers, lastResort: Pool | null) {
    this.#mappers = [cache, pattern, subscriptions, base, code].filter((mapper) => mapper !== undefined && mapper !== null);
    this.#lastResort = lastResort;
  }

  /** True when the key says anything about where a request goes. */
  get isKeyed(): boolean {
    return this.#mappers.length > 0;
  }

  find(key: string): Found | Promise<Found> {
    return this.#mappers.length === 0 ? this.#lastResort : this.#search(key, 0);
  }

  stop(): void {
    for (const mapper of this.#mappers) mapper.stop?.();
  }

  /** Steps count mappers twice: even ones ask with the port, odd ones without. */
  #search(key: string, from: number): Found | Promise<Found> {
    const bare = withoutPort(key);
    for (let step = from; step < 2 * this.#mappers.length; step++) {
      const isBare = step % 2 === 1;
      if (isBare && bare === key) continue;
      const found = this.#mappers[step >> 1].find(isBare ? bare : key);
      if (found instanceof Promise) return this.#searchLater(found, key, step + 1);
      if (found !== null) return whenReady(found);
    }
    return this.#lastResort;
  }

  async #searchLater(found: Promise<Found>, key: string, next: number): Promise<Found> {
    const known = await found;
    return known === null ? this.#search(key, next) : whenReady(known);
  }
}

/** The first request for a host name waits until that has been looked up. */
function whenReady(found: Pool | Failure): Found | Promise<Found> {
  const pending = isRefusal(found) ? null : found.pending;
  return pending === null ? found : pending.then(() => found);
}
