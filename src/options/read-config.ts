/** How the configuration comes from the command line or from an object. */

import { checkApp, noticesOfApp } from './app-checks.ts';
import { hasApp } from './app-config.ts';
import { readArgv } from './argv.ts';
import { collect, type Sources } from './collect.ts';
import type { Config } from './config.ts';
import { checkTogether } from './cross-checks.ts';
import { ConfigError, type Origin } from './errors.ts';
import { readSwitchWord } from './forms.ts';
import { formatHelp } from './help.ts';
import { makeConfig } from './make-config.ts';
import { type Entry, lookUp, type PlainSetting, plainSetting, settingOfPlain } from './settings.ts';
import { readSignal, type SignalWish } from './signal.ts';
import { type OptionName, readValues, type Values } from './values.ts';

export type BuildResult =
  | {
      readonly kind: 'config';
      readonly config: Config;
      /** What the config was made from, files read and variables put in: `configFromSettings` makes the same of it in another process. */
      readonly settings: readonly PlainSetting[];
    }
  | { readonly kind: 'errors'; readonly errors: readonly ConfigError[] };

export type ReadResult =
  | BuildResult
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'check'; readonly config: Config; readonly settings: readonly PlainSetting[] }
  | SignalWish;

/** What `readConfig` asks of the world, and how wide the terminal is that gets the help (columns; undefined where there is none). */
export interface ReadSources extends Sources {
  readonly columns?: () => number | undefined;
}

export type SettingValue = string | number | boolean | readonly (string | number)[];
/** Options by their names in the table, as in an ini file. */
export type Settings = { readonly [name in OptionName]?: SettingValue };

const SHORTEST = 'ugate --http :8080 --http-to 127.0.0.1:3031';
const SHORTEST_WITH_APP = 'ugate --http :8080 --module app';

/**
 * Reads the arguments behind the program's name and the ini files they name.
 * `--help` and `--version` win over everything else and open nothing, `--stop` and its like over all but those. Never throws for what a user can write.
 */
export function readConfig(argv: readonly string[], sources: ReadSources): ReadResult {
  const given = readArgv(argv);
  for (const entry of given) {
    if (entry instanceof ConfigError || (entry.text !== null && readSwitchWord(entry.text) !== true)) continue;
    if (entry.option.name === 'help') return { kind: 'help', text: formatHelp(sources.columns?.()) };
    if (entry.option.name === 'version') return { kind: 'version' };
  }
  const signal = readSignal(given, sources);
  if (signal !== null) return signal;
  const { values, result } = assemble(collect(given, sources));
  return result.kind === 'config' && values.last('check') ? { ...result, kind: 'check' } : result;
}

/**
 * A configuration from an object, for programs: `buildConfig({ http: ':8080', 'http-to': ['127.0.0.1:3031'], 'http-timeout': 30 })`.
 * Values are what an ini file would hold, so numbers of times are seconds; nothing is expanded and no file is read.
 */
export function buildConfig(settings: Settings): BuildResult {
  const origin: Origin = { kind: 'program' };
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const option = lookUp(name, origin);
    if (option instanceof ConfigError) entries.push(option);
    else if (option.name === 'ini' || option.commandLineOnly) entries.push(new ConfigError(origin, `${name} is for the command line`));
    else for (const one of Array.isArray(value) ? value : [value]) entries.push({ option, name, text: one === true ? null : String(one), origin });
  }
  return assemble(entries).result;
}

/** The configuration of these settings again, with the same notices and, were there any, the same errors. Nothing is expanded or read. */
export function configFromSettings(settings: readonly PlainSetting[]): BuildResult {
  return assemble(settings.map(settingOfPlain)).result;
}

function assemble(entries: readonly Entry[]): { readonly values: Values; readonly result: BuildResult } {
  const { values, notices, errors: unreadable } = readValues(entries);
  const errors = [...unreadable, ...checkTogether(values)];
  // Behind other errors these would often be their consequence: the line with the app or with http may be the wrong one.
  if (unreadable.length === 0) errors.push(...checkApp(values));
  if (errors.length === 0 && values.inOrder('http', 'http-to-https', 'http-socket', 'http11-socket', 'socket').length === 0) {
    const shortest = hasApp(values) ? SHORTEST_WITH_APP : SHORTEST;
    errors.push(new ConfigError({ kind: 'whole' }, 'there is nothing to listen on', `give at least one http address, such as: ${shortest}`));
  }
  if (errors.length > 0) return { values, result: { kind: 'errors', errors } };
  const settings = entries.flatMap((entry) => (entry instanceof ConfigError || entry.option.commandLineOnly ? [] : plainSetting(entry)));
  return { values, result: { kind: 'config', config: makeConfig(values, [...notices, ...noticesOfApp(values)]), settings } };
}
