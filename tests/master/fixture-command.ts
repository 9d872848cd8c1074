import { fileURLToPath } from 'node:url';

/** How to run a program of `fixtures/` under the runtime of this test. */
export function commandFor(fixture: string, ...words: string[]): string[] {
  const program = fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url));
  return [process.execPath, ...(process.versions.deno ? ['run', '-A', '--no-check'] : []), program, ...words];
}
