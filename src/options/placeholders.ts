/** Placeholders in values: `$(NAME)` is the environment variable NAME. */

import type { Form } from './option.ts';
import { quote, ValueError } from './value-error.ts';

/** Reads one environment variable; undefined when it is not set. On Deno asking may need permission, so it is asked only for a `$(`. */
export type Environment = (name: string) => string | undefined;

/**
 * `text` with every `$(NAME)` replaced. What is put in is not looked at again. There is no escape, as in uWSGI.
 * @throws {ValueError} for a variable that is not set (uWSGI would leave `$(NAME)` in the value) and for an unclosed or empty `$(`.
 */
export function expandPlaceholders(text: string, env: Environment): string {
  if (!text.includes('$(')) return text;
  return text.replace(/\$\(([^)]*)(\)?)/g, (whole, name: string, close: string) => {
    if (close === '') throw new ValueError(`"${whole}" is not closed`, 'write $(NAME) for the environment variable NAME');
    if (!/^[^\s$(=]+$/.test(name))
      throw new ValueError(`"${whole}" names no environment variable`, 'write $(NAME) for the environment variable NAME');
    const value = env(name);
    if (value === undefined) throw new ValueError(`the environment variable ${name} is not set`, `set ${name}, or write the value itself`);
    return value;
  });
}

/**
 * uWSGI's richer placeholders come later; to take them as they stand would listen on or connect to another place than the one meant.
 * @throws {ValueError} for `%(name)` and `@(file)`, and for `%d` and its like anywhere but in free text (`http-var`).
 */
export function refuseLaterPlaceholders(text: string, form: Form): void {
  const pattern = form.kind !== 'pair' ? /[%@]\([^)]*\)?|%\w/ : /[%@]\([^)]*\)?/;
  const found = pattern.exec(withoutOwnPercents(text, form))?.[0];
  if (found !== undefined)
    throw new ValueError(
      `not available yet: the placeholder ${quote(found)}`,
      'write the value itself, or $(NAME) for the environment variable NAME',
    );
}

/** [fe80::1%eth0]:80 names a network interface, `%s` in a pattern is the key, and the path of a check holds escapes. */
function withoutOwnPercents(text: string, form: Form): string {
  switch (form.kind) {
    case 'key-pattern':
      return text.replace(/%[%s]/g, '');
    case 'check':
      return text.replace(/%[0-9A-Fa-f]{2}/g, '');
    default:
      return text.replace(/\[[^\]]*\]/g, '');
  }
}
