/** What reaches the node of a theme, told apart by the client it came from. */

import assert from 'node:assert/strict';
import { waitFor } from '../support/wait.ts';
import type { NodeKind } from './corpus.ts';
import { HttpNode } from './http-node.ts';
import { PATIENCE } from './play.ts';
import { describe, type Note, type Recorded, type RecordingNode } from './recorded.ts';
import { UwsgiNode } from './uwsgi-node.ts';

export class Recorder {
  #node!: RecordingNode;
  readonly #byClient = new Map<string, Recorded[]>();
  /** Of clients that were answered before the node can have seen whether there is a request at all. */
  readonly #late = new Map<string, (request: Recorded) => void>();

  static async start(kind: NodeKind): Promise<Recorder> {
    const recorder = new Recorder();
    const note: Note = (client, request) => recorder.#note(client, request);
    recorder.#node = kind === 'http' ? await HttpNode.listen(note) : await UwsgiNode.listen(note);
    return recorder;
  }

  get address(): string {
    return this.#node.address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.stop();
  }

  /** A new client: whatever has come from the one of this name before belongs to another. */
  begin(client: string): void {
    const [old, ...more] = this.take(client);
    if (old !== undefined) {
      const check = this.#late.get(client);
      assert.ok(check !== undefined && more.length === 0, `a request came that nobody sent: ${describe(old)}`);
      check(old);
    }
    this.#late.delete(client);
  }

  /** What has come from a client since it was asked last. */
  take(client: string): Recorded[] {
    const taken = this.#byClient.get(client) ?? [];
    this.#byClient.delete(client);
    return taken;
  }

  /** A client's request has come with this much of its body. */
  arrived(client: string, body: string): boolean {
    return this.#byClient.get(client)?.some((request) => request.received >= body.length) ?? false;
  }

  /** What may still come from this client, and how it must look. */
  expectLate(client: string, check: (request: Recorded) => void): void {
    this.#late.set(client, check);
  }

  /** A request that came behind the end of its connection's trial was smuggled. */
  async assertNothingIsLeft(): Promise<void> {
    for (const [client, check] of this.#late) {
      const [late] = this.take(client);
      if (late === undefined) continue;
      await waitFor('the request to be over', () => late.isOver, PATIENCE);
      check(late);
    }
    assert.deepEqual([...this.#byClient.values()].flat().map(describe), [], 'requests that nobody sent');
    assert.deepEqual(this.#node.errors, [], 'breaches of the protocol');
  }

  #note(client: string, request: Recorded): void {
    const known = this.#byClient.get(client);
    if (known === undefined) this.#byClient.set(client, [request]);
    else known.push(request);
  }
}
