/** Clients that go on asking and notice every request that is not answered as it should be. */

import { RawClient, type Target } from '../support/raw-client.ts';
import { sleep } from '../support/wait.ts';
import { get, post } from './embedded.ts';

/** Between two requests of one client, in ms: a test of losses needs no full load. */
const PAUSE = 8;

export interface LoadOptions {
  /** Clients that keep their connection and send GETs. Default 3. */
  readonly keeping?: number;
  /** The same with POSTs. Default 2. */
  readonly posting?: number;
  /** Clients with a connection for each request. Default 3. */
  readonly closing?: number;
  /** Default `/`. */
  readonly path?: string;
}

export class Load implements AsyncDisposable {
  answered = 0;
  /** How often a kept connection was closed behind an answer that said so. */
  dismissed = 0;
  /** What went wrong, one line each. */
  readonly failures: string[] = [];
  /** How often each text came in answer to a GET. */
  readonly texts = new Map<string, number>();
  readonly #target: Target;
  readonly #path: string;
  readonly #clients: Promise<void>[];
  #isOver = false;

  constructor(target: Target, { keeping = 3, posting = 2, closing = 3, path = '/' }: LoadOptions = {}) {
    this.#target = target;
    this.#path = path;
    this.#clients = [
      ...Array.from({ length: keeping }, () => this.#keep('GET')),
      ...Array.from({ length: posting }, () => this.#keep('POST')),
      ...Array.from({ length: closing }, () => this.#close()),
    ];
  }

  async stop(): Promise<this> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    return this;
  }

  /** A test that failed must not leave it running. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #keep(method: 'GET' | 'POST'): Promise<void> {
    let client: RawClient | null = null;
    for (let number = 0; !this.#isOver; number++) {
      const what = `${method} ${number} on a kept connection`;
      await this.#tried(what, async () => {
        client ??= await RawClient.connect(this.#target);
        const response = await client.request(method === 'GET' ? get(this.#path) : post(this.#path, 'x'.repeat(1000)), { milliseconds: 8000 });
        this.#note(response.status, response.text(), what, method);
        if (response.header('connection')?.toLowerCase() === 'close') {
          this.dismissed++;
          client.destroy();
          client = null;
        }
      }).catch(() => {
        client?.destroy();
        client = null;
      });
      await sleep(PAUSE);
    }
    (client as RawClient | null)?.destroy();
  }

  async #close(): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const what = `GET ${number} on a connection of its own`;
      await this.#tried(what, async () => {
        await using client = await RawClient.connect(this.#target);
        const response = await client.request(get(this.#path, 'Connection: close\r\n'), { milliseconds: 8000 });
        this.#note(response.status, response.text(), what, 'GET');
      }).catch(() => {});
      await sleep(PAUSE);
    }
  }

  async #tried(what: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.failures.push(`${what}: ${(error as Error).message}`);
      throw error;
    }
  }

  #note(status: number, text: string, what: string, method: string): void {
    this.answered++;
    if (status !== 200) this.failures.push(`${what}: status ${status} ${JSON.stringify(text.slice(0, 80))}`);
    if (method === 'GET') this.texts.set(text, (this.texts.get(text) ?? 0) + 1);
  }
}
