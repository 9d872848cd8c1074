/**
 * Makes `ours` complete: each member that `theirs`, the prototype of the runtime's own class, has and ours has not is asked of what
 * `getters` or `methods` give for an object. `constructor` is theirs, and members are as enumerable as theirs.
 */
export function completeFrom<Ours extends object>(
  ours: Ours,
  theirs: object,
  getters: (self: Ours) => object,
  methods: (self: Ours) => object,
): void {
  Reflect.deleteProperty(ours, 'constructor');
  for (const name of Reflect.ownKeys(theirs)) {
    if (typeof name !== 'string' || name === 'constructor') continue;
    const { value, get, enumerable = true } = Object.getOwnPropertyDescriptor(theirs, name)!;
    const own = Object.getOwnPropertyDescriptor(ours, name);
    if (own !== undefined) Object.defineProperty(ours, name, { ...own, enumerable });
    else if (get !== undefined) Object.defineProperty(ours, name, { get: getterOf(name, getters), enumerable, configurable: true });
    else if (typeof value === 'function')
      Object.defineProperty(ours, name, { value: methodOf(name, methods), enumerable, configurable: true, writable: true });
  }
  Object.setPrototypeOf(ours, theirs);
}

function getterOf<Ours>(name: string, of: (self: Ours) => object): (this: Ours) => unknown {
  return function (this: Ours) {
    return (of(this) as Record<string, unknown>)[name];
  };
}

function methodOf<Ours>(name: string, of: (self: Ours) => object): (this: Ours, ...words: unknown[]) => unknown {
  return function (this: Ours, ...words) {
    return (of(this) as Record<string, (...words: unknown[]) => unknown>)[name]!(...words);
  };
}

/** Lets `to` hold what `from` holds, and nothing else. */
export function copyHeaders(from: Headers, to: Headers): void {
  for (const name of [...to.keys()]) to.delete(name);
  from.forEach((value, name) => void to.append(name, value));
}
