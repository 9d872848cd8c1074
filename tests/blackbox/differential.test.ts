/**
 * Real uWSGI's router and ugate before one recording backend: the same requests, made by chance, arrive as the same packets,
 * var by var, but for the differences that are named here. `UGATE_SEED=…` plays the same requests again.
 */

import assert from 'node:assert/strict';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { startUgate } from '../support/ugate.ts';
import { answer, type RecordedRequest, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { map, set, swapped, without } from '../uwsgi/changes.ts';
import type { Vars } from '../uwsgi/support.ts';
import { blackbox } from './front.ts';
import { type MadeRequest, RequestMaker } from './request-maker.ts';

const REQUESTS = 250;
const AT_ONCE = 8;
const SEED = Number(process.env.UGATE_SEED ?? 0) || Date.now() % 1_000_000_007;

/** Where a request was sent, and from where. */
interface Place {
  readonly ownPort: number;
  readonly theirPort: number;
  readonly clientPort: number;
}

type Difference = (vars: Vars, request: MadeRequest, place: Place) => Vars;

const HOP_BY_HOP = ['HTTP_CONNECTION', 'HTTP_KEEP_ALIVE', 'HTTP_TE', 'HTTP_TRAILER', 'HTTP_UPGRADE', 'HTTP_PROXY_CONNECTION'];

/** What each of them makes of uWSGI's vars, in this order. Every one must occur, and beside them all must be the same. */
const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'REMOTE_PORT is the true port, not its bytes in network order': (vars, _, { clientPort }) => set('REMOTE_PORT', String(clientPort))(vars),
  'SERVER_PORT is that of each': (vars, _, { ownPort }) => set('SERVER_PORT', String(ownPort))(vars),
  'hop-by-hop fields are not forwarded, but those of an upgrade': (vars, request) =>
    without(...HOP_BY_HOP.filter((name) => !(request.isUpgrade && (name === 'HTTP_UPGRADE' || name === 'HTTP_CONNECTION'))))(vars),
  'fields that Connection names are not forwarded': (vars, request) => (request.namesHop ? without('HTTP_X_HOP')(vars) : vars),
  'Expect is answered by ugate': (vars) => without('HTTP_EXPECT')(vars),
  'names with an underscore are dropped': (vars) => without('HTTP_UNDER_SCORE')(vars),
  'Proxy is no HTTP_PROXY': (vars) => without('HTTP_PROXY')(vars),
  'cookies are joined with a semicolon': (vars) => map((value) => value.replaceAll(', ', '; '), 'HTTP_COOKIE')(vars),
  'white space around values is no part of them': (vars) => map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''), 'HTTP_SPACED')(vars),
  'HTTP/1.2 to 1.9 are served as 1.1': (vars) => map((value) => value.replace(/1\.[2-9]/, '1.1'), 'SERVER_PROTOCOL')(vars),
  'an absolute target replaces Host': (vars, request) => absoluteHost(vars, request),
  'the path of an absolute target starts behind its authority': (vars, { authority }) =>
    authority === null ? vars : map((value) => value.replace(`http://${authority}`, '') || '/', 'PATH_INFO')(vars),
  'an absolute OPTIONS without a path is *': (vars, { isServerWide }) => (isServerWide ? set('PATH_INFO', '*')(vars) : vars),
  // uWSGI removes dots before it decodes, so nothing of its path is left to start from.
  'escaped dots are dots': (vars, { path }) => (/%2e/i.test(path) ? set('PATH_INFO', resolveDots(decode(path)))(vars) : vars),
  'a path of dots only is /': (vars, { authority }) => (authority === null ? map((value) => value || '/', 'PATH_INFO')(vars) : vars),
};

/** SERVER_NAME too, where it is made of Host: it stands before HTTP_HOST then. */
function absoluteHost(vars: Vars, { authority }: MadeRequest): Vars {
  if (authority === null) return vars;
  return vars.map(([key, value], i) => [key, key === 'HTTP_HOST' || (key === 'SERVER_NAME' && vars[i + 1]?.[0] === 'HTTP_HOST') ? authority : value]);
}

/** One character a byte. */
function decode(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** RFC 3986 5.2.4, written anew: segments on a stack. */
function resolveDots(path: string): string {
  const out: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === '..') out.pop();
    else if (segment !== '.') out.push(segment);
    if (isLast && (segment === '.' || segment === '..')) out.push('');
  }
  return `/${out.join('/')}`;
}

interface Setting {
  readonly name: string;
  readonly args: readonly string[];
}

