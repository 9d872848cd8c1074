import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FAILURES } from '../../failure/failures.ts';
import type { Log } from '../../log/log.ts';
import { type Found, isRefusal, type Mapper } from '../mapper.ts';
import { BoundedCache } from './bounded-cache.ts';
import { type CodeAnswer, CodeWorker } from './code-worker.ts';
import type { MappedPools } from './mapped-pools.ts';
import { MapperError } from './mapper-error.ts';

const MAX_ANSWERS = 10_000;
/** A failure is the answer for so long, so that one bad key does not end the thread for each request. */
const FAILURE_MS = 1_000;
/** Code that never came back for a key will not the next time: whoever makes such hosts up would keep all new ones waiting. */
const STUCK_MS = 60_000;

export interface CodeSettings {
  /** ms a question may take. Default 1000. */
  readonly limit?: number;
  /** ms an answer is good for. Default 10,000. */
  readonly lifetime?: number;
}

interface Known {
  readonly found: Found;
  readonly until: number;
}

/**
 * Addresses from a function of the user's (`http-use-code-string`): `key → address | "address,modifier1" | null`, or a promise
 * of it. Requests for one key share one question; when there is no new answer the last good one stays.
 */
export class CodeMapper implements Mapper {
  readonly #file: string;
  readonly #worker: CodeWorker;
  readonly #pools: MappedPools;
  readonly #log: Log;
  readonly #lifetime: number;
  readonly #answers = new BoundedCache<Known>(MAX_ANSWERS);
  readonly #asked = new Map<string, Promise<Found>>();

  private constructor(file: string, worker: CodeWorker, pools: MappedPools, log: Log, lifetime: number) {
    this.#file = file;
    this.#worker = worker;
    this.#pools = pools;
    this.#log = log;
    this.#lifetime = lifetime;
  }

  /**
   * Loads the module named by `FILE`, `FILE:FUNCTION` or uWSGI's `MODIFIER1:FILE:FUNCTION`; without a function its default export.
   * @throws {MapperError} when it is missing, does not load or does not export the function
   */
  static async start(text: string, pools: MappedPools, log: Log, settings: CodeSettings = {}): Promise<CodeMapper> {
    const { file, name } = readCodeString(text);
    const fault = (message: string, hint: string): MapperError => new MapperError([{ file, line: 0, message, hint }]);
    if (!isFile(file))
      throw fault('there is no such file', 'http-use-code-string names a JavaScript or TypeScript file, and a function of it behind a colon');
    const worker = new CodeWorker(pathToFileURL(file).href, name, settings.limit ?? 1_000);
    const problem = await worker.start();
    if (problem !== null) throw fault(problem, hintFor(name));
    return new CodeMapper(file, worker, pools, log, settings.lifetime ?? 10_000);
  }

  find(key: string): Found | Promise<Found> {
    if (key === '') return null;
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > performance.now()) return known.found;
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const question = this.#ask(key, known);
    this.#asked.set(key, question);
    return question;
  }

  stop(): void {
    this.#worker.stop();
  }

  async #ask(key: string, last: Known | undefined): Promise<Found> {
    const answer = await this.#worker.ask(key);
    this.#asked.delete(key);
    let found = this.#read(key, answer);
    const isFailure = found !== null && isRefusal(found);
    if (isFailure && last !== undefined) found = last.found;
    const isStuck = answer.kind === 'late' && answer.isStuck;
    this.#answers.set(key, { found, until: performance.now() + (isStuck ? STUCK_MS : isFailure ? FAILURE_MS : this.#lifetime) });
    return found;
  }

  #read(key: string, answer: CodeAnswer): Found {
    switch (answer.kind) {
      case 'late':
        this.#log.event('warn', 'mapping-late', 'the code of http-use-code-string did not answer in time', { file: this.#file, key });
        return FAILURES.mappingLate;
      case 'failed':
        return this.#failed(key, answer.error);
      case 'value':
        if (answer.value === null || answer.value === '') return null;
        try {
          return this.#pools.of(answer.value);
        } catch (error) {
          return this.#failed(key, (error as Error).message);
        }
    }
  }

  #failed(key: string, error: string): Found {
    this.#log.event('error', 'mapping-failed', 'the code of http-use-code-string gave no address', { file: this.#file, key, error });
    return FAILURES.mappingFailed;
  }
}

/** uWSGI's modifier chooses a language there; here there is one. */
function readCodeString(text: string): { readonly file: string; readonly name: string } {
  const [, file, name] = /^(?:\d+:)?(.+?)(?::([A-Za-z_$][\w$]*))?$/.exec(text) ?? ['', text];
  return { file: resolve(file ?? ''), name: name ?? 'default' };
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function hintFor(name: string): string {
  return name === 'default'
    ? 'the file begins, for example: export default function (host) { return "127.0.0.1:3031" }'
    : `the file holds, for example: export function ${name}(host) { return "127.0.0.1:3031" }`;
}
