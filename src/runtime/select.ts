import type { Runtime } from './seam.ts';

/** The adapter for the runtime this program runs on. Called once, at the entry. */
export async function selectRuntime(): Promise<Runtime> {
  // Literal imports, so that `bun build --compile` bundles them. Deno and Bun pretend to be Node, so Node comes last.
  if ('Bun' in globalThis) return (await import('./bun.ts')).createRuntime();
  if ('Deno' in globalThis) return (await import('./deno.ts')).createRuntime();
  return (await import('./node.ts')).createRuntime();
}
