/** The value of `http-use-code-string`: a module and a function in it. */

import { quote, ValueError } from './value-error.ts';

const MODULE_HINT = 'write FILE or FILE:FUNCTION of a TypeScript or JavaScript module, such as /etc/ugate/route.ts:nodeOf';

/**
 * `FILE`, `FILE:FUNCTION` or uWSGI's `0:FILE:FUNCTION`, as it was written; who loads it takes it apart.
 * @throws {ValueError} for what can be no such module, as seen from its name
 */
export function readCodeString(text: string): string {
  const parts = text.split(':');
  // uWSGI's first part is the number of the plugin that runs the code.
  if (parts.length === 3 && /^\d+$/.test(parts[0])) {
    const plugin = parts.shift()!;
    if (Number(plugin) !== 0) throw new ValueError(`${quote(text)} asks for uWSGI's plugin ${plugin}`, MODULE_HINT);
  }
  const [file, name = 'default', more] = parts;
  if (file === '' || more !== undefined) throw new ValueError(`${quote(text)} names no module`, MODULE_HINT);
  if (!/\.[cm]?[jt]s$/.test(file)) throw new ValueError(`${quote(file)} is no TypeScript or JavaScript module`, MODULE_HINT);
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) throw new ValueError(`${quote(name)} is no name of a function`, MODULE_HINT);
  return text;
}
