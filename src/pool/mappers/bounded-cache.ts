/**
 * A map that holds at most `limit` entries and forgets those that were not asked for the longest. In two generations, so that
 * an answer costs one look-up: what is asked for lives in the young one, and when that is full the old one is forgotten.
 */
export class BoundedCache<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  readonly #half: number;
  readonly #dropped: ((value: V) => void) | null;

  /** @param dropped is told of each value that is forgotten for want of room */
  constructor(limit: number, dropped: ((value: V) => void) | null = null) {
    this.#half = Math.max(1, Math.floor(limit / 2));
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    this.#old.delete(key);
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      if (this.#dropped !== null) for (const forgotten of this.#old.values()) this.#dropped(forgotten);
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  *values(): Generator<V> {
    yield* this.#young.values();
    yield* this.#old.values();
  }
}
