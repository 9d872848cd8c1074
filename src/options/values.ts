/** Settings read in the form of their option, by name and with the type the table gives them. */

import { ConfigError, formatOrigin } from './errors.ts';
import { type DefaultKind, readSwitchWord, readValue, type Value, type ValueOf } from './forms.ts';
import type { Form, Option } from './option.ts';
import { type Entry, label, type Setting } from './settings.ts';
import { findOption, type WORKING } from './table.ts';
import { quote, ValueError } from './value-error.ts';

type Row = (typeof WORKING)[number];
/** The names of the options that work. */
export type OptionName = Row['name'];
type Named<N extends OptionName> = Extract<Row, { name: N }>;

/** One value with the setting it was read from. */
export interface Given<T> {
  readonly value: T;
  readonly setting: Setting;
}

/** What the options were set to. */
export interface Values {
  /** The last value given, else the default of the table; undefined when there is none. A 0 that means the default is not a value. */
  last<N extends OptionName>(name: N): ValueOf<Named<N>['form']> | (Named<N> extends { default: string } ? never : undefined);
  /** All values given, in order. */
  all<N extends OptionName>(name: N): readonly Given<ValueOf<Named<N>['form']>>[];
  /** All values given to any of these options, in the order of appearance. */
  inOrder<N extends OptionName>(...names: readonly N[]): readonly Given<ValueOf<Named<N>['form']>>[];
}

export interface ReadValues {
  readonly values: Values;
  readonly notices: readonly string[];
  readonly errors: readonly ConfigError[];
}

/**
 * Reads every setting, and passes on the errors that stand among them. Settings that a later one replaces are read too:
 * a wrong line is wrong wherever it stands.
 */
export function readValues(entries: readonly Entry[]): ReadValues {
  const given = new Map<string, Given<Value>[]>();
  const inOrder: Given<Value>[] = [];
  const notices = new Map<string, string>();
  const errors: ConfigError[] = [];
  const defaultKind = defaultKindOf(entries);
  for (const entry of entries) {
    if (entry instanceof ConfigError) {
      errors.push(entry);
      continue;
    }
    const { option } = entry;
    try {
      const value = readSetting(entry, defaultKind);
      if (option.later !== undefined || option.always) {
        const notice = judgeLater(entry, value);
        if (notice !== null && !notices.has(option.name)) notices.set(option.name, notice);
      }
      const one: Given<Value> = { value, setting: entry };
      inOrder.push(one);
      const list = given.get(option.name);
      if (list === undefined) given.set(option.name, [one]);
      else list.push(one);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      errors.push(new ConfigError(entry.origin, `${label(entry.name, entry.origin)}: ${error.message}`, error.hint));
    }
  }
  const values: Values = {
    // The map holds under each name what the form of that name was read as, which the type system cannot follow.
    last: (name) => lastOf(name, given.get(name) ?? []) as never,
    all: (name) => (given.get(name) ?? []) as never,
    inOrder: (...names) => inOrder.filter(({ setting }) => (names as readonly string[]).includes(setting.option.name)) as never,
  };
  return { values, notices: [...notices.values()], errors };
}

function lastOf(name: OptionName, list: readonly Given<Value>[]): Value | undefined {
  const option = findOption(name)!;
  const value = list.at(-1)?.value;
  const isDefault = value === undefined || (value === 0 && option.form.kind === 'duration' && option.form.zero === 'default');
  if (!isDefault) return value;
  return option.default === undefined ? undefined : readValue(option.form, option.default);
}

function readSetting({ option, text, origin }: Setting, defaultKind: DefaultKind): Value {
  const { form } = option;
  // Refused ones are answered as such, whatever their value; only a flag that is off is no wish at all.
  if (option.later?.effect === 'refused' && form.kind !== 'flag') return text ?? '';
  if (text === null || text === '') {
    if (form.kind === 'flag' && text === null) return true;
    if (option.bare !== undefined && text === null) return readValue(form, option.bare);
    throw new ValueError('wants a value', `such as ${firstExample(option)}`);
  }
  if (origin.kind === 'file' && hasInlineComment(form, text))
    throw new ValueError(`${quote(text)} seems to end in a comment, but that is part of the value`, 'write comments on lines of their own');
  return readValue(form, text, defaultKind);
}

/** What a node without a scheme speaks, whether `http-backend-http` stands before or behind it. */
function defaultKindOf(entries: readonly Entry[]): DefaultKind {
  const last = entries.findLast((entry) => !(entry instanceof ConfigError) && entry.option.name === 'http-backend-http');
  if (last === undefined || last instanceof ConfigError) return 'uwsgi';
  return last.text === null || readSwitchWord(last.text) === true ? 'http' : 'uwsgi';
}

/** Blank and `;` or `#`. Free text may hold them, and uWSGI keeps them there. */
function hasInlineComment(form: Form, text: string): boolean {
  return form.kind !== 'string' && form.kind !== 'pair' && /\s[;#]/.test(text);
}

/**
 * The notice for an option that comes later; null when nothing is left out.
 * @throws {ValueError} when leaving it out would change what is served
 */
function judgeLater({ option, name, origin }: Setting, value: Value): string | null {
  if (option.always) {
    if (value === false) throw new ValueError('not available yet: switching this off', 'ugate always does this; leave the option out');
    return null;
  }
  // What is switched off is not missed.
  if (value === false || option.later === undefined) return null;
  if (option.later.effect === 'refused') throw new ValueError(option.later.note, option.later.instead ?? 'leave it out to go on without it');
  return `${formatOrigin(origin)}: ${label(name, origin)}: ${option.later.note}`;
}

function firstExample(option: Option): string {
  return `"${option.example.split('\n')[0]}"`;
}
