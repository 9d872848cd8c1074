/**
 * A node that answers what the target says: `/case/INDEX/BYTE` is a case's answer, cut in two at that byte (0: whole), and
 * `/case/INDEX/late` says what stands behind the answer only once that has gone out. Anything else is a good request.
 */

import type { Socket } from 'node:net';
import { HttpBackend } from '../support/http-backend.ts';
import { type RecordedRequest, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep } from '../support/wait.ts';
import { type AnswerCase, expand, type NodeKind } from './corpus.ts';
import { PATIENCE } from './play.ts';

export const GOOD_BODY = 'good';
const GOOD_ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
/** Long enough for ugate to have put the connection aside. */
const LATE_MS = 5;

interface To {
  write(data: string): Promise<void>;
  end(): void;
  reset(): void;
}

export class AnsweringNode implements AsyncDisposable {
  readonly #backend: UwsgiBackend | HttpBackend;
  readonly #cases: readonly AnswerCase[];
  /** Connections on which something stands behind an answer, or will. */
  readonly #spoiled: Set<Socket>;

  private constructor(backend: UwsgiBackend | HttpBackend, cases: readonly AnswerCase[], spoiled: Set<Socket>) {
    this.#backend = backend;
    this.#cases = cases;
    this.#spoiled = spoiled;
  }

  static async start(kind: NodeKind, cases: readonly AnswerCase[]): Promise<AnsweringNode> {
    const spoiled = new Set<Socket>();
    return new AnsweringNode(kind === 'http' ? await listenHttp(cases, spoiled) : await listenUwsgi(cases), cases, spoiled);
  }

  /** ugate has let go of every connection that holds more than answers. */
  get isRidOfSpoiled(): boolean {
    return [...this.#spoiled].every((socket) => socket.destroyed);
  }

  get address(): string {
    return this.#backend.address;
  }

  /** Breaches of the protocol. That a request which was answered early breaks off is none. */
  get errors(): readonly string[] {
    const isAnsweredEarly = this.#cases.some(({ early }) => early === true);
    return this.#backend.errors.filter((error) => !(isAnsweredEarly && error.startsWith('FIN inside a request')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend.stop();
  }
}

function listenUwsgi(cases: readonly AnswerCase[]): Promise<UwsgiBackend> {
  return UwsgiBackend.listen(async (request, reply) => {
    const asked = target(request.vars.get('PATH_INFO') ?? '', cases);
    if (asked.one?.early !== true) await request.complete();
    await give(asked, reply);
    if (asked.one?.end === 'hold') await waitForEnd(request);
  });
}

/** Keeps every connection that the answer does not end. None may be used again on which something stands behind an answer. */
async function listenHttp(cases: readonly AnswerCase[], spoiled: Set<Socket>): Promise<HttpBackend> {
  const backend = await HttpBackend.listen(async (request, reply) => {
    if (spoiled.has(reply.socket)) backend.errors.push(`${request.target} comes on a connection that holds more than answers`);
    const asked = target(request.target, cases);
    if (asked.one?.early !== true) await request.complete();
    if (asked.one?.behind !== undefined) spoiled.add(reply.socket);
    await give(asked, reply);
    if (asked.one !== null && endsByClose(asked.one)) reply.end();
  });
  return backend;
}

interface Asked {
  readonly one: AnswerCase | null;
  readonly cut: number;
  readonly isLate: boolean;
}

function target(path: string, cases: readonly AnswerCase[]): Asked {
  const [, , index, how] = path.split('/');
  return { one: index === undefined ? null : cases[Number(index)]!, cut: Number(how) || 0, isLate: how === 'late' };
}

async function give({ one, cut, isLate }: Asked, to: To): Promise<void> {
  const behind = one === null ? '' : expand(one.behind ?? '');
  const bytes = (one === null ? GOOD_ANSWER : expand(one.answer)) + (isLate ? '' : behind);
  // A router that has seen enough is free to go: then writing fails.
  try {
    if (cut > 0) {
      await to.write(bytes.slice(0, cut));
      await sleep(1);
    }
    if (cut < bytes.length) await to.write(bytes.slice(cut));
    if (isLate) {
      await sleep(LATE_MS);
      await to.write(behind);
    }
    if (one?.end === 'reset') {
      await sleep(20);
      to.reset();
    }
  } catch {
    // Gone.
  }
}

/** True for an answer that has no other end than that of its connection, or breaks off. */
function endsByClose({ request = 'GET', answer, end, expect }: AnswerCase): boolean {
  if (end !== undefined) return end === 'close';
  if (expect === 'cut' || (typeof expect === 'string' && /truncated|empty/.test(expect))) return true;
  return !(request.startsWith('HEAD') || /^HTTP\/1\.\d (204|304)|\n(content-length|transfer-encoding) ?:/i.test(expand(answer)));
}

/** ugate knows where an answer ends: it must not wait for a backend that keeps its connection. */
async function waitForEnd(request: RecordedRequest): Promise<void> {
  for (let waited = 0; waited < PATIENCE && !request.ended && !request.closed; waited += 5) await sleep(5);
}
