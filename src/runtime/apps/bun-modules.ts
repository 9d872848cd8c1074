import type { CarriedModules } from '../seam/apps.ts';

// Not imported: a bundle would load it at the start of every binary.
const nodeModule = process.getBuiltinModule('node:module');

/** The part of Bun's global that is used here. Tried on Bun 1.4.5. */
interface BunModules {
  plugin(options: { name: string; setup(build: BunPluginBuilder): void }): void;
}

interface BunPluginBuilder {
  module(name: string, load: () => Promise<{ exports: object; loader: 'object' }>): void;
}

/** Marks a process in which modules have been offered: a second time Bun would ask the first one for them, without end. */
const OFFERED = Symbol.for('ugate.modules');

/** What Bun is told it has itself overrides what the user has: so the user's is looked for first, and if there is one, it is all. */
export function offerOnBun(path: string, carried: CarriedModules): void {
  if (OFFERED in globalThis) return;
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
