/** A world of a few files and variables to read configurations in. */

import assert from 'node:assert/strict';
import type { Config } from '../../src/options/config.ts';
import { formatErrors } from '../../src/options/errors.ts';
import { type ReadResult, readConfig } from '../../src/options/read-config.ts';

export interface World {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

export function read(argv: readonly string[], { files = {}, env = {} }: World = {}): ReadResult {
  return readConfig(argv, {
    env: (name) => env[name],
    readFile: (path) => {
      if (!Object.hasOwn(files, path)) throw new Error('no such file');
      return files[path];
    },
  });
}

/** The configuration; fails with the text of the errors when there are any. */
export function configOf(argv: readonly string[], world?: World): Config {
  const result = read(argv, world);
  if (result.kind === 'errors') assert.fail(formatErrors(result.errors));
  assert.equal(result.kind, 'config');
  return (result as { config: Config }).config;
}

/** The errors as a user sees them; fails when there are none. */
export function errorsOf(argv: readonly string[], world?: World): string {
  const result = read(argv, world);
  if (result.kind !== 'errors') assert.fail(`no error but ${result.kind}`);
  return formatErrors(result.errors);
}

/** The configuration of one ini file with these lines below `[uwsgi]` and `http = :80`; the lines count from 3. */
export function iniConfig(lines: string, env?: World['env']): Config {
  return configOf(['u.ini'], { files: { 'u.ini': `[uwsgi]\nhttp = :80\n${lines}\n` }, ...(env && { env }) });
}

/** The errors of such a file. */
export function iniErrors(lines: string, env?: World['env']): string {
  return errorsOf(['u.ini'], { files: { 'u.ini': `[uwsgi]\nhttp = :80\n${lines}\n` }, ...(env && { env }) });
}
