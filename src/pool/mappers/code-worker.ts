import type { Worker } from 'node:worker_threads';

// Not imported: a bundle would load them at the start of every binary.
const { createRequire } = process.getBuiltinModule('node:module');
const { fileURLToPath } = process.getBuiltinModule('node:url');
const threads = process.getBuiltinModule('node:worker_threads');

/** What became of a question. */
export type CodeAnswer =
  | { readonly kind: 'value'; readonly value: string | null }
  /** `isStuck`: it is this key that the code never came back from, be it a loop; else others may have kept the thread. */
  | { readonly kind: 'late'; readonly isStuck: boolean }
  | { readonly kind: 'failed'; readonly error: string };

interface Question {
  readonly key: string;
  readonly settle: (answer: CodeAnswer) => void;
  deadline: number;
  /** It has waited behind one that never ended, and was given its time once more. */
  isAgain: boolean;
}

type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unloadable'; readonly error: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: string | null }
  | { readonly kind: 'thrown'; readonly id: number; readonly error: string };

/** Loading a module with what it imports may take longer than an answer of it. */
const LOAD_MS = 10_000;
/** A thread that ended by itself is started again at most this often. */
const RESTART_MS = 1_000;
/** Behind so many questions the next would be late anyway. */
const MAX_WAITING = 1_000;
/** An answer may be here already when this thread was busy itself: it is let in before it is called late. */
const LET_IN_MS = 5;

/**
 * The thread's program. It is text because a thread of a compiled binary finds no file of ours, on any of the runtimes; and it
 * listens only once the module is there, because Deno loses messages that come before somebody listens. `at` is memory that we share: a
 * thread that loops sends no message, but the number of its question stands there.
 */
const PROGRAM = String.raw`
const { parentPort, workerData } = require('node:worker_threads');
const { url, name, at } = workerData;
const describe = (error) => String(error?.message || error).replace(/\x1b\[[0-9;]*m/g, '').replace(/\s+/g, ' ').trim();
const answer = async (map, { id, key }) => {
  try {
    Atomics.store(at, 0, id);
    const promise = map(key);
    Atomics.store(at, 0, 0);
    const value = (await promise) ?? null;
    if (value !== null && typeof value !== 'string') throw new Error('it gave a value of type ' + typeof value + ', which is no address');
    parentPort.postMessage({ kind: 'answer', id, value });
  } catch (error) {
    Atomics.store(at, 0, 0);
    parentPort.postMessage({ kind: 'thrown', id, error: describe(error) });
  }
};
import(url).then(
  (module) => {
    const map = module[name];
    if (typeof map !== 'function') {
      parentPort.postMessage({ kind: 'unloadable', error: 'it exports no function ' + name });
      return;
    }
    parentPort.on('message', (question) => void answer(map, question));
    parentPort.postMessage({ kind: 'ready' });
  },
  (error) => parentPort.postMessage({ kind: 'unloadable', error: describe(error) }),
);
`;

/**
 * A module's function in a thread of its own, asked with a time limit: when it is late its thread is ended, whatever it does,
 * and another one started. Nothing here rejects.
 */
export class CodeWorker {
  readonly #url: string;
  readonly #name: string;
  readonly #limit: number;
  readonly #waiting = new Map<number, Question>();
  #worker: Worker | null = null;
  /** Of that thread: the question that its code is in at this moment, or 0. */
  #at = new Int32Array(new SharedArrayBuffer(4));
  #isReady = false;
  #startedAt = 0;
  #lastId = 0;
  #lastError = '';
  #timer: ReturnType<typeof setTimeout> | null = null;
  #loaded: ((problem: string | null) => void) | null = null;
  #isStopped = false;

  /** @param limit ms from question to answer */
  constructor(url: string, name: string, limit: number) {
    this.#url = url;
    this.#name = name;
    this.#limit = limit;
  }

