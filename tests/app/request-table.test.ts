/** Every member of a request, before and behind every use of its body: what an app is given is to be what the runtime's own Request would be. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppBody } from '../../src/app/app-body.ts';
import { installGlobals } from '../../src/app/app-globals.ts';
import { AppRequest } from '../../src/app/app-request.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { isSame, membersOf, namesOf, outcome, QUESTIONS, USES } from './body-uses.ts';

const runtime = await selectRuntime();
const apps = await runtime.apps();

const Native = globalThis.Request;
installGlobals(apps);

const URL_ = 'http://a.example/path?q=1';
const TEXT = '{"a":1}';
const FIELDS = ['content-type: application/x-www-form-urlencoded', 'x-a: 1', 'x-b: 2'];

type Kind = 'no body' | 'a body that is here' | 'a body that is on its way';

function theirs(kind: Kind): Request {
  const headers = FIELDS.map((line) => line.split(': ') as [string, string]);
  if (kind === 'no body') return new Native(URL_, { headers });
  const bytes = new TextEncoder().encode(TEXT);
  const late = (): ReadableStream => {
    let turn = 0;
    return new ReadableStream({
      async pull(controller) {
        await Promise.resolve();
        if (turn++ === 0) controller.enqueue(bytes);
        else controller.close();
      },
    });
  };
  return new Native(URL_, { method: 'POST', headers, body: kind === 'a body that is here' ? bytes : late(), duplex: 'half' } as RequestInit);
}

function ours(kind: Kind): Request {
  const body = kind === 'no body' ? null : new AppBody(() => {});
  const bytes = new TextEncoder().encode(TEXT);
  const write = (): void => {
    body?.write(bytes, 0, bytes.length);
    body?.end();
  };
  if (kind === 'a body that is on its way') queueMicrotask(write);
  else write();
  const fields = { lines: FIELDS.map((line) => `${line}\r\n`).join(''), dropped: null };
  return new AppRequest(body === null ? 'GET' : 'POST', URL_, fields, body) as unknown as Request;
}

/** Uses that only a request knows. */
const REQUEST_USES: typeof USES = {
  ...USES,
  'new Request(it)': (request) => void new Request(request as Request),
  'new Request(it), its text': (request) => new Request(request as Request).text(),
  'new Request(it, with a body)': (request) => new Request(request as Request, { method: 'POST', body: 'other' }).text(),
  'new Request(it, with headers)': (request) => void new Request(request as Request, { headers: { 'x-c': '3' } }),
  'new Request(URL, it)': (request) => void new Request('http://b/', request as Request),
  'a look at redirect': (request) => void (request as Request).redirect,
  'a look at signal': (request) => void (request as Request).signal,
};

async function about(request: Request): Promise<unknown> {
  const { url, method, headers, redirect, signal } = request;
  return [url, method, [...headers], redirect, signal.aborted, await request.text()];
}

const REQUEST_QUESTIONS: typeof QUESTIONS = {
  ...membersOf(Native.prototype),
  ...QUESTIONS,
  keys: (request) => [Object.keys(request), namesOf(request)],
  'the same signal': (request) => isSame(request, 'signal'),
  'new Request(it)': (request) => about(new Request(request as Request)),
  'new Request(it, with a body)': (request) => about(new Request(request as Request, { method: 'PUT', body: 'other' })),
  'new Request(it, with a stream)': (request) =>
    about(new Request(request as Request, { method: 'PUT', body: new Response('other').body, duplex: 'half' } as RequestInit)),
  'new Request(it, with headers)': (request) => about(new Request(request as Request, { headers: { 'x-c': '3' } })),
  'new Request(URL, it)': (request) => about(new Request('http://b/', request as Request)),
  'its own body, remade': (request) =>
    about(new Request('http://b/', { method: 'POST', body: request.body, headers: request.headers, duplex: 'half' } as RequestInit)),
  'used by new Request(it)': (request) => [new Request(request as Request).bodyUsed, request.bodyUsed],
  'changed headers, in new Request(it)': (request) => {
    request.headers.set('x-a', '2');
    request.headers.delete('x-b');
    const { headers } = new Request(request as Request, { method: 'PUT', body: 'other' });
    return [headers.get('x-a'), headers.has('x-b')];
  },
};

/** Where the runtime's own goes another way than the Fetch Standard, or leaves a stream in another state than ours that nobody can use. */
function isKnown(use: string, question: string, got: string): boolean {
  if (runtime.name === 'bun') {
    // It makes a request with half a body, or one that nobody can read; and forgets the type of a body that was a stream.
    if (/new Request\((?:it|URL, it|it, with headers)\)/.test(question) && got.endsWith('; throws TypeError')) return true;
    if (/blob/.test(use + question) && got.includes('application/x-www-form-urlencoded')) return true;
  }
  // A body that was given whole is not locked by who made another request of its request.
  return runtime.name === 'deno' && use === 'new Request(it), its text' && /^(?:body|body, as it is|all that can be read)$/.test(question);
}

for (const kind of ['no body', 'a body that is here', 'a body that is on its way'] as const)
  test(`W4: a request with ${kind} is what the runtime's own would be, before and behind each use`, async () => {
    const wrong: string[] = [];
    for (const [use, used] of Object.entries(REQUEST_USES))
      for (const [question, ask] of Object.entries(REQUEST_QUESTIONS)) {
        const asked = async (request: Request): Promise<string> => `${await outcome(() => used(request))}; ${await outcome(() => ask(request))}`;
        const [want, got] = [await asked(theirs(kind)), await asked(ours(kind))];
        if (want !== got && !isKnown(use, question, got)) wrong.push(`${use}; ${question}: ${got}, not ${want}`);
      }
    assert.deepEqual(wrong, []);
  });
