/** What is wrong in a configuration, said so that the reader knows where to look and what to write instead. */

/** Where a setting was given. `whole` is the configuration as a whole, such as one with nothing to listen on. */
export type Origin =
  | { readonly kind: 'argv' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'program' }
  | { readonly kind: 'whole' };

/** More than these would scroll the first ones away, and the first ones are usually the cause. */
export const MAX_SHOWN_ERRORS = 20;

/** One problem. `message` names the option; `hint` says what to write instead, or is null. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly origin: Origin;
  readonly hint: string | null;

  constructor(origin: Origin, message: string, hint: string | null = null) {
    super(message);
    this.origin = origin;
    this.hint = hint;
  }
}

/** `ugate.ini:3`, `command line`, `settings`, or the empty string for the configuration as a whole. */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'file':
      return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}`;
    case 'argv':
      return 'command line';
    case 'program':
      return 'settings';
    case 'whole':
      return '';
  }
}

/** `ugate.ini:3: http: …` and, where there is one, a second line with the hint. No closing newline. */
export function formatError(error: ConfigError): string {
  const where = formatOrigin(error.origin);
  const line = where === '' ? error.message : `${where}: ${error.message}`;
  return error.hint === null ? line : `${line}\n  hint: ${error.hint}`;
}

/** All errors as text, at most `MAX_SHOWN_ERRORS` of them; a last line counts the rest. No closing newline. */
export function formatErrors(errors: readonly ConfigError[]): string {
  const lines = errors.slice(0, MAX_SHOWN_ERRORS).map(formatError);
  const rest = errors.length - MAX_SHOWN_ERRORS;
  if (rest > 0) lines.push(`… and ${rest} more error${rest === 1 ? '' : 's'}`);
  return lines.join('\n');
}
