/** What the files of the black-box suite share: ugate in front of an application, started when the first test asks. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { type App, startUwsgi, type Uwsgi, type UwsgiOptions } from '../peers/uwsgi.ts';
import { ROOT, temporaryFolder } from '../support/paths.ts';
import { type Peer, peerTest } from '../support/peers.ts';
import { startUgate, type Ugate, underTest } from '../support/ugate.ts';
import { Tree } from './embedded.ts';

/** ms. For what hangs altogether: each wait within a test has a bound of its own, which grows with the load. */
const TIMEOUT = 120_000;

export interface BlackboxOptions {
  /** Programs of the system the test talks to. */
  needs?: readonly Peer[];
  /** What uWSGI's own router does instead; the test is then skipped against the reference. */
  differs?: string;
  timeout?: number;
}

/** A test of the running server. Against the reference it is skipped where uWSGI is known to differ. */
export function blackbox(name: string, options: BlackboxOptions, body: () => Promise<void>): void {
  const isReference = underTest() === 'uwsgi';
  peerTest(
    name,
    {
      needs: [...(options.needs ?? []), ...(isReference ? (['uwsgi'] as const) : [])],
      timeout: options.timeout ?? TIMEOUT,
      skip: isReference && options.differs !== undefined && `uWSGI differs: ${options.differs}`,
    },
    body,
  );
}

export interface Front {
  /** Starts both on first use. */
  gate(): Promise<Ugate>;
  app(): Promise<Uwsgi>;
}

/** ugate before real uWSGI with `app`. Both are stopped at the end of the file. */
export function frontOf(app: App, args: readonly string[] = [], uwsgi: Partial<UwsgiOptions> = {}): Front {
  const workers = shared(() => startUwsgi({ app, ...uwsgi }));
  const gate = shared(async () => startUgate(['--http-to', (await workers()).address, ...args], { lifetime: 150_000 }));
  return { app: workers, gate };
}

/** ugate that runs `app` itself, in two workers of Python. */
export function embeddedFrontOf(app: Exclude<App, 'uwsgi'>): Pick<Front, 'gate'> {
  const tree = shared(async () => {
    const folder = temporaryFolder();
    const home = existsSync('/usr/bin/python3') ? ['--home', '/usr'] : [];
    const words = ['--module', `${app}_app`, '--pythonpath', join(ROOT, 'tests/peers'), '--chdir', folder.path, ...home];
    const env = { PYTHONDONTWRITEBYTECODE: '1' };
    const started = await Tree.start(['--http', '127.0.0.1:0', '--master', '--processes', '2', ...words], { env, lifetime: 150_000 });
    const stop = async (): Promise<void> => {
      await started[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    };
    return { gate: started.gate, stop };
  });
  return { gate: async () => (await tree()).gate };
}

/** Something that several tests of a file use: made when the first of them asks, stopped at the end of the file. */
export function shared<T extends { stop(): Promise<unknown> }>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  after(async () => {
    await (await made?.catch(() => null))?.stop();
  });
  return () => {
    made ??= make();
    return made;
  };
}
