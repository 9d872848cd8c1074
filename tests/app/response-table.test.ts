/** Every member of a response that an app has made, before and behind every use of its body, as of the runtime's own Response. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installGlobals } from '../../src/app/app-globals.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { membersOf, outcome, QUESTIONS, USES } from './body-uses.ts';

const runtime = await selectRuntime();
const apps = await runtime.apps();

const Native = globalThis.Response;
installGlobals(apps);

const TEXT = '{"a":1}';
const HEADERS = { 'content-type': 'application/x-www-form-urlencoded', 'x-a': '1', 'x-b': '2' };

/** A stream whose only piece is `TEXT`, not at once. */
function stream(): ReadableStream<Uint8Array> {
  let turn = 0;
  return new ReadableStream({
    async pull(controller) {
      await Promise.resolve();
      if (turn++ === 0) controller.enqueue(new TextEncoder().encode(TEXT));
      else controller.close();
    },
  });
}

const KINDS: Readonly<Record<string, (Kind: typeof Response) => Response>> = {
  nothing: (Kind) => new Kind(),
  null: (Kind) => new Kind(null, { status: 404, headers: HEADERS }),
  'null body status': (Kind) => new Kind(null, { status: 204 }),
  text: (Kind) => new Kind(TEXT, { status: 201, headers: HEADERS }),
  'empty text': (Kind) => new Kind('', { headers: HEADERS }),
  bytes: (Kind) => new Kind(new TextEncoder().encode(TEXT), { statusText: 'Fine', headers: new Headers(HEADERS) }),
  stream: (Kind) => new Kind(stream(), { status: 500, headers: Object.entries(HEADERS) }),
  'the body of another': (Kind) => new Kind(new Kind(TEXT).body, { headers: HEADERS }),
  'Response.json': (Kind) => Kind.json({ a: 1 }, { status: 201 }),
  'Response.redirect': (Kind) => Kind.redirect('http://a/b', 303),
  'Response.error': (Kind) => Kind.error(),
};

const RESPONSE_QUESTIONS: typeof QUESTIONS = {
  ...membersOf(Native.prototype),
  ...QUESTIONS,
  'made anew': async (response) => {
    const { status, headers, body } = response as Response;
    const again = new Response(body, { status, headers });
    return [again.status, [...again.headers], await again.text(), response.bodyUsed];
  },
  'its own clone': (response) => {
    const { status, statusText, type, ok, headers } = response.clone() as Response;
    return [status, statusText, type, ok, [...headers]];
  },
};

/** Bun's own calls JSON `application/json;charset=utf-8`, where the Fetch Standard has `application/json`, and so have we. */
function asStandard(outcome: string): string {
  return outcome.replaceAll('application/json;charset=utf-8', 'application/json');
}

for (const [kind, make] of Object.entries(KINDS))
  test(`W4: a response of ${kind} is what the runtime's own would be, before and behind each use`, async () => {
    const wrong: string[] = [];
    for (const [use, used] of Object.entries(USES))
      for (const [question, ask] of Object.entries(RESPONSE_QUESTIONS)) {
        const asked = async (response: Response): Promise<string> =>
          asStandard(`${await outcome(() => used(response))}; ${await outcome(() => ask(response))}`);
        const [want, got] = [await asked(make(Native)), await asked(make(Response))];
        if (want !== got) wrong.push(`${use}; ${question}: ${got}, not ${want}`);
      }
    assert.deepEqual(wrong, []);
  });

test('W4: a text has its type from the beginning, and loses it when it is taken away', () => {
  for (const init of [undefined, {}, { headers: {} }, { headers: new Headers() }, { headers: [] as [string, string][] }]) {
    assert.equal(new Response('x', init).headers.get('content-type'), 'text/plain;charset=UTF-8');
    assert.equal(new Response('x', init).clone().headers.get('content-type'), 'text/plain;charset=UTF-8');
    const bare = new Response('x', init);
    bare.headers.delete('content-type');
    assert.equal(bare.headers.has('content-type'), false);
  }
  assert.equal(new Response(null).headers.has('content-type'), false);
  assert.equal(new Response('x', { headers: { 'Content-Type': 'a/b' } }).headers.get('content-type'), 'a/b');
});

test('W4: what the runtime refuses to make is refused', async () => {
  const makes: ((Kind: typeof Response) => unknown)[] = [
    (Kind) => new Kind('x', { status: 204 }).status,
    (Kind) => new Kind('x', { status: 304 }).status,
    (Kind) => new Kind(null, { status: 101 }).status,
    (Kind) => new Kind(null, { status: 600 }).status,
    (Kind) => new Kind(null, { status: 200.5 }).status,
    (Kind) => new Kind(null, { status: '201' as unknown as number }).status,
    (Kind) => new Kind(null, { statusText: 'a\r\nb' }).status,
    (Kind) => new Kind(null, { headers: { 'a b': '1' } }).status,
    (Kind) => new Kind(null, { headers: { a: 'b\r\nc' } }).status,
    (Kind) => new Kind(null, { headers: [['a']] as unknown as [string, string][] }).status,
    (Kind) => new Kind(7 as unknown as string).text(),
    (Kind) => new Kind({} as unknown as string).text(),
    (Kind) => Kind.json(undefined).status,
    (Kind) => Kind.redirect('http://a/', 200).status,
    (Kind) => (Kind as unknown as () => Response)(),
  ];
  for (const make of makes) assert.equal(await outcome(() => make(Response)), await outcome(() => make(Native)), String(make));
});
