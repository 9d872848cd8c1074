import type { Runtime } from './seam.ts';

/** The adapter for the runtime this program runs on. Called once, at the entry. */
export async function selectRuntime(): Promise<Runtime> {
  // Literal imports and an if for each, so that `bun build --compile`, told `process.isBun`, bundles only its own.
  // Deno and Bun pretend to be Node, so Node comes last.
  if ((process as { isBun?: boolean }).isBun) {
    return (await import('./bun.ts')).createRuntime();
  } else if ('Deno' in globalThis) {
    return (await import('./deno.ts')).createRuntime();
  } else {
    return (await import('./node.ts')).createRuntime();
  }
}
