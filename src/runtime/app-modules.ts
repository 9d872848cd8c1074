// Not imported: a bundle would load it at the start of every binary.
const nodeModule = process.getBuiltinModule('node:module');

/** The part of Bun's global that is used here. Tried on Bun 1.4.5. */
interface BunModules {
  plugin(options: { name: string; setup(build: BunPluginBuilder): void }): void;
}

interface BunPluginBuilder {
  module(name: string, load: () => Promise<{ exports: object; loader: 'object' }>): void;
}

/** Loads a module that this program carries; by the name it is imported by. */
export type Carried = Readonly<Record<string, () => Promise<object>>>;

/** Marks a process in which modules have been offered: on Bun a second time would ask the first one for them, without end. */
const OFFERED = Symbol.for('ugate.modules');

export function runtimeName(): 'bun' | 'deno' | 'node' {
  if (process.versions.bun !== undefined) return 'bun';
  return process.versions.deno === undefined ? 'node' : 'deno';
}

/**
 * Offers modules to an app that will be imported from `path`, where it has none of these of its own. Not on Deno, which has no hook
 * for that: there an import map says where they are.
 */
export function offerModules(path: string, carried: Carried): void {
  if (OFFERED in globalThis) return;
  switch (runtimeName()) {
    case 'bun':
      return offerOnBun(path, carried);
    case 'node':
      return offerOnNode(carried);
  }
}

/** What Bun is told it has itself overrides what the user has: so the user's is looked for first, and if there is one, it is all. */
function offerOnBun(path: string, carried: Carried): void {
  const packages = new Set(Object.keys(carried).map(packageOf));
  const { resolve } = nodeModule.createRequire(path);
  const missing = [...packages].filter((name) => !canResolve(resolve, name));
  if (missing.length === 0) return;
  Object.defineProperty(globalThis, OFFERED, { value: true });
  const isBinary = /\/(?:\$bunfs|~BUN)\//.test(import.meta.url);
  // By its name a module would be looked for here again, without end; in a binary it has no other name, and is not looked for.
  const loaders = Object.entries(carried)
    .filter(([name]) => missing.includes(packageOf(name)))
    .map(([name, load]) => ({ name, load: isBinary ? load : importOf(import.meta.resolve(name)) }));
  const { Bun } = globalThis as unknown as { Bun: BunModules };
  Bun.plugin({
    name: 'ugate',
    setup(build) {
      for (const { name, load } of loaders) build.module(name, async () => ({ exports: await load(), loader: 'object' }));
    },
  });
}

function importOf(url: string): () => Promise<object> {
  return () => import(url);
}

/** Asked only for what was not found. */
function offerOnNode(carried: Carried): void {
  Object.defineProperty(globalThis, OFFERED, { value: true });
  nodeModule.registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!(specifier in carried)) throw error;
        return { url: import.meta.resolve(specifier), shortCircuit: true };
      }
    },
  });
}

function packageOf(name: string): string {
  return name.split('/', 1)[0];
}

function canResolve(resolve: (name: string) => string, name: string): boolean {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Node's parser met TypeScript that is more than types. */
export function isSyntaxOfNode(error: Error | null): boolean {
  return (error as { code?: string } | null)?.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX';
}
