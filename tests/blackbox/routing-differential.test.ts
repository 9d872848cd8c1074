/** Which node gets a request: real uWSGI's router and ugate before the same backends. Where they differ, the reason is named. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { freePort, type TemporaryFolder, temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { answer, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { blackbox } from './front.ts';

interface Case {
  readonly name: string;
  readonly args: (folder: TemporaryFolder, nobody: string) => readonly string[];
  /** The Host of each request, one after the other. */
  readonly hosts: readonly string[];
  /** Who answers each in turn: a backend's name, a status, or `-` for a connection that is closed without a word. */
  readonly uwsgi: string;
  /** Left out where it is the same. */
  readonly ugate?: string;
  /** Why it is not. */
  readonly because?: string;
}

const to = (...nodes: readonly string[]): string[] => nodes.flatMap((node) => ['--http-to', node]);
const times = (count: number): string[] => Array(count).fill('any');

/** Backends are sockets of these names: `a`, `b` and `c`, `a.example.sock`, `a.example:8080.sock`, and `out.sock` outside of `apps`. */
const CASES: readonly Case[] = [
  {
    name: 'nodes in turn',
    args: (folder) => to(folder.file('a'), folder.file('b'), folder.file('c')),
    hosts: times(7),
    uwsgi: 'a b c a b c a',
  },
  {
    name: 'one of them refuses',
    args: (folder, nobody) => to(folder.file('a'), nobody, folder.file('b')),
    hosts: times(5),
    uwsgi: 'a b a b a',
  },
  {
    name: 'one of them is a socket that is not there',
    args: (folder) => to(folder.file('a'), folder.file('gone'), folder.file('b')),
    hosts: times(6),
    uwsgi: 'a - b a - b',
    ugate: 'a b a b a b',
    because: 'the request is retried, and the node marked',
  },
  {
    name: 'a fallback',
    args: (folder, nobody) => [...to(nobody), '--http-fallback', folder.file('a')],
    hosts: times(3),
    uwsgi: 'a - -',
    ugate: 'a a a',
    because: 'it stands in as long as there is no node, not only for the request that finds out',
  },
  {
    name: 'http-use-pattern',
    args: (folder) => ['--http-use-pattern', folder.file('apps/%s.sock')],
    hosts: ['a.example', 'a.example:8080', 'A.Example', 'a.example:81', 'a.example.', 'none', '../out', 'a/../../out'],
    uwsgi: 'a.example - - - - - out -',
    ugate: 'a.example a.example:8080 a.example a.example a.example 503 400 400',
    because:
      'the key is lower case, without the dot of the root, tried without its port too, and no way out of the directory; a path with a colon is a path',
  },
  {
    name: 'http-use-base',
    args: (folder) => ['--http-use-base', folder.file('apps/b-')],
    hosts: ['one', 'two', 'ONE', '/../../out.sock'],
    uwsgi: 'one two - -',
    ugate: 'one two one 400',
    because: 'as with http-use-pattern',
  },
  {
    name: 'a mapper and http-to',
    args: (folder) => ['--http-use-pattern', folder.file('apps/%s.sock'), ...to(folder.file('a'))],
    hosts: ['a.example', 'none'],
    uwsgi: 'a.example -',
    ugate: 'a.example a',
    because: 'http-to is the last resort, unless http-strict-mapping says as uWSGI',
  },
  {
    name: 'two mappers',
    args: (folder) => ['--http-use-base', folder.file('apps/b-'), '--http-use-pattern', folder.file('apps/%s.sock')],
    hosts: ['a.example', 'one'],
    uwsgi: 'a.example -',
    ugate: 'a.example one',
    because: 'one mapper after the other is asked, in the same order',
  },
];

const SOCKETS: Readonly<Record<string, string>> = {
  a: 'a',
  b: 'b',
  c: 'c',
  'a.example': 'apps/a.example.sock',
  'a.example:8080': 'apps/a.example:8080.sock',
  one: 'apps/b-one',
  two: 'apps/b-two',
  out: 'out.sock',
};

blackbox('who gets a request: as uWSGI’s router, but for what is named', { needs: ['uwsgi'], differs: 'it is the reference itself' }, async () => {
  await using folder = temporaryFolder();
  mkdirSync(folder.file('apps'));
  const backends = await Promise.all(Object.entries(SOCKETS).map(([name, path]) => UwsgiBackend.listen(answer(name), folder.file(path))));
  try {
    await Promise.all(CASES.map((one) => play(one, folder)));
  } finally {
    for (const backend of backends) await backend.stop();
  }
});

async function play({ name, args, hosts, uwsgi, ugate = uwsgi, because }: Case, folder: TemporaryFolder): Promise<void> {
  assert.equal(because === undefined, ugate === uwsgi, `${name}: what differs has a reason`);
  const words = args(folder, `127.0.0.1:${await freePort()}`);
  await using reference = await startUwsgiRouter({ args: words });
  await using gate = await startUgate(words);
  const [theirs, ours] = await Promise.all([ask(reference.port, hosts), ask(gate.port, hosts)]);
  assert.deepEqual({ uwsgi: theirs, ugate: ours }, { uwsgi, ugate }, name);
}

async function ask(port: number, hosts: readonly string[]): Promise<string> {
  const answers: string[] = [];
  for (const host of hosts) {
    await using client = await RawClient.connect({ port });
    client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const response = await client.readResponse({ milliseconds: 5_000 }).catch(() => null);
    answers.push(response === null ? '-' : response.status === 200 ? response.text() : String(response.status));
  }
  return answers.join(' ');
}
