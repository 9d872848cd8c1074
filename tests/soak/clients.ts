/** The clients of a soak: what each kind does in one round, and what it must see. A round that sees anything else throws. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import type { HttpResponse } from '../support/http-message.ts';
import { RawClient, type Target } from '../support/raw-client.ts';
import { sleep, within } from '../support/wait.ts';

export interface ClientKind {
  readonly name: string;
  /** How many of them work at the same time, and how long each rests between two rounds. */
  readonly clients: number;
  readonly rest: number;
  /** Does its work and returns how many requests that were. `number` differs from round to round. */
  round(target: Target, number: number): Promise<number>;
}

/** The answer that a node's end in the middle of a request excuses; everything else is excused by nothing. */
export class CutOff extends Error {}

/** Generous, because a busy machine is no fault of the router's. */
const PATIENCE = { milliseconds: 25_000 };

export const HELLO = 'hello from flask\n';
const GET = 'GET / HTTP/1.1\r\nHost: soak.example\r\nUser-Agent: soak\r\nAccept: */*\r\n\r\n';
const CLOSING = GET.replace('Accept: */*', 'Connection: close');

/** What `/bytes/SIZE` answers. 251 is a prime, so that a piece at a wrong place shows. */
export function pattern(size: number): Buffer {
  return Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
}

