import type { NativeOf } from '../seam/apps.ts';

type Handler = (request: unknown, info: unknown) => unknown;

interface Namespaces {
  readonly Deno: { serve(...words: unknown[]): unknown };
  readonly Cache: { readonly prototype: Record<'put' | 'match' | 'delete', (...words: unknown[]) => unknown> };
}

/** `Deno.serve` and the methods of `Cache` get what `nativeOf` makes. */
export function feedDeno(nativeOf: NativeOf): void {
  const { Deno, Cache } = globalThis as unknown as Namespaces;
  const { serve } = Deno;
  Deno.serve = (...words) => serve(...words.map((word) => servesNatives(word, nativeOf)));
  for (const name of ['put', 'match', 'delete'] as const) {
    const method = Cache.prototype[name];
    Cache.prototype[name] = function (...words) {
      return method.apply(this, words.map(nativeOf));
    };
  }
}

/** A handler, or the options that may hold one. */
function servesNatives(word: unknown, nativeOf: NativeOf): unknown {
  if (typeof word === 'function') return givesNative(word as Handler, nativeOf);
  if (word === null || typeof word !== 'object') return word;
  const options: Record<string, unknown> = { ...word };
  for (const name of ['handler', 'onError']) if (typeof options[name] === 'function') options[name] = givesNative(options[name] as Handler, nativeOf);
  return options;
}

/** Two parameters, because Deno counts them: a handler with one is not told who asks. */
function givesNative(handler: Handler, nativeOf: NativeOf): Handler {
  return (request, info) => {
    const answer = handler(request, info);
    return answer instanceof Promise ? answer.then(nativeOf) : nativeOf(answer);
  };
}
