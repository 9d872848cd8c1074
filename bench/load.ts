/** The clients of the benchmarks. Each run says how many requests were answered; one that was not answered with 200 is an error. */

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** What `pin` puts before a command: everything but the router shares the last core. */
export const LOAD_CORE = ['taskset', '-c', '1'];

/** ms; more than any of them takes. */
const RUN_LIMIT = 120_000;

function run(command: readonly string[]): string {
  const [program, ...args] = [...LOAD_CORE, ...command];
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', timeout: RUN_LIMIT });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr || stdout}`);
  return stdout;
}

const UPGRADE = [
  'GET /ws HTTP/1.1',
  'Host: bench',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n');

export interface LoadResult {
  readonly requests: number;
  /** Requests a second. */
  readonly rate: number;
}

export interface WrkOptions {
  /** A Lua file that makes the requests; GET without one. */
  readonly script?: string | undefined;
  /** The server closes connections of its own accord. */
  readonly isClosing?: boolean;
}

/** wrk: as fast as `connections` keep-alive connections can; with `Connection: close` each request on a connection of its own. */
export function wrk(url: string, seconds: number, connections = 64, fields: readonly string[] = [], options: WrkOptions = {}): LoadResult {
  const close = options.isClosing || fields.includes('Connection: close');
  const words = [...fields.flatMap((field) => ['-H', field]), ...(options.script === undefined ? [] : ['-s', options.script])];
  const stdout = run(['wrk', '-t1', `-c${connections}`, `-d${seconds}`, ...words, url]);
  // A closing client reads the end of its connection as an error now and then; unanswered requests are not counted as done.
  if (/Non-2xx/.test(stdout) || (!close && /Socket errors/.test(stdout))) throw new Error(`not every request was answered with 200:\n${stdout}`);
  return { requests: Number(/(\d+) requests in/.exec(stdout)?.[1]), rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]) };
}

/** h2load at a fixed rate over 50 HTTP/1.1 connections; returns the 99th percentile of the time to the whole answer, in ms. */
export function p99AtRate(url: string, seconds: number, rate: number, directory: string): number {
  const log = `${directory}/h2load.log`;
  rmSync(log, { force: true });
  const connections = 50;
  run([
    'h2load',
    '--h1',
    '-t1',
    `-c${connections}`,
    `-D${seconds}`,
    `--rps=${Math.max(1, Math.round(rate / connections))}`,
    `--log-file=${log}`,
    url,
  ]);
  // Each line: start in µs, status, duration in µs.
  const times = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, status, time] = line.split('\t').map(Number);
      if (status !== 200) throw new Error(`an answer had status ${status}`);
      return time;
    })
    .sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] / 1000;
}

/** curl: one upload of a file of `bytes` zeros. */
export function upload(url: string, bytes: number, directory: string): void {
  const file = `${directory}/upload`;
  const fd = openSync(file, 'w');
  const piece = Buffer.alloc(1024 * 1024);
  for (let done = 0; done < bytes; done += piece.length) writeSync(fd, piece);
  closeSync(fd);
  const status = run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Expect:', '-T', file, url]);
  if (status !== '200') throw new Error(`the upload was answered ${status}`);
}

/** Opens `count` keep-alive connections, each with one answered request behind it. */
export async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(100, count - sockets.length) }, () => askOnce(port));
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

/** WebSocket-like ping-pong of 64-byte messages on so many connections; returns how many came back. */
export async function echoes(port: number, connections: number, seconds: number): Promise<number> {
  const message = new Uint8Array(64);
  const until = performance.now() + seconds * 1000;
  let count = 0;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let isOpen = false;
      let pending = 0;
      const socket = connect(port, '127.0.0.1', () => {
        socket.setNoDelay(true);
        socket.write(UPGRADE);
      });
      socket.on('data', (bytes) => {
        if (isOpen) pending -= bytes.length;
        isOpen = true;
        if (pending > 0) return;
        count++;
        if (performance.now() > until) return void socket.destroy();
        pending = message.length;
        socket.write(message);
      });
      socket.once('close', () => resolve());
      socket.once('error', reject);
    });
  await Promise.all(Array.from({ length: connections }, one));
  return count;
}

/** A connection that has had one answer. Rejects when it cannot be made. */
export function askOnce(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'));
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
  });
}
