/** The nodes behind a soak: a steady one, real uWSGI where it is installed, and one that disappears and comes back. */

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { startUwsgi } from '../peers/uwsgi.ts';
import { temporaryFolder } from '../support/paths.ts';
import { need } from '../support/peers.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep } from '../support/wait.ts';
import { HELLO, pattern } from './clients.ts';

interface Node {
  readonly address: string;
  stop(): Promise<void>;
}

/** How a node goes: by the door, after its last answer, or at once with requests in its hands. */
type Leaving = 'in order' | 'at once';

/** Requests on their way when a node breaks off may fail; ugate and this process hear of it a little later. */
const AFTERMATH = 500;

export class SoakNodes {
  readonly #steady: Node;
  readonly #path: string;
  readonly #folder: AsyncDisposable;
  #changing: UwsgiBackend;
  /** When the changing node broke off, by `performance.now()`. */
  readonly #breaks: number[] = [];
  #leavings = 0;
  #stopped = false;
  readonly #life: Promise<void>;
  readonly kind: 'uWSGI' | 'recording backend';

  private constructor(steady: Node, kind: SoakNodes['kind'], changing: UwsgiBackend, folder: AsyncDisposable) {
    this.#steady = steady;
    this.kind = kind;
    this.#changing = changing;
    this.#path = changing.address;
    this.#folder = folder;
    this.#life = this.#comeAndGo();
  }

  /** @param lifetime how long they may run at the most */
  static async start(lifetime: number): Promise<SoakNodes> {
    const folder = temporaryFolder();
    const real = need('uwsgi') === false && need('flask') === false;
    const steady = real ? await startUwsgi({ app: 'flask', processes: 6, lifetime }) : await UwsgiBackend.listen(likeFlask(), folder.file('steady'));
    const changing = await UwsgiBackend.listen(likeFlask(), folder.file('changing'));
    return new SoakNodes(steady, real ? 'uWSGI' : 'recording backend', changing, folder);
  }

  get addresses(): readonly string[] {
    return [this.#steady.address, this.#path];
  }

  /** The last words of the steady node. */
  get lastWords(): string {
    return 'stderr' in this.#steady ? String(this.#steady.stderr).slice(-1500) : '';
  }

  get leavings(): number {
    return this.#leavings;
  }

  /** Did the node break off while something that took from `began` to `ended` was on its way? */
  brokeOff(began: number, ended: number): boolean {
    return this.#breaks.some((moment) => moment + AFTERMATH >= began && moment <= ended);
  }

  /** Protocol errors that the changing node saw. */
  get errors(): readonly string[] {
    return this.#changing.errors;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#life;
    await Promise.all([this.#steady.stop(), this.#changing.stop()]);
    await this.#folder[Symbol.asyncDispose]();
  }

  async #comeAndGo(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn += 1) {
      await this.#rest(2000);
      if (this.#stopped) return;
      await this.#leave(turn % 2 === 0 ? 'in order' : 'at once');
      await this.#rest(1500);
      const errors = this.#changing.errors;
      this.#changing = await UwsgiBackend.listen(likeFlask(), this.#path);
      this.#changing.errors.push(...errors);
    }
  }

  async #leave(how: Leaving): Promise<void> {
    this.#leavings += 1;
    if (how === 'in order') {
      // Nobody finds the way any more; who is inside gets an answer. The slowest reader takes some seconds.
      rmSync(this.#path);
      await this.#rest(4000);
    }
    this.#breaks.push(performance.now());
    await this.#changing.stop();
  }

  /** In small steps, so that the end of the soak does not have to wait. */
  async #rest(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while (!this.#stopped && performance.now() < until) await sleep(50);
  }
}

/** The pages of flask_app.py that the clients ask for. Nothing is kept: a soak sees a million requests. */
function likeFlask(): Script {
  return async (request, reply) => {
    const path = request.vars.get('PATH_INFO') ?? '';
    await request.complete();
    const size = /^\/bytes\/(\d+)$/.exec(path)?.[1];
    const digest = (): string => JSON.stringify({ sha256: createHash('sha256').update(request.body).digest('hex') });
    const body = size !== undefined ? pattern(Number(size)) : Buffer.from(path === '/digest' ? digest() : HELLO);
    const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    // The clients that leave make this fail: that is theirs to do.
    await reply.write(Buffer.concat([head, body])).catch(() => {});
  };
}
