/** The value of `http-use-pattern`: the path of a socket with a place for the routing key. */

import { quote, ValueError } from './value-error.ts';

/**
 * The pattern, with `%s` for the key and `%%` for a percent sign.
 * In uWSGI's ini files `%s` is the name of the file and `%%s` comes out as the `%s` of the pattern; since a pattern
 * without a key would be the same socket for all, `%%s` can only mean that, and comes out as `%s`.
 * @throws {ValueError}
 */
export function readKeyPattern(text: string): string {
  const marks: readonly string[] = text.match(/%.?/gs) ?? [];
  const unknown = marks.find((mark) => mark !== '%s' && mark !== '%%');
  if (unknown !== undefined) throw new ValueError(`${quote(text)} has ${quote(unknown)} in it`, 'write %s for the key and %% for a percent sign');
  if (marks.includes('%s')) return text;
  const unescaped = text.replaceAll('%%', '%');
  if (unescaped !== text && unescaped.includes('%s')) return readKeyPattern(unescaped);
  throw new ValueError(`${quote(text)} has no place for the key`, 'write %s where it shall stand, such as /run/apps/%s.sock');
}
