import { AppError } from '../app/app-error.ts';
import type { ChildProcess } from '../runtime/seam/processes.ts';
import type { BoundSocket } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import type { Order, ProcessStatus, Report, Role, StartOrder } from './messages.ts';
import { SetupError } from './setup-error.ts';
import type { Follower, TopicHub } from './topic-hub.ts';

/** How long a child may take to answer a question of the master's. */
export const ANSWER_MS = 10_000;
/** A child that is told to end and does not is killed so long after its mercy is over. */
const SPARE_MS = 1_000;

/** Where a child is started: in our own surroundings unless something else is said. */
export interface ChildSurroundings {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

export interface ChildEvents {
  /** What it tells of its own accord. */
  told(child: Child, report: Report): void;
  /** The process is gone. `reason` is for people, such as `signal SIGKILL`. Comes exactly once, after `ready` was settled. */
  ended(child: Child, reason: string): void;
}

/** What a child is started with, beside what it is told. */
export interface ChildParts {
  readonly runtime: Runtime;
  readonly hub: TopicHub;
  /** What it follows. */
  readonly topics: readonly string[];
  readonly sockets: readonly BoundSocket[];
  readonly surroundings?: ChildSurroundings;
}

type Answer = Extract<Report, { readonly ticket: number }>;
type Ask<O> = O extends { readonly ticket: number } ? Omit<O, 'ticket'> : never;
/** An order that is answered, without its ticket. */
type Question = Ask<Order>;

/** One process of ours: a router or a worker. */
export class Child {
  readonly id: number;
  /** Resolves when it does its work, and hears what it is told; rejects with the reason when it cannot, or ends before. */
  readonly ready: Promise<void>;
  isReady = false;
  hasEnded = false;
  readonly #process: ChildProcess;
  readonly #events: ChildEvents;
  readonly #answers = new Map<number, (answer: Answer | null) => void>();
  readonly #follower: Follower;
  #ticket = 0;
  readonly #role: Role;
  #isReadyNow: (problem: Error | null) => void = () => {};
  #ended: () => void = () => {};
  /** Resolves when the process has ended. */
  readonly gone = new Promise<void>((resolve) => {
    this.#ended = resolve;
  });
  /** When it is killed, having been told to end: by `performance.now`. */
  #killedAt = Number.POSITIVE_INFINITY;
  #killer: ReturnType<typeof setTimeout> | undefined;

  /** @throws {PermissionError} when no process may be started */
  constructor({ runtime, hub, topics, sockets, surroundings }: ChildParts, order: Omit<StartOrder, 'topics'>, events: ChildEvents) {
    this.id = order.id;
    this.#role = order.role;
    this.#events = events;
    this.ready = new Promise((resolve, reject) => {
      this.#isReadyNow = (problem) => {
        this.#isReadyNow = () => {};
        if (problem !== null) return reject(problem);
        this.isReady = true;
        resolve();
      };
    });
    // Who does not wait for it is told of its end all the same.
    this.ready.catch(() => {});
    this.#process = runtime.spawnSelf([], {
      ...surroundings,
      sockets,
      message: (_process, value) => this.#told(value as Report),
      exit: (_process, code, signal) => this.#exited(signal === null ? `exit code ${code}` : `signal ${signal}`),
    });
    this.#follower = hub.join(topics, (message) => this.#process.send(message));
    this.send({ ...order, topics: this.#follower.states() });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it tells of a topic is not told to it again. */
  get follower(): Follower {
    return this.#follower;
  }

  /** False when nobody is there to hear it. */
  send(order: Order): boolean {
    return this.#process.send(order);
  }

  /** It has all it needs: from now on it hears of its topics. */
  listens(): void {
    if (!this.hasEnded) this.#follower.listens();
  }

  /** Null when there was no answer in time. */
  ask(order: Question): Promise<Answer | null> {
    const ticket = ++this.#ticket;
    return new Promise((resolve) => {
      const timer = setTimeout(() => answered(null), ANSWER_MS);
      const answered = (answer: Answer | null): void => {
        clearTimeout(timer);
        this.#answers.delete(ticket);
        resolve(answer);
      };
      this.#answers.set(ticket, answered);
      if (this.hasEnded || !this.send({ ...order, ticket } as Order)) answered(null);
    });
  }

  async status(): Promise<ProcessStatus | null> {
    const answer = await this.ask({ kind: 'status' });
    return answer?.kind === 'status' ? answer.status : null;
  }

  /** Lets it finish what it has, within `mercy` ms behind `patience` ms; resolves when it is gone. Asked again, the sooner end counts. */
  async drain(mercy: number, patience: number): Promise<void> {
    const killedAt = performance.now() + mercy + patience + SPARE_MS;
    if (!this.hasEnded && killedAt < this.#killedAt) {
      this.#killedAt = killedAt;
      clearTimeout(this.#killer);
      this.#killer = setTimeout(() => this.destroy(), mercy + patience + SPARE_MS);
      if (!this.send({ kind: 'drain', mercy, patience })) this.destroy();
    }
    return this.gone;
  }

  /** Ends it at once. */
  destroy(): void {
    if (!this.hasEnded) this.#process.kill('SIGKILL');
  }

  #told(report: Report): void {
    switch (report.kind) {
      case 'ready':
        return this.#isReadyNow(null);
      case 'failed':
        return this.#isReadyNow(this.#problem(report.message, report.hint));
      case 'heard':
        return this.#follower.heard(report.seq);
      case 'done':
      case 'status':
        return this.#answers.get(report.ticket)?.(report);
      default:
        this.#events.told(this, report);
    }
  }

  /** What keeps a worker from its work is the app. */
  #problem(message: string, hint: string | null): Error {
    return this.#role === 'worker' ? new AppError(message, hint) : new SetupError(message, hint);
  }

  #exited(reason: string): void {
    this.hasEnded = true;
    this.#isReadyNow(this.#problem(`${this.#role} ${this.id} ended before it was ready (${reason})`, null));
    for (const answered of [...this.#answers.values()]) answered(null);
    clearTimeout(this.#killer);
    this.#follower.leave();
    this.#ended();
    this.#events.ended(this, reason);
  }
}
