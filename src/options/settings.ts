/** A setting: one option given once, its text still unread, with the place it stands in. */

import { ConfigError, type Origin } from './errors.ts';
import type { Option } from './option.ts';
import { didYouMean } from './suggest.ts';
import { allNames, findOption, findShort } from './table.ts';
import { uwsgiAbsence } from './uwsgi-names.ts';

/** One step of reading a configuration: a setting or what is wrong in its place. One list of both keeps errors in the order of appearance. */
export type Entry = Setting | ConfigError;

export interface Setting {
  readonly option: Option;
  /** The name as it was written, without dashes: an alias or a single letter too. Messages use it. */
  readonly name: string;
  /** The text of the value; null when the option stands without one. */
  readonly text: string | null;
  readonly origin: Origin;
}

/** A setting as plain data, to be told to another process. What stood in files and variables is in it. */
export interface PlainSetting {
  readonly name: string;
  readonly text: string | null;
  readonly origin: Origin;
}

export function plainSetting({ name, text, origin }: Setting): PlainSetting {
  return { name, text, origin };
}

/** The setting it was made from. */
export function settingOfPlain({ name, text, origin }: PlainSetting): Entry {
  const option = (origin.kind === 'argv' ? findShort(name) : undefined) ?? lookUp(name, origin);
  return option instanceof ConfigError ? option : { option, name, text, origin };
}

/** How an option is called in messages: as it has to be written at that place. */
export function label(name: string, origin: Origin): string {
  if (origin.kind !== 'argv') return name;
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** The option of that name, or the error that says what may have been meant. */
export function lookUp(name: string, origin: Origin): Option | ConfigError {
  const option = findOption(name);
  if (option !== undefined) return option;
  const absence = uwsgiAbsence(name);
  if (absence !== undefined) {
    const { reason, hint } = absence;
    const message = reason === null ? 'uWSGI has it, ugate does not have it yet' : `uWSGI has it, ugate has not: ${reason}`;
    return new ConfigError(origin, `${label(name, origin)}: ${message}`, hint);
  }
  const letter = findShort(name);
  const hint =
    letter === undefined ? didYouMean(name, allNames(), origin.kind === 'argv' ? '--' : '') : `did you mean "${label(letter.name, origin)}"?`;
  return new ConfigError(origin, `unknown option ${label(name, origin)}`, hint ?? 'ugate --help shows all options');
}
