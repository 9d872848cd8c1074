/** What the tests of embedded Python apps share. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type TemporaryFolder } from '../support/paths.ts';
import { exchange, RawClient, type Target } from '../support/raw-client.ts';
import type { UgateOptions } from '../support/ugate.ts';
import { get, Tree } from './embedded.ts';
import { shared } from './front.ts';

export const PEERS = join(ROOT, 'tests/peers');
export const UNLIKE = { differs: 'only ugate is asked how it runs apps' };

/** What `/me` of wsgi_probe.py tells. */
export interface Me {
  pid: number;
  loadedBy: number;
  module: string;
  cwd: string;
  prefix: string;
  variable: string | null;
  multithread: boolean;
  multiprocess: boolean;
}

export const PROBE = ['--chdir', PEERS, '--module', 'wsgi_probe', '--env', 'PYTHONDONTWRITEBYTECODE=1'];

/** A tree for several tests of a file, ended with it; its end must leave nothing. */
export function lasting(
  args: readonly string[],
  options: UgateOptions & { folder?: TemporaryFolder } = {},
): () => Promise<Tree & { stop(): Promise<void> }> {
  return shared(async () => {
    const tree = await Tree.start(args, options);
    return Object.assign(tree, { stop: () => tree[Symbol.asyncDispose]() });
  });
}

/** One request on a connection of its own, whose answer is JSON. */
export async function ask<T = Me>(target: Target, path = '/me', more = ''): Promise<T> {
  const response = await exchange(target, get(path, more));
  assert.equal(response.status, 200, response.text());
  return JSON.parse(response.text()) as T;
}

/** Asks until `count` different processes have answered. */
export async function pidsOf(target: Target, count: number): Promise<Set<number>> {
  const pids = new Set<number>();
  for (let round = 0; round < 40 && pids.size < count; round++) {
    const answers = await Promise.all(Array.from({ length: count }, () => ask<number>(target, '/sleep?s=0.03')));
    for (const pid of answers) pids.add(pid);
  }
  return pids;
}

/** A request whose answer is not waited for. */
export async function begin(target: Target, path: string): Promise<RawClient> {
  const client = await RawClient.connect(target);
  client.write(get(path));
  return client;
}

/** An app file that can be changed: it answers `text`; `/slow?s=` takes so long, and `/told?s=` says before that it has begun. */
export function writeWsgi(path: string, text: string, before = ''): void {
  writeFileSync(
    path,
    `${before}
import os, sys, time

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/told":
        print("in hand", file=sys.stderr, flush=True)
    if environ["PATH_INFO"] in ("/slow", "/told"):
        time.sleep(float(environ["QUERY_STRING"][2:]))
    answer = b"${text}" if not body else b"${text} %d" % len(body)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
`,
  );
}
