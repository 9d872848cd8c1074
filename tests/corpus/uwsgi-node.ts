/** A uwsgi node of the corpus: a request is one packet and what follows it. Clients are told apart by their port. */

import { type RecordedRequest, type Reply, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { PATIENCE } from './play.ts';
import { echoAnswer, type Note, type Recorded, type RecordingNode } from './recorded.ts';

export class UwsgiNode implements RecordingNode {
  readonly #backend: UwsgiBackend;

  private constructor(backend: UwsgiBackend) {
    this.#backend = backend;
  }

  static async listen(note: Note): Promise<UwsgiNode> {
    const backend = await UwsgiBackend.listen(async (request, reply) => {
      backend.requests.length = 0;
      const recorded = record(request);
      note(request.vars.get('REMOTE_PORT') ?? '', recorded);
      await answer(request, recorded, reply);
    });
    return new UwsgiNode(backend);
  }

  get address(): string {
    return this.#backend.address;
  }

  get errors(): readonly string[] {
    return this.#backend.errors;
  }

  stop(): Promise<void> {
    return this.#backend.stop();
  }
}

function record(request: RecordedRequest): Recorded {
  const { vars, list } = request;
  return {
    vars,
    get body() {
      return request.body;
    },
    get received() {
      return request.received;
    },
    get isOver() {
      return request.closed;
    },
    faults: [
      ...(vars.size === list.length ? [] : ['a var comes twice']),
      ...(vars.has('HTTP_CONTENT_LENGTH') ? ['HTTP_CONTENT_LENGTH beside CONTENT_LENGTH'] : []),
    ],
  };
}

async function answer(request: RecordedRequest, recorded: Recorded, reply: Reply): Promise<void> {
  const length = Number(request.vars.get('CONTENT_LENGTH') || 0);
  const isComplete = request.vars.has('HTTP_TRANSFER_ENCODING') ? () => isWhole(request.body) : () => request.received >= length;
  await waitFor('the body or its breaking off', () => isComplete() || request.ended || request.closed, 2 * PATIENCE);
  if (isComplete()) await reply.write(echoAnswer(recorded)).catch(() => {});
}

/** Of a body that comes with its chunks: nothing in the corpus holds an empty line before the last one. */
function isWhole(body: Buffer): boolean {
  return body.toString('latin1').endsWith('\r\n\r\n');
}