/** Refused by the rules of HTTP, with the status it is refused with. */
const BROKEN: readonly (readonly [request: string, status: number])[] = [
  ['GET / HTTP/1.1\r\n\r\n', 400],
  ['G@T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['GET / HTTP/1.1\nHost: a\n\n', 400],
  ['POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n', 400],
  [`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(70_000)}\r\n\r\n`, 431],
  ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
];

export const CLIENT_KINDS: readonly ClientKind[] = [
  { name: 'keep-alive', clients: 6, rest: 5, round: keepAlive },
  { name: 'closing', clients: 3, rest: 5, round: closing },
  { name: 'idle', clients: 20, rest: 10, round: idle },
  { name: 'pipelining', clients: 2, rest: 50, round: pipelining },
  { name: 'upload', clients: 2, rest: 60, round: (target, number) => upload(target, 150_000 + (number % 100) * 1000, false) },
  { name: 'chunked upload', clients: 2, rest: 60, round: (target, number) => upload(target, 30_000 + (number % 100) * 4000, true) },
  { name: 'download', clients: 2, rest: 150, round: (target) => download(target, 1 << 20, 0) },
  { name: 'slow reader', clients: 2, rest: 200, round: (target) => download(target, 4 << 20, 20) },
  { name: 'aborting', clients: 3, rest: 50, round: abort },
  { name: 'refused', clients: 2, rest: 50, round: refused },
];

async function keepAlive(target: Target): Promise<number> {
  await using client = await RawClient.connect(target);
  for (let count = 0; count < 50; count += 1) {
    isHello(await client.request(GET, PATIENCE));
    await sleep(2);
  }
  return 50;
}

async function closing(target: Target): Promise<number> {
  await using client = await RawClient.connect(target);
  isHello(await client.request(CLOSING, PATIENCE));
  assert.equal((await client.readToEnd(PATIENCE.milliseconds)).length, 0, 'nothing behind the last answer');
  return 1;
}

async function idle(target: Target, number: number): Promise<number> {
  await using client = await RawClient.connect(target);
  isHello(await client.request(GET, PATIENCE));
  await sleep(300 + (number % 10) * 200);
  isHello(await client.request(GET, PATIENCE));
  return 2;
}

async function pipelining(target: Target): Promise<number> {
  await using client = await RawClient.connect(target);
  const sizes = Array.from({ length: 10 }, (_, index) => index * 700);
  client.write(sizes.map((size) => GET.replace('/', `/bytes/${size}`)).join(''));
  for (const size of sizes) {
    const response = await client.readResponse(PATIENCE);
    isOk(response);
    assert.ok(response.body.equals(pattern(size)), `${size} bytes in their turn`);
  }
  return sizes.length;
}

async function upload(target: Target, size: number, chunked: boolean): Promise<number> {
  await using client = await RawClient.connect(target);
  const body = pattern(size);
  client.write(`POST /digest HTTP/1.1\r\nHost: a\r\n${chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`}\r\n\r\n`);
  for (let at = 0; at < size; at += 40_000) {
    const piece = body.subarray(at, at + 40_000);
    client.write(chunked ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]) : piece);
    await sleep(1);
  }
  if (chunked) client.write('0\r\n\r\n');
  const response = await client.readResponse(PATIENCE);
  isOk(response);
  const { sha256 } = JSON.parse(response.text()) as { sha256: string };
  assert.equal(sha256, createHash('sha256').update(body).digest('hex'), `${size} bytes arrived as they were sent`);
  return 1;
}

/** Reads `size` bytes and compares them as they come; rests after each piece when the reader is a slow one. */
async function download(target: Target, size: number, rest: number): Promise<number> {
  const expected = pattern(size);
  const socket = connect({ host: '127.0.0.1', ...target });
  let head = '';
  let received = 0;
  const done = new Promise<void>((resolve, reject) => {
    const take = (bytes: Buffer): void => {
      let piece = bytes;
      if (!head.includes('\r\n\r\n')) {
        const before = head.length;
        head += bytes.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        head = head.slice(0, end + 4);
        if (/^HTTP\/1\.1 502/.test(head)) throw new CutOff('502');
        assert.match(head, /^HTTP\/1\.1 200/);
        piece = bytes.subarray(head.length - before);
      }
      assert.ok(piece.equals(expected.subarray(received, received + piece.length)), `the bytes at ${received} of ${size}`);
      received += piece.length;
      if (received === size) resolve();
      if (rest > 0) {
        socket.pause();
        setTimeout(() => socket.resume(), rest);
      }
    };
    socket.on('data', (bytes: Buffer) => {
      try {
        take(bytes);
      } catch (error) {
        reject(error);
      }
    });
    socket.on('error', (error) => reject(new CutOff(String(error))));
    socket.on('close', () => reject(new CutOff(`closed after ${received} of ${size} body bytes`)));
  });
  socket.write(`GET /bytes/${size} HTTP/1.1\r\nHost: a\r\n\r\n`);
  try {
    await within(PATIENCE.milliseconds * 2, `${size} bytes`, done);
  } finally {
    socket.destroy();
  }
  return 1;
}

/** Clients that leave in the middle: of a head, an upload, a chunk, an answer, and before an answer. */
async function abort(target: Target, number: number): Promise<number> {
  const client = await RawClient.connect(target);
  const way = number % 6;
  if (way === 0) client.write('GET / HTTP/1.1\r\nHost: a');
  if (way === 1) client.write(`POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(100_000)}`);
  if (way === 2) client.write(`POST /digest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n30000\r\n${'x'.repeat(150_000)}`);
  if (way === 3) client.write('GET /bytes/4194304 HTTP/1.1\r\nHost: a\r\n\r\n');
  if (way === 4) client.write(GET);
  if (way === 5) client.write(GET + GET.slice(0, 20));
  await sleep((number % 4) * 10);
  if (number % 2 === 0) client.reset();
  else client.destroy();
  return 1;
}

async function refused(target: Target, number: number): Promise<number> {
  const [request, status] = BROKEN[number % BROKEN.length] ?? ['', 0];
  await using client = await RawClient.connect(target);
  const response = await client.request(request, PATIENCE);
  assert.equal(response.status, status, request.slice(0, 100));
  await client.readToEnd(PATIENCE.milliseconds);
  return 1;
}

function isHello(response: HttpResponse): void {
  isOk(response);
  assert.equal(response.text(), HELLO);
}

function isOk(response: HttpResponse): void {
  if (response.status === 502) throw new CutOff(response.text());
  assert.equal(response.status, 200, response.text());
}

/** True for what a client sees when a node ends in the middle of its answer. */
export function looksCutOff(error: unknown): boolean {
  return error instanceof CutOff || (error instanceof Error && /the connection closed (without|after|inside|before)/.test(error.message));
}
