import { nodeFs, nodePath } from '../builtin/modules.ts';
import type { Config } from '../options/config.ts';

/** The app cannot have the surroundings that the config wants for it. */
export class SurroundingsError extends Error {
  override readonly name = 'SurroundingsError';
}

/** Where the app works and what it finds in its environment (`chdir`, `env`). */
export interface Surroundings {
  /** Absolute. */
  readonly directory: string;
  /** Beside what ugate itself was given. */
  readonly variables: Readonly<Record<string, string>>;
}

/** @throws {SurroundingsError} when there is no such directory */
export function surroundingsOf({ chdir, env }: Config): Surroundings {
  const directory = chdir === null ? process.cwd() : nodePath().resolve(chdir);
  if (chdir !== null && !nodeFs().statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw new SurroundingsError(`chdir: there is no directory ${chdir}`);
  return { directory, variables: Object.fromEntries(env) };
}

/** For a process of the app's own. */
export function environmentOf({ variables }: Surroundings): Record<string, string> {
  return { ...(process.env as Record<string, string>), ...variables };
}

/** For an app in this process: it shares them with us. */
export function enter({ directory, variables }: Surroundings): void {
  Object.assign(process.env, variables);
  process.chdir(directory);
}
