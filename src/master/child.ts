import { AppError } from '../app/app-error.ts';
import type { BoundSocket, ChildProcess, Runtime } from '../runtime/seam.ts';
import type { Order, ProcessStatus, Report, Role, StartOrder } from './messages.ts';
import { SetupError } from './setup-error.ts';

/** How long a child may take to answer a question of the master's. */
const ANSWER_MS = 10_000;
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

type Answer = Extract<Report, { readonly ticket: number }>;
type Ask<O> = O extends { readonly ticket: number } ? Omit<O, 'ticket'> : never;
/** An order that is answered, without its ticket. */
type Question = Ask<Order>;

/** One process of ours: a router or a worker. */
export class Child {
  readonly id: number;
  /** Resolves when it does its work; rejects with the reason when it cannot, or ends before. */
  readonly ready: Promise<void>;
  /** The master wants it to end: its end is no accident. */
  isEnding = false;
  isReady = false;
  hasEnded = false;
  readonly #process: ChildProcess;
  readonly #events: ChildEvents;
  readonly #answers = new Map<number, (answer: Answer | null) => void>();
  #ticket = 0;
  readonly #role: Role;
  #isReadyNow: (problem: Error | null) => void = () => {};
  #ended: () => void = () => {};
  readonly #end = new Promise<void>((resolve) => {
    this.#ended = resolve;
  });

  constructor(runtime: Runtime, order: StartOrder, sockets: readonly BoundSocket[], events: ChildEvents, surroundings: ChildSurroundings = {}) {
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
    this.send(order);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** False when nobody is there to hear it. */
  send(order: Order): boolean {
    return this.#process.send(order);
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

  /** Lets it finish what it has, within `mercy` ms behind `patience` ms; resolves when it is gone. */
  async drain(mercy: number, patience: number): Promise<void> {
    if (this.hasEnded) return;
    this.isEnding = true;
    if (!this.send({ kind: 'drain', mercy, patience })) this.#process.kill('SIGKILL');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), mercy + patience + SPARE_MS);
    await this.#end;
    clearTimeout(timer);
  }

  /** Ends it at once. */
  destroy(): void {
    this.isEnding = true;
    this.#process.kill('SIGKILL');
  }

  /** It does not do its work any more: its end counts as an accident. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #told(report: Report): void {
    switch (report.kind) {
      case 'ready':
        return this.#isReadyNow(null);
      case 'failed':
        return this.#isReadyNow(this.#problem(report.message, report.hint));
      case 'using':
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
    this.#ended();
    this.#events.ended(this, reason);
  }
}
