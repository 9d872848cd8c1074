/** WebSockets as real programs speak them: python3-websockets through ugate, to a uWSGI app that does its own handshake and to itself. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../support/paths.ts';
import { python } from '../support/peers.ts';
import { run, startProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { isWithin, sleep, waitFor } from '../support/wait.ts';
import { blackbox, frontOf, shared } from './front.ts';

const PROGRAM = [python(), join(ROOT, 'tests/peers/websockets_client.py')];
const UPGRADE =
  'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Messages of 8 MB are more than uWSGI takes by itself. */
const front = frontOf('uwsgi', ['--http-websockets'], { args: ['--websocket-max-size', '16384'] });

const http = shared(() => serve([]));
const patient = shared(() => serve(['--http-timeout', '1500ms', '--http-tunnel-timeout', '4']));

/** The library's server, and ugate before it. */
async function serve(args: readonly string[]) {
  const node = startProcess([...PROGRAM, 'serve']);
  const [, port] = await node.said(/port (\d+)/);
  const gate = await startUgate(['--http-to', `http://127.0.0.1:${port}`, ...args]);
  return { gate, stop: () => Promise.all([gate.stop(), node.stop()]) };
}

async function client(command: 'echo' | 'count', url: string): Promise<unknown> {
  const { code, stdout, stderr } = await run([...PROGRAM, command, url.replace('http:', 'ws:')]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

blackbox('uWSGI does the handshake itself: small and large messages, pings and close', { needs: ['uwsgi', 'websockets'] }, async () => {
  const { url } = await front.gate();
  // Its close frame gives no reason.
  assert.deepEqual(await client('echo', `${url}/echo`), { code: 1005 });
});

blackbox('uWSGI ends without a close frame: all it said arrives', { needs: ['uwsgi', 'websockets'] }, async () => {
  const { url } = await front.gate();
  assert.deepEqual(await client('count', `${url}/count`), { got: ['0', '1', '2'], code: 1006 });
});

blackbox('an app that does not upgrade answers in plain HTTP', { needs: ['uwsgi'], differs: 'it makes a tunnel of every such request' }, async () => {
  await using connection = await RawClient.connect((await front.gate()).target);
  for (let i = 0; i < 2; i++) assert.equal((await connection.request(`GET /none HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`)).status, 404);
});

blackbox('an HTTP node that is python3-websockets itself', { needs: ['websockets'], differs: 'it speaks uwsgi only' }, async () => {
  const { url } = (await http()).gate;
  assert.deepEqual(await client('echo', `${url}/chat`), { code: 1000 });
});

blackbox('the node says 426, and the connection goes on', { needs: ['websockets'], differs: 'it speaks uwsgi only' }, async () => {
  await using connection = await RawClient.connect((await http()).gate.target);
  const { status } = await connection.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(status, 426);
  assert.equal((await connection.request(`GET / HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`)).status, 101);
});

blackbox('a tunnel lives by http-tunnel-timeout alone', { needs: ['websockets'], differs: 'it has http-timeout for tunnels too' }, async () => {
  const { gate } = await patient();
  await using connection = await RawClient.connect(gate.target);
  // The first message comes with the request: a ping frame, and masked as clients must.
  connection.write(Buffer.concat([Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`), Buffer.from([0x89, 0x82, 0, 0, 0, 0, 0x68, 0x69])]));
  assert.equal((await connection.readResponse()).status, 101);
  assert.equal((await connection.readBytes(4)).toString('latin1'), '\x8a\x02hi');
  await sleep(2300);
  const start = performance.now();
  connection.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0]));
  assert.equal((await connection.readBytes(2)).toString('latin1'), '\x8a\x00');
  await connection.readToEnd();
  const lasted = performance.now() - start;
  assert.ok(lasted > 3800 && isWithin(5500, start), `closed after ${lasted} ms`);
  await waitFor('the log to say so', () => /tunnel-idle/.test(gate.stderr));
});
