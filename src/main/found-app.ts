import type { WsgiApp } from '../app/wsgi/wsgi-messages.ts';
import { nodePath } from '../builtin/modules.ts';
import type { Config } from '../options/config.ts';
import type { Surroundings } from './surroundings.ts';

/** What the app is, now that it was looked for. `directory` is what `watch` watches when nothing else is named. */
export type FoundApp =
  | { readonly kind: 'none' }
  | { readonly kind: 'fetch'; readonly path: string; readonly name: string | null; readonly directory: string }
  | {
      readonly kind: 'wsgi';
      readonly app: WsgiApp;
      readonly directory: string;
      /** What was looked for in vain before it was taken for a package that Python has; null when it was found. */
      readonly guess: string | null;
    };

/** Looks for the app of `module`, `wsgi` or `wsgi-file`. @throws {AppError} when there is none, or more than one */
export async function findAppOf({ app, callable, pythonPath }: Config, { directory }: Surroundings): Promise<FoundApp> {
  if (app === null) return { kind: 'none' };
  const { findApp } = await import('../app/find-app.ts');
  const found = findApp(app, callable, { cwd: directory, pythonPath });
  if (found.kind === 'fetch') return { ...found, directory: nodePath().dirname(found.path) };
  return { kind: 'wsgi', app: found.spec, directory, guess: found.guess };
}
