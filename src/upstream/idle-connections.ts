/** What waits to be used again, as far as it concerns those beside it. */
export interface Idle {
  /** By the wheel's clock. */
  readonly idleSince: number;
}

/** The idle connections to one node. The one that was used last is taken first, so that those nobody needs grow old. */
export class IdleConnections<Connection extends Idle> {
  readonly #connections: Connection[] = [];
  readonly #limit: number;

  /** @param limit how many are kept (`http-upstream-connections`) */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#connections.length;
  }

  /** The one that was used last, unless it has been idle since before `since`; null when there is none. */
  take(since: number): Connection | null {
    const last = this.#connections.at(-1);
    if (last === undefined || last.idleSince < since) return null;
    this.#connections.pop();
    return last;
  }

  /** False when there are enough of them. */
  put(connection: Connection): boolean {
    if (this.#connections.length >= this.#limit) return false;
    this.#connections.push(connection);
    return true;
  }

  remove(connection: Connection): void {
    const index = this.#connections.indexOf(connection);
    if (index !== -1) this.#connections.splice(index, 1);
  }
}
