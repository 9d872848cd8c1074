/** Ways to use a body, and what can be asked of its owner behind them: for comparing our stand-ins with the runtime's own. */

import { inspect } from 'node:util';

type Owner = Request | Response;

/** What becomes of `body` when it is used; nothing of it may throw where the runtime's own does not. */
export const USES: Readonly<Record<string, (owner: Owner) => unknown>> = {
  'not at all': () => {},
  text: (owner) => owner.text(),
  'text, unawaited': (owner) => void owner.text(),
  json: (owner) => owner.json(),
  arrayBuffer: (owner) => owner.arrayBuffer(),
  bytes: (owner) => owner.bytes(),
  blob: (owner) => owner.blob(),
  formData: (owner) => owner.formData(),
  'a look at body': (owner) => void owner.body,
  'a look at headers': (owner) => void owner.headers.get('x-a'),
  getReader: (owner) => void owner.body?.getReader(),
  'getReader, released': (owner) => owner.body?.getReader().releaseLock(),
  'one read': async (owner) => {
    await owner.body?.getReader().read();
  },
  'one read, released': async (owner) => {
    const reader = owner.body?.getReader();
    await reader?.read();
    reader?.releaseLock();
  },
  'read to the end': async (owner) => {
    const reader = owner.body?.getReader();
    while (reader !== undefined && !(await reader.read()).done);
  },
  'read to the end, released': async (owner) => {
    const reader = owner.body?.getReader();
    while (reader !== undefined && !(await reader.read()).done);
    reader?.releaseLock();
  },
  cancel: (owner) => owner.body?.cancel(),
  tee: (owner) => void owner.body?.tee(),
  pipeTo: (owner) => owner.body?.pipeTo(new WritableStream()),
  pipeThrough: (owner) => void owner.body?.pipeThrough(new TransformStream()),
  iteration: async (owner) => {
    for await (const _piece of owner.body ?? []);
  },
  clone: (owner) => void owner.clone(),
  'clone, its text': (owner) => owner.clone().text(),
  'text of it and its clone': async (owner) => {
    const clone = owner.clone();
    await Promise.all([owner.text(), clone.text()]);
  },
};

/** What holds for both. Each is asked of an owner of its own. */
export const QUESTIONS: Readonly<Record<string, (owner: Owner) => unknown>> = {
  'body, as it is': (owner) => [owner.body === null, owner.body?.locked, owner.body instanceof ReadableStream],
  'the same body': (owner) => isSame(owner, 'body'),
  'the same headers': (owner) => isSame(owner, 'headers'),
  'headers by iteration': (owner) => [...owner.headers],
  'headers, changed': (owner) => {
    const { headers } = owner;
    headers.set('x-a', '2');
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    headers.delete('x-b');
    const fields = (of: Headers): unknown => [[...of], of.getSetCookie(), of.has('x-b')];
    return [fields(headers), fields(owner.headers), fields(owner.clone().headers)];
  },
  'text of the clone': (owner) => owner.clone().text(),
  'text of both': async (owner) => {
    const clone = owner.clone();
    return [await owner.text(), await clone.text(), owner.bodyUsed, clone.bodyUsed];
  },
  'all that can be read': async (owner) => {
    const reader = owner.body?.getReader();
    let text = '';
    if (reader === undefined) return null;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += Buffer.from(piece.value).toString();
    return [text, owner.bodyUsed];
  },
  'text of its body': (owner) => new Response(owner.body).text(),
  'type of the blob': async (owner) => (await owner.blob()).type,
  'what it is': (owner) => [Object.prototype.toString.call(owner), owner.constructor.name],
  'shown to people': (owner) => typeof inspect(owner),
};

/** Asked for twice. */
export function isSame(owner: Owner, name: 'body' | 'headers' | 'signal'): boolean {
  const first = (owner as Request)[name];
  return first === (owner as Request)[name];
}

/** As `for` and `in` find them. */
export function namesOf(owner: object): string[] {
  const names: string[] = [];
  for (const name in owner) names.push(name);
  return names.toSorted();
}

/** Each member of `prototype`: getters are looked at, methods of the body called. */
export function membersOf(prototype: object): Record<string, (owner: Owner) => unknown> {
  const questions: Record<string, (owner: Owner) => unknown> = {};
  for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === 'constructor' || name === 'clone') continue;
    const ask = (owner: Owner): unknown => (owner as unknown as Record<string, unknown>)[name];
    if (get !== undefined) questions[name] = ask;
    else if (typeof value === 'function') questions[`${name}()`] = async (owner) => plain(await (ask(owner) as () => unknown).call(owner));
  }
  return questions;
}

/** What `ask` comes to, so that it can be compared: the text of an error is each runtime's own, and ours may say it better. */
export async function outcome(ask: () => unknown): Promise<string> {
  let value: unknown;
  try {
    value = ask();
  } catch (error) {
    return `throws ${(error as Error).name}`;
  }
  try {
    return `${value instanceof Promise ? 'resolves ' : ''}${JSON.stringify(plain(await value))}`;
  } catch (error) {
    return `rejects ${(error as Error).name}`;
  }
}

function plain(value: unknown): unknown {
  if (value === undefined) return 'undefined';
  if (value instanceof Headers || value instanceof FormData) return [...value];
  if (value instanceof ReadableStream) return `a stream${value.locked ? ', locked' : ''}`;
  if (value instanceof AbortSignal) return `a signal${value.aborted ? ', aborted' : ''}`;
  if (value instanceof Blob) return `a blob of ${value.size}, ${value.type}`;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return `${value.constructor.name} ${Buffer.from(value as ArrayBuffer).toString()}`;
  return value;
}
