import { nodeFs } from '../builtin/modules.ts';
import type { Kernel } from './epoll/kernel.ts';

/** How often it is looked, in ms. */
const LOOK_MS = 1_000;

/**
 * The duty of process 1: to wait for orphans, which the kernel makes its children. Nobody tells which child is one, so those are taken
 * that are still there a look later: the runtime, and the app inside of it, wait for their own when they hear of the end.
 */
export class Orphans {
  readonly #kernel: Pick<Kernel, 'endedChild' | 'waitFor'>;
  readonly #zombies: () => readonly number[];
  #seen = new Set<number>();

  /** @param zombies the ended children of this process that nobody has waited for */
  constructor(kernel: Pick<Kernel, 'endedChild' | 'waitFor'>, zombies: () => readonly number[] = zombiesOfThis) {
    this.#kernel = kernel;
    this.#zombies = zombies;
  }

  /** Looks every second, as long as this process lives. */
  watch(): void {
    setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** One system call when there is nothing to do. */
  look(): void {
    // It shows one of them and takes none.
    const zombies = this.#kernel.endedChild() > 0 ? this.#zombies() : [];
    for (const pid of zombies) if (this.#seen.has(pid)) this.#kernel.waitFor(pid);
    this.#seen = new Set(zombies);
  }
}

/** Empty where /proc does not say. */
function zombiesOfThis(): number[] {
  const zombie = new RegExp(`^\\d+ \\(.*\\) Z ${process.pid} `, 's');
  try {
    return nodeFs()
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && zombie.test(readStat(name)))
      .map(Number);
  } catch {
    return [];
  }
}

/** Empty for a process that is gone. */
function readStat(name: string): string {
  try {
    return nodeFs().readFileSync(`/proc/${name}/stat`, 'latin1');
  } catch {
    return '';
  }
}
