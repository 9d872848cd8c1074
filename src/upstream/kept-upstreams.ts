/** What keeps connections to nodes, and ends with a last word. */
interface Stoppable {
  stop(): void;
}

/**
 * What keeps connections to nodes, beyond one generation of config: generations that want the same share one, so that a reload closes
 * no connection that the next request could use. Each is stopped when the last generation has given it back.
 */
export class KeptUpstreams {
  readonly #byKey = new Map<string, { readonly kept: Stoppable; holders: number }>();

  /**
   * @param kind whose these are
   * @param settings all that they are made by, as plain data
   * @param make for the first generation that wants such
   * @returns what is shared, and what gives it back, once
   */
  take<Kept extends Stoppable>(kind: string, settings: object, make: () => Kept): readonly [kept: Kept, giveBack: () => void] {
    const key = `${kind} ${JSON.stringify(settings)}`;
    const known = this.#byKey.get(key) ?? { kept: make(), holders: 0 };
    known.holders++;
    this.#byKey.set(key, known);
    const giveBack = (): void => {
      if (--known.holders > 0) return;
      this.#byKey.delete(key);
      known.kept.stop();
    };
    return [known.kept as Kept, giveBack];
  }
}