  /** Loads the module for the first time. Resolves with what is wrong with it, or null. */
  async start(): Promise<string | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const problem = await new Promise<string | null>((resolve) => {
      this.#loaded = resolve;
      timer = setTimeout(() => resolve(`it was not loaded within ${LOAD_MS / 1000} s`), LOAD_MS);
      this.#launch();
    });
    clearTimeout(timer);
    this.#loaded = null;
    if (problem !== null) this.stop();
    return problem;
  }

  ask(key: string): Promise<CodeAnswer> {
    return new Promise((settle) => {
      const now = performance.now();
      if (this.#isStopped) return settle({ kind: 'failed', error: 'it was stopped' });
      if (this.#waiting.size >= MAX_WAITING) return settle(LATE);
      if (this.#worker === null) {
        if (now - this.#startedAt < RESTART_MS) return settle({ kind: 'failed', error: this.#lastError });
        this.#launch();
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { key, deadline: now + this.#limit, settle, isAgain: false });
      if (this.#isReady) this.#worker!.postMessage({ id, key });
      this.#arm();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#end('it was stopped');
  }

  #launch(): void {
    this.#isReady = false;
    this.#startedAt = performance.now();
    let worker: Worker;
    this.#at = new Int32Array(new SharedArrayBuffer(4));
    findAnew(this.#url);
    try {
      worker = new threads.Worker(PROGRAM, { eval: true, workerData: { url: this.#url, name: this.#name, at: this.#at } });
    } catch (error) {
      this.#worker = null;
      return this.#end((error as Error).message);
    }
    this.#worker = worker;
    worker.on('message', (message: Message) => {
      if (worker === this.#worker) this.#received(message);
    });
    worker.on('error', (error) => this.#lost(worker, error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => this.#lost(worker, 'it ended its thread'));
  }

  #received(message: Message): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        for (const [id, { key }] of this.#waiting) this.#worker!.postMessage({ id, key });
        return this.#loaded?.(null);
      case 'unloadable':
        return this.#lost(this.#worker!, message.error);
      case 'answer':
        return this.#settle(message.id, { kind: 'value', value: message.value });
      case 'thrown':
        return this.#settle(message.id, { kind: 'failed', error: message.error });
    }
  }

  /** The thread is of no use any more, by no doing of ours. */
  #lost(worker: Worker, error: string): void {
    if (worker === this.#worker) this.#end(error);
  }

  #end(error: string): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#isReady = false;
    this.#lastError = error;
    void worker?.terminate();
    for (const id of [...this.#waiting.keys()]) this.#settle(id, { kind: 'failed', error });
    this.#loaded?.(error);
  }

  #settle(id: number, answer: CodeAnswer): void {
    const question = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0 && this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    question?.settle(answer);
  }

  /** Who waited behind code that never ends has its time once more, in the next thread; behind the others, so that the oldest is first. */
  #putOff(id: number, question: Question, now: number): void {
    this.#waiting.delete(id);
    this.#waiting.set(id, Object.assign(question, { deadline: now + this.#limit, isAgain: true }));
  }

  /** Until the oldest question is late: the limit is the same for all, so the first that waits is the oldest. */
  #arm(): void {
    if (this.#timer !== null || this.#waiting.size === 0) return;
    const [{ deadline }] = this.#waiting.values();
    this.#timer = setTimeout(
      () => {
        this.#timer = setTimeout(() => this.#expire(), LET_IN_MS);
      },
      Math.max(0, deadline - performance.now()),
    );
  }

  #expire(): void {
    this.#timer = null;
    const now = performance.now();
    const late = new Map([...this.#waiting].filter(([, { deadline }]) => deadline <= now));
    const areLate = late.size > 0;
    const at = Atomics.load(this.#at, 0);
    const isStuck = late.has(at);
    for (const [id, question] of isStuck ? [...this.#waiting] : late) {
      if (id === at) this.#settle(id, STUCK);
      else if (isStuck && !question.isAgain) this.#putOff(id, question, now);
      else if (late.has(id)) this.#settle(id, LATE);
    }
    // One that is still loading is not ended for what it was not asked yet: it would never get there.
    if (areLate && this.#isReady) {
      // Deno tells the end of a thread from inside `terminate`: it must be nobody's by then.
      const worker = this.#worker!;
      this.#worker = null;
      void worker.terminate();
      this.#launch();
    } else if (areLate && now - this.#startedAt > LOAD_MS) this.#end('it was not loaded in time');
    this.#arm();
  }
}

const LATE: CodeAnswer = Object.freeze({ kind: 'late', isStuck: false });
const STUCK: CodeAnswer = Object.freeze({ kind: 'late', isStuck: true });

/** Bun remembers what is in a folder, and only looking for a file in the main thread lets its threads see one that is new. */
function findAnew(url: string): void {
  try {
    createRequire(url).resolve(fileURLToPath(url));
  } catch {
    // The thread will say what is wrong with it.
  }
}
