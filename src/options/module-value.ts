/** The value of `module`: a Python module or a file, and perhaps the name of what is called in it. */

import { quote, ValueError } from './value-error.ts';

const HINT = 'write a Python module (mysite.wsgi:application) or a file (app.ts, app.py)';

/**
 * `MODULE` or `MODULE:NAME`, as it was written: which of them it is shows only where it is looked for.
 * @throws {ValueError} for what can be neither
 */
export function readModule(text: string): string {
  if (text.includes('\0')) throw new ValueError('a module holds no NUL');
  const colon = text.lastIndexOf(':');
  if (colon === 0 || colon === text.length - 1) throw new ValueError(`${quote(text)} names no module`, HINT);
  if (/^[a-z][a-z0-9+.]*:\/\//i.test(text)) throw new ValueError(`${quote(text)} is a URL`, HINT);
  const call = /:([^:()]+)\((.+)\)$/.exec(text);
  if (call !== null)
    throw new ValueError(
      `${quote(text)} calls ${call[1]} with arguments`,
      `write a function without any in the module and name that, as in MODULE:${call[1]}()`,
    );
  return text;
}
