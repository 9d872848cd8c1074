/**
 * Programs of the system that tests talk to. A test says what it needs; where that is not installed the test is
 * skipped by name with the reason, or fails when `UGATE_REQUIRE_PEERS=1` says that everything must be there.
 */

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { test } from 'node:test';
import { findTool } from './paths.ts';

export type Peer = 'uwsgi' | 'flask' | 'django' | 'requests' | 'nginx' | 'curl' | 'chromium' | 'git' | 'haproxy' | 'websockets';

/** The system's own Python, which is the one that Debian's uWSGI and its Flask and Django belong to. */
export function python(): string {
  return existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
}

/** False when the peer is here, else the reason to skip: `test(name, { skip: need('uwsgi') }, …)`. */
export function need(peer: Peer): string | false {
  return isHere(peer) ? false : `${peer} is not installed (${DEBIAN_PACKAGES[peer]})`;
}

export interface PeerTestOptions {
  needs: readonly Peer[];
  /** Milliseconds the test may take. Default one minute. */
  timeout?: number;
  /** A reason to skip that has nothing to do with peers. */
  skip?: string | false;
}

/** A `test` that needs programs of the system. Each skip is noted with its reason where `tests/run.ts` finds it. */
export function peerTest(name: string, options: PeerTestOptions, body: () => Promise<void>): void {
  const timeout = options.timeout ?? 60_000;
  const missing = options.needs.map(need).find((reason) => reason !== false);
  if (missing !== undefined && process.env.UGATE_REQUIRE_PEERS === '1') {
    test(name, () => {
      throw new Error(missing);
    });
    return;
  }
  const reason = missing ?? options.skip;
  if (reason) {
    noteSkip(name, reason);
    test(name, { skip: reason }, () => {});
    return;
  }
  test(name, { timeout }, body);
}

/** Bun and Deno leave the reason of a skip out of their JUnit files, so it travels in a file of its own. */
export function noteSkip(name: string, reason: string): void {
  const log = process.env.UGATE_SKIP_LOG;
  if (log !== undefined) appendFileSync(log, `${JSON.stringify({ name, reason })}\n`);
}

const DEBIAN_PACKAGES: Record<Peer, string> = {
  uwsgi: 'apt-get install uwsgi-core uwsgi-plugin-python3',
  flask: 'apt-get install python3-flask',
  django: 'apt-get install python3-django',
  requests: 'apt-get install python3-requests',
  nginx: 'apt-get install nginx-light',
  curl: 'apt-get install curl',
  chromium: 'apt-get install chromium',
  git: 'apt-get install git',
  haproxy: 'apt-get install haproxy',
  websockets: 'apt-get install python3-websockets',
};

/** Asking Python takes a tenth of a second, and every test asks. */
const found = new Map<Peer, boolean>();

function isHere(peer: Peer): boolean {
  const known = found.get(peer) ?? look(peer);
  found.set(peer, known);
  return known;
}

function look(peer: Peer): boolean {
  if (peer === 'flask' || peer === 'django' || peer === 'requests' || peer === 'websockets')
    return spawnSync(python(), ['-c', `import ${peer}`]).status === 0;
  return findTool(peer) !== null || existsSync(`/usr/sbin/${peer}`);
}