const SETTINGS: readonly Setting[] = [
  { name: 'plain', args: [] },
  {
    name: 'with http-var, modifiers and http-server-name-as-http-host',
    args: [
      ...['--http-var', 'FIRST=1', '--http-var', 'SECOND=a b=c', '--http-var', 'EMPTY='],
      ...['--http-modifier1', '5', '--http-modifier2', '7', '--http-server-name-as-http-host=1'],
    ],
  },
];

for (const { name, args } of SETTINGS) {
  blackbox(
    `${REQUESTS} requests are the packets of uWSGI’s router, ${name}`,
    { needs: ['uwsgi'], differs: 'it is the reference itself' },
    async () => {
      await using folder = temporaryFolder();
      const socket = folder.file('app.sock');
      await using backend = await UwsgiBackend.listen(answer('ok'), socket);
      await using reference = await startUwsgiRouter({ to: socket, args });
      await using gate = await startUgate(['--http-to', socket, ...args]);
      const maker = new RequestMaker(SEED);
      const occurred = new Map<string, number>(Object.keys(DIFFERENCES).map((difference) => [difference, 0]));
      const requests = Array.from({ length: REQUESTS }, (_, id) => maker.make(id));
      const one = async (request: MadeRequest): Promise<void> => {
        const theirs = await send(backend, reference.port, request);
        const ours = await send(backend, gate.port, request);
        const place = { ownPort: gate.port, theirPort: reference.port, clientPort: ours.clientPort };
        assert.equal(theirs.seen.vars.get('REMOTE_PORT'), swapped(theirs.clientPort));
        assert.equal(theirs.seen.vars.get('SERVER_PORT'), String(place.theirPort));
        compare(request, theirs.seen, ours.seen, place, occurred);
      };
      for (let i = 0; i < requests.length; i += AT_ONCE) {
        const batch = await Promise.allSettled(requests.slice(i, i + AT_ONCE).map(one));
        const failed = batch.find((result) => result.status === 'rejected');
        if (failed !== undefined) throw new Error(`seed ${SEED}: ${String(failed.reason instanceof Error ? failed.reason.message : failed.reason)}`);
      }
      assert.deepEqual(backend.errors, [], `seed ${SEED}`);
      assert.equal(backend.requests.length, 2 * REQUESTS, `seed ${SEED}: every request came once from each`);
      const never = [...occurred].filter(([, times]) => times === 0).map(([difference]) => difference);
      assert.deepEqual(never, [], `seed ${SEED}: differences that did not occur`);
      console.log(`seed ${SEED}: ${[...occurred].map(([difference, times]) => `${times} × ${difference}`).join('; ')}`);
    },
  );
}

/** Sends it over a connection of its own; its X-Mark tells it apart at the backend. */
async function send(backend: UwsgiBackend, port: number, request: MadeRequest): Promise<{ seen: RecordedRequest; clientPort: number }> {
  await using client = await RawClient.connect({ port });
  const { localPort } = client;
  const ports = [String(localPort), swapped(localPort)];
  client.write(request.bytes);
  const seen = await waitFor(`${JSON.stringify(request.bytes.slice(0, 200))} at the backend`, () =>
    backend.requests.find(
      ({ vars }) => vars.get('SERVER_PORT') === String(port) && ports.includes(vars.get('REMOTE_PORT') ?? '') && isOf(vars, request),
    ),
  );
  await seen.complete();
  const response = await client.readResponse({ method: request.method });
  assert.equal(response.status, 200);
  return { seen, clientPort: localPort };
}

function isOf(vars: ReadonlyMap<string, string>, { id }: MadeRequest): boolean {
  return vars.get('HTTP_X_MARK') === String(id);
}

function compare(request: MadeRequest, theirs: RecordedRequest, ours: RecordedRequest, place: Place, occurred: Map<string, number>): void {
  let expected: Vars = theirs.list;
  for (const [name, difference] of Object.entries(DIFFERENCES)) {
    const changed = difference(expected, request, place);
    if (JSON.stringify(changed) !== JSON.stringify(expected)) occurred.set(name, (occurred.get(name) ?? 0) + 1);
    expected = changed;
  }
  const about = JSON.stringify(request.bytes.slice(0, 600));
  const [got, wanted] = [ours.list, expected].map((vars) => vars.map(([key, value]) => JSON.stringify(`${key}=${value}`))) as [string[], string[]];
  const at = wanted.findIndex((line, index) => line !== got[index]);
  const where = `${about}: var ${at} is ${got[at]} and not ${wanted[at]}`;
  assert.deepEqual(got, wanted, at === -1 ? `${about}: more vars than expected: ${got.slice(wanted.length)}` : where);
  assert.deepEqual([ours.modifier1, ours.modifier2], [theirs.modifier1, theirs.modifier2], about);
  assert.equal(ours.body.toString('latin1'), theirs.body.toString('latin1'), about);
  assert.equal(ours.body.toString('latin1'), request.body, about);
}
