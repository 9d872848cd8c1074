/** `http-min-rate`. The window is 30 seconds long: the gate's clock is moved on in place of waiting. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../src/options/read-config.ts';
import { PACE_WINDOW_MS, Pace, type PacedClient, SILENT_WINDOWS } from '../../src/router/pace.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { FakeTime } from '../support/fake-time.ts';
import { HttpBackend, type HttpReply } from '../support/http-backend.ts';
import { temporaryFolder } from '../support/paths.ts';
import { type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { settle, sleep, waitFor } from '../support/wait.ts';
import { type Gate, get, request, startGate } from './support.ts';

const RATE = 100;
const LEAST = (RATE * PACE_WINDOW_MS) / 1000;

class Client implements PacedClient {
  received = 0;
  taken = 0;
  isOwing = false;
  isBehind = false;
  ends: string[] = [];

  sentTooSlowly(): void {
    this.ends.push('sent');
  }
  readTooSlowly(): void {
    this.ends.push('read');
  }
  crashed(): void {
    this.ends.push('crashed');
  }
}

/** A client under watch, and a clock. Each `window` lets a little more than one pass. */
function watched(): { client: Client; pace: Pace; time: FakeTime; window(): void } {
  const time = new FakeTime();
  const client = new Client();
  const wheel = new TimerWheel(
    () => time.now,
    (error) => assert.fail(String(error)),
  );
  const pace = new Pace(client, wheel, RATE);
  return { client, pace, time, window: () => time.advance(PACE_WINDOW_MS + 200) };
}

test('pace: a window below the rate ends the upload, or the download; one at the rate does not', () => {
  for (const [waits, counts, end] of [
    ['isOwing', 'received', 'sent'],
    ['isBehind', 'taken', 'read'],
  ] as const) {
    const { client, pace, time, window } = watched();
    using _ = time;
    client[waits] = true;
    pace.start();
    for (let i = 0; i < 3; i++) {
      client[counts] += LEAST;
      pace.start();
      window();
      assert.deepEqual(client.ends, []);
    }
    client[counts] += LEAST - 1;
    window();
    assert.deepEqual(client.ends, [end]);
  }
});

test('pace: a window in which it was not the client that was waited for says nothing', () => {
  for (const [waits, told] of [
    ['isOwing', 'heldBack'],
    ['isBehind', 'caughtUp'],
  ] as const) {
    const { client, pace, time, window } = watched();
    using _ = time;
    client[waits] = true;
    pace.start();
    for (let i = 0; i < 3; i++) {
      pace[told]();
      window();
    }
    assert.deepEqual(client.ends, []);
    // It ends by itself, and leaves no timer.
    client[waits] = false;
    window();
    assert.equal(time.pending, 0);
    client[waits] = true;
    window();
    assert.deepEqual(client.ends, []);
    pace.start();
    for (let i = 0; i < SILENT_WINDOWS; i++) window();
    assert.equal(client.ends.length, 1);
  }
});

test('pace: an answer that rests is given some windows, because the kernel takes it in lumps', () => {
  const { client, pace, time, window } = watched();
  using _ = time;
  client.isBehind = true;
  pace.start();
  for (let lump = 0; lump < 3; lump++) {
    for (let i = 1; i < SILENT_WINDOWS; i++) window();
    client.taken += LEAST;
    window();
  }
  assert.deepEqual(client.ends, []);
  for (let i = 0; i < SILENT_WINDOWS; i++) window();
  assert.deepEqual(client.ends, ['read']);
});

test('pace: a client is not measured by what it did before it was waited for, and not at all once stopped', () => {
  const { client, pace, time, window } = watched();
  using _ = time;
  client.received = 1_000_000;
  client.isBehind = true;
  pace.start();
  client.isBehind = false;
  client.isOwing = true;
  window();
  assert.deepEqual(client.ends, []);
  pace.stop();
  window();
  assert.deepEqual(client.ends, []);
});

