import { runtimeName } from './app-modules.ts';

type Handler = (request: unknown, info: unknown) => unknown;
type NativeOf = <Value>(value: Value) => Value;

interface Namespaces {
  readonly Deno: { serve(...words: unknown[]): unknown };
  readonly Cache: { readonly prototype: Record<'put' | 'match' | 'delete', (...words: unknown[]) => unknown> };
}

/**
 * Whether the runtime's own code takes a Response that is made on demand, by `nativeOf`; from now on that of Deno does. On Bun too much
 * would have to be taught it (`HTMLRewriter`, `Bun.write`, `Bun.serve`); on Node nothing takes any.
 */
export function takesResponsesOnDemand(nativeOf: NativeOf): boolean {
  const name = runtimeName();
  if (name === 'deno') feedDeno(nativeOf);
  return name !== 'bun';
}

/** `Deno.serve` and the methods of `Cache` get what `nativeOf` makes. */
function feedDeno(nativeOf: NativeOf): void {
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
