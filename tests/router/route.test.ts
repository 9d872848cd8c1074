/** The route: who answers is one decision, by head, client and listener; a handler may answer itself, later, or let another have the request. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from '../../src/failure/failures.ts';
import { AddedFields } from '../../src/http1/added-fields.ts';
import { ascii, latin1 } from '../../src/http1/bytes.ts';
import type { RequestHead } from '../../src/http1/request-head.ts';
import { Pool } from '../../src/pool/pool.ts';
import type { Client } from '../../src/router/client.ts';
import { type HandledExchange, type Handler, Nodes, Refused, type Route } from '../../src/router/route.ts';
import type { ServiceSettings } from '../../src/router/service.ts';
import { RawClient } from '../support/raw-client.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { sleep, waitFor } from '../support/wait.ts';
import { get, request } from './support.ts';
import { nodeAt, Wired } from './wired.ts';

/** Stands for files: has what is below `/static/`, now or a moment later, and lets the app have the rest. */
class Files implements Handler {
  readonly name = 'files';
  readonly #next: Handler;
  readonly #wait: number;
  handled = 0;

  constructor(next: Handler, wait = 0) {
    this.#next = next;
    this.#wait = wait;
  }

  handle(exchange: HandledExchange): void {
    this.handled++;
    if (this.#wait === 0) this.#answer(exchange);
    else setTimeout(() => exchange.later(() => this.#answer(exchange)), this.#wait);
  }

  #answer(exchange: HandledExchange): void {
    const { bytes, targetStart, targetEnd } = exchange.request;
    const target = latin1(bytes, targetStart, targetEnd);
    if (target === '/static/throws') throw new Error('on purpose');
    if (target.startsWith('/static/')) exchange.own({ status: 200, fields: new AddedFields(), body: ascii(target) });
    else this.#next.handle(exchange);
  }
}

/** By path, as rules will do it: `find` is given the whole head and the listener. */
class ByPath implements Route {
  readonly seen: string[] = [];
  readonly #files: Handler;
  readonly #app: Handler;

  constructor(files: Handler, app: Handler) {
    this.#files = files;
    this.#app = app;
  }

  find({ bytes, targetStart, targetEnd }: RequestHead, { front }: Client): Handler | Promise<Handler> {
    const target = latin1(bytes, targetStart, targetEnd);
    this.seen.push(`${front.index} ${target}`);
    if (target === '/gone') return new Refused(FAILURES.noNode);
    if (target === '/later') return sleep(20).then(() => this.#app);
    return target === '/app' ? this.#app : this.#files;
  }
}

async function rig(wait: number, settings: Partial<ServiceSettings> = {}) {
  const backend = await UwsgiBackend.listen(answer('app'));
  const app = new Nodes(new Pool([{ nodes: [nodeAt('uwsgi', backend.address)] }], 1000));
  const files = new Files(app, wait);
  const route = new ByPath(files, app);
  const wired = await Wired.start([], { route, needsLength: true, settings });
  return {
    wired,
    route,
    files,
    backend,
    async [Symbol.asyncDispose]() {
      await wired[Symbol.asyncDispose]();
      await backend.stop();
    },
  };
}

for (const wait of [0, 20]) {
  test(`a handler answers by itself, and hands on what it has not, ${wait} ms later`, async () => {
    await using it = await rig(wait);
    await using client = await RawClient.connect(await it.wired.listen());
    const ask = async (target: string): Promise<string> => {
      const { status, text } = await client.request(get(target));
      return status === 200 ? text() : String(status);
    };
    assert.equal(await ask('/static/a'), '/static/a');
    assert.equal(await ask('/other'), 'app');
    assert.equal(it.files.handled, 2);
    assert.equal(await ask('/app'), 'app');
    assert.equal(await ask('/later'), 'app');
    assert.equal(await ask('/gone'), '503');
    assert.equal(it.files.handled, 2);
    assert.deepEqual(it.route.seen, ['0 /static/a', '0 /other', '0 /app', '0 /later', '0 /gone'], 'asked once for each request');
    const posted = `${request('POST', '/other', 'Content-Length: 6')}a body`;
    assert.equal((await client.request(posted)).text(), 'app', 'what came meanwhile is not lost');
    assert.equal(it.backend.requests.at(-1)!.body.toString(), 'a body');
    const chunked = `${request('POST', '/other', 'Transfer-Encoding: chunked')}6\r\na body\r\n0\r\n\r\n`;
    assert.equal((await client.request(chunked)).text(), 'app');
    assert.equal(it.backend.requests.at(-1)!.body.toString(), 'a body');
    assert.equal(await ask('/static/throws'), '500');
    await it.wired.logged(/code=internal.*on purpose|on purpose.*code=internal/);
  });
}

test('a handler has the time of a node, not what is left of that for the head', async () => {
  await using patient = await rig(700, { headersTimeout: 100 });
  await using client = await RawClient.connect(await patient.wired.listen());
  assert.equal((await client.request(get('/static/a'))).status, 200);
  await using impatient = await rig(5000, { timeout: 100 });
  await using other = await RawClient.connect(await impatient.wired.listen());
  assert.equal((await other.request(get('/static/a'))).status, 503);
});

test('a client that leaves while a handler thinks about it is answered by nobody', async () => {
  await using it = await rig(100);
  await using client = await RawClient.connect(await it.wired.listen());
  client.write(get('/other'));
  await waitFor('the handler', () => it.files.handled === 1);
  client.reset();
  await it.wired.logged(/code=client-left/);
  await sleep(150);
  assert.equal(it.backend.connections, 0);
});