interface Paced extends AsyncDisposable {
  readonly gate: Gate;
  readonly backend: UwsgiBackend;
  /** Moves the gate's clock on, and lets it see that. */
  pass(ms: number): Promise<void>;
}

/** A gate whose other times are longer than any test, between unix sockets, whose kernel buffers are small. */
async function paced(script: Script, settings: Settings = {}): Promise<Paced> {
  const folder = temporaryFolder();
  const backend = await UwsgiBackend.listen(script, folder.file('app.sock'));
  const runtime = await selectRuntime();
  let ahead = 0;
  runtime.now = () => performance.now() + ahead;
  const times = { 'http-timeout': 9000, 'http-keepalive': 9000, 'http-headers-timeout': 9000, 'http-tunnel-timeout': 9000 };
  const gate = await startGate({ http: folder.file('front.sock'), 'http-to': backend.address, ...times, ...settings }, runtime);
  return {
    gate,
    backend,
    pass: async (ms) => {
      ahead += ms;
      await sleep(250);
    },
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await backend.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const WINDOW = PACE_WINDOW_MS + 200;

const ECHO_SIZE: Script = async (received, reply) => {
  await received.complete();
  if (!received.closed) await reply.write(`HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n${String(received.received).padStart(8)}`);
};

test('an upload that drips gets 408 and frees the worker, spooled or not', async () => {
  await using it = await paced(ECHO_SIZE);
  await using streamed = await it.gate.connect();
  await using spooled = await it.gate.connect();
  streamed.write(`${request('POST', '/', 'Content-Length: 5000')}${'x'.repeat(10)}`);
  spooled.write(`${request('POST', '/', 'Transfer-Encoding: chunked')}a\r\n${'x'.repeat(10)}\r\n`);
  const received = await it.backend.request();
  await waitFor('the first bytes', () => received.received === 10);
  await it.pass(15_000);
  for (const client of [streamed, spooled]) client.write('1\r\nx\r\n');
  await it.pass(WINDOW - 15_000);
  for (const client of [streamed, spooled]) {
    const response = await client.readResponse({ milliseconds: 2000 });
    assert.equal(response.status, 408);
    assert.match(response.text(), /body-too-slow/);
    assert.equal(response.header('connection'), 'close');
  }
  await it.gate.logged(/code=body-too-slow status=408/);
  await waitFor('the worker to be free', () => received.closed || received.ended);
});

test('an upload in bursts goes on, and so do small ones one after the other, however the windows fall', async () => {
  await using it = await paced(ECHO_SIZE);
  await using bursts = await it.gate.connect();
  await using small = await it.gate.connect();
  bursts.write(request('POST', '/', `Content-Length: ${4 * LEAST + 1}`));
  small.write(`${request('POST', '/', 'Content-Length: 20')}${'x'.repeat(10)}`);
  await waitFor('both requests', () => it.backend.requests.length === 2);
  bursts.write('x');
  small.write('x'.repeat(10));
  assert.equal((await small.readResponse()).text().trim(), '20');
  // Its next one is on its way when the window ends.
  await it.pass(PACE_WINDOW_MS - 1000);
  small.write(request('POST', '/', 'Content-Length: 20'));
  await it.backend.request(2);
  small.write('x'.repeat(10));
  for (let i = 0; i < 4; i++) {
    bursts.write('x'.repeat(LEAST));
    await sleep(50);
    await it.pass(i === 0 ? 1300 : WINDOW - 300);
    if (i === 0) small.write('x'.repeat(10));
  }
  assert.equal((await small.readResponse({ milliseconds: 2000 })).text().trim(), '20');
  assert.equal((await bursts.readResponse({ milliseconds: 2000 })).text().trim(), String(4 * LEAST + 1));
  assert.deepEqual(it.gate.logs, []);
});

/** Writes as much as is taken, 6 MiB in all. */
const LONG: Script = async (received, reply) => {
  if (received.vars.get('REQUEST_METHOD') === 'POST') return ECHO_SIZE(received, reply);
  const events = received.vars.get('PATH_INFO') === '/events';
  await reply.write(`HTTP/1.1 200 OK\r\n${events ? 'Content-Type: text/event-stream; charset=utf-8\r\n' : ''}\r\n`);
  const piece = new Uint8Array(64 * 1024).fill(0x78);
  for (let i = 0; i < 96 && !received.closed; i++) await reply.write(piece);
};

test('a download that is not read is closed and frees the worker; an event stream is not', async () => {
  await using it = await paced(LONG);
  await using still = await it.gate.connect();
  await using events = await it.gate.connect();
  for (const [client, path] of [
    [still, '/'],
    [events, '/events'],
  ] as const) {
    client.pause();
    client.write(get(path));
  }
  await waitFor('both requests', () => it.backend.requests.length === 2);
  await sleep(400);
  // What the kernel takes at first may be more than enough for one window.
  for (let i = 0; i < SILENT_WINDOWS + 1; i++) await it.pass(WINDOW);
  await it.gate.logged(/ info .*code=client-too-slow/);
  const worker = (path: string) => it.backend.requests.find(({ vars }) => vars.get('PATH_INFO') === path)!;
  await waitFor('the worker to be free', () => worker('/').closed || worker('/').ended);
  assert.ok(!worker('/events').closed && !worker('/events').ended);
  events.resume();
  await events.readUntil('0\r\n\r\n', 10_000);
  assert.equal(it.gate.logs.length, 1, it.gate.logs.join('\n'));
});

test('who reads its answer is not cut off, and 0 allows any speed', async () => {
  await using it = await paced(LONG);
  await using any = await paced(LONG, { 'http-min-rate': 0 });
  await using reader = await it.gate.connect();
  await using still = await any.gate.connect();
  await using drips = await any.gate.connect();
  for (const client of [reader, still]) {
    client.pause();
    client.write(get('/'));
  }
  drips.write(`${request('POST', '/', 'Content-Length: 5000')}x`);
  await waitFor('all requests', () => it.backend.requests.length + any.backend.requests.length === 3);
  await sleep(300);
  for (let i = 0; i < 4; i++) {
    // As much as makes the kernel go on.
    reader.resume();
    await settle(6);
    reader.pause();
    await it.pass(WINDOW);
    await any.pass(WINDOW);
  }
  assert.ok(!drips.closed);
  for (const client of [reader, still]) {
    client.resume();
    await client.readUntil('0\r\n\r\n', 10_000);
  }
  assert.deepEqual([...it.gate.logs, ...any.gate.logs], []);
});

test('a backend that reads slowly is not blamed on the client, nor is one that answers late', async () => {
  const replies: HttpReply[] = [];
  await using backend = await HttpBackend.listen(async (received, to) => {
    replies.push(to);
    to.socket.pause();
    await received.complete();
    await to.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await using it = await paced(ECHO_SIZE, { 'http-to': backend.address });
  await using client = await it.gate.connect();
  await using late = await it.gate.connect();
  const size = 16 * 1024 * 1024;
  client.write(request('POST', '/', `Content-Length: ${size}`));
  late.write(`${request('POST', '/', 'Content-Length: 2')}x`);
  await waitFor('both requests', () => replies.length === 2);
  client.write(new Uint8Array(size));
  late.write('x');
  await sleep(300);
  for (let i = 0; i < 3; i++) await it.pass(WINDOW);
  assert.deepEqual(it.gate.logs, []);
  for (const { socket } of replies) socket.resume();
  assert.equal((await client.readResponse()).text(), 'ok');
  assert.equal((await late.readResponse()).text(), 'ok');
});

test('a tunnel may rest in both directions', async () => {
  await using it = await paced(async (received, reply) => {
    await reply.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
    await waitFor('three bytes', () => received.received === 3);
    await reply.write('bye');
  });
  await using client = await it.gate.connect();
  assert.equal((await client.request(get('/', 'Connection: upgrade', 'Upgrade: echo'))).status, 101);
  for (const byte of 'abc') {
    await it.pass(WINDOW);
    client.write(byte);
  }
  assert.equal((await client.readBytes(3)).toString(), 'bye');
});
