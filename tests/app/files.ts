/** Files of an app, in a directory of their own for one test. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface AppFiles extends Disposable {
  readonly directory: string;
  at(path: string): string;
}

export function appFiles(files: Readonly<Record<string, string>>): AppFiles {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ugate-app-')));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return {
    directory,
    at: (path) => join(directory, path),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
