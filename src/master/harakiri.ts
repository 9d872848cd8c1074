import { isStuck } from '../time/harakiri.ts';
import { type RunningRequest, ScoreboardReader } from './scoreboard.ts';

/** How often scoreboards are read, in ms. */
const LOOK_MS = 250;

export interface WatchedWorker {
  readonly id: number;
  readonly pid: number;
  /** Another one for each process. */
  readonly scoreboardPath: string;
}

/** A request that took too long. */
export interface StuckRequest extends RunningRequest {
  /** In ms, as seen from outside. */
  readonly age: number;
}

/** What is known of one scoreboard. */
interface Board {
  /** When each request was first seen, by slot; `id` tells whether it is still the same one. */
  readonly seen: Map<number, { readonly id: number; readonly at: number }>;
  isTold: boolean;
}

/**
 * The master's part of `harakiri`: finds workers that are stuck in a request, loop and all. The age of a request is counted by the
 * master's own clock from when it first saw it, so that a wall clock that is set forward kills nobody.
 */
export class HarakiriWatch<Worker extends WatchedWorker = WatchedWorker> {
  readonly #now: () => number;
  readonly #limit: number;
  readonly #workers: () => Iterable<Worker>;
  readonly #stuck: (worker: Worker, requests: readonly StuckRequest[]) => void;
  readonly #reader = new ScoreboardReader();
  readonly #timer: ReturnType<typeof setInterval>;
  #boards = new Map<string, Board>();

  /**
   * @param now ms of a clock that never goes back
   * @param limit the setting `harakiri`, in ms
   * @param workers those that run now
   * @param stuck is told once for each worker, 500 to 1,000 ms behind the limit
   */
  constructor(now: () => number, limit: number, workers: () => Iterable<Worker>, stuck: (worker: Worker, requests: readonly StuckRequest[]) => void) {
    this.#now = now;
    this.#limit = limit;
    this.#workers = workers;
    this.#stuck = stuck;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#now();
    const boards = new Map<string, Board>();
    // A copy: whoever is told may take the worker from its list.
    for (const worker of [...this.#workers()]) {
      const board = this.#boards.get(worker.scoreboardPath) ?? { seen: new Map(), isTold: false };
      boards.set(worker.scoreboardPath, board);
      if (board.isTold) continue;
      const overdue = this.#overdue(board, this.#reader.read(worker.scoreboardPath), now);
      if (overdue.length === 0) continue;
      board.isTold = true;
      this.#stuck(worker, overdue);
    }
    this.#boards = boards;
  }

  #overdue({ seen }: Board, running: readonly RunningRequest[], now: number): StuckRequest[] {
    const overdue: StuckRequest[] = [];
    for (const request of running) {
      const first = seen.get(request.slot);
      if (first?.id !== request.id) seen.set(request.slot, { id: request.id, at: now });
      else if (isStuck(this.#limit, now - first.at)) overdue.push({ ...request, age: now - first.at });
    }
    return overdue;
  }
}
