/** The configuration: what the rest of ugate reads, and how it comes from the command line or from an object. */

import { type ConnectAddress, formatAddress, type ListenAddress } from '../net/address.ts';
import { readArgv } from './argv.ts';
import { collect, type Sources } from './collect.ts';
import { ConfigError, formatOrigin, type Origin } from './errors.ts';
import { readSwitchWord } from './forms.ts';
import { formatHelp } from './help.ts';
import { type Entry, label, lookUp, type Setting } from './settings.ts';
import { type Given, type OptionName, readValues, type Values } from './values.ts';

/** A node as it was written and as it was understood. */
export interface NodeConfig {
  readonly address: ConnectAddress;
  readonly text: string;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** One immutable generation of the configuration. All times are milliseconds, all sizes bytes. */
export interface Config {
  /** `http` */
  readonly listen: readonly ListenAddress[];
  /** `http-to` */
  readonly nodes: readonly NodeConfig[];
  /** `http-fallback` */
  readonly fallbacks: readonly NodeConfig[];
  /** `chmod-socket`; null leaves it to the umask. */
  readonly socketMode: number | null;
  readonly graceTime: number;
  readonly timeout: number;
  readonly headersTimeout: number;
  readonly connectTimeout: number;
  /** How long a client connection may be idle between requests; 0 closes it after each. */
  readonly keepalive: number;
  /** Answer `Expect: 100-continue` ourselves. */
  readonly manageExpect: boolean;
  /** The longest body that is answered 100; Infinity when unbounded. */
  readonly expectMaxBody: number;
  readonly chunkedInput: boolean;
  readonly bodyBuffer: number;
  readonly bodyBufferMax: number;
  readonly bodyBufferTotal: number;
  /** Infinity when unbounded. */
  readonly maxBody: number;
  /** `http-var` */
  readonly vars: readonly (readonly [string, string])[];
  readonly modifier1: number;
  readonly modifier2: number;
  readonly serverNameAsHttpHost: boolean;
  readonly allowUnderscoreHeaders: boolean;
  readonly lenientPath: boolean;
  /** null is 90 % of the open-files limit, which only the runtime knows. */
  readonly maxConnections: number | null;
  readonly reloadMercy: number;
  readonly quiet: boolean;
  readonly logLevel: LogLevel;
  /** One line for each option of uWSGI that was taken without effect. */
  readonly notices: readonly string[];
}

export type BuildResult = { readonly kind: 'config'; readonly config: Config } | { readonly kind: 'errors'; readonly errors: readonly ConfigError[] };

export type ReadResult =
  | BuildResult
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'check'; readonly config: Config };

/** What `readConfig` asks of the world, and how wide the terminal is that gets the help (columns; undefined where there is none). */
export interface ReadSources extends Sources {
  readonly columns?: () => number | undefined;
}

export type SettingValue = string | number | boolean | readonly (string | number)[];
/** Options by their names in the table, as in an ini file. */
export type Settings = { readonly [name in OptionName]?: SettingValue };

const SHORTEST = 'ugate --http :8080 --http-to 127.0.0.1:3031';

/**
 * Reads the arguments behind the program's name and the ini files they name.
 * `--help` and `--version` win over everything else and open nothing. Never throws for what a user can write.
 */
export function readConfig(argv: readonly string[], sources: ReadSources): ReadResult {
  const given = readArgv(argv);
  for (const entry of given) {
    if (entry instanceof ConfigError || (entry.text !== null && readSwitchWord(entry.text) !== true)) continue;
    if (entry.option.name === 'help') return { kind: 'help', text: formatHelp(sources.columns?.()) };
    if (entry.option.name === 'version') return { kind: 'version' };
  }
  const { values, result } = assemble(collect(given, sources));
  return result.kind === 'config' && values.last('check') ? { kind: 'check', config: result.config } : result;
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

/** The configuration of somebody who said nothing. It listens nowhere. */
export const DEFAULTS: Config = makeConfig(readValues([]).values, []);

function assemble(entries: readonly Entry[]): { readonly values: Values; readonly result: BuildResult } {
  const { values, notices, errors: unreadable } = readValues(entries);
  const errors = [...unreadable, ...duplicateListeners(values.all('http'))];
  // Behind other errors it would often be their consequence: the http line itself may be the wrong one.
  if (errors.length === 0 && values.all('http').length === 0)
    errors.push(new ConfigError({ kind: 'whole' }, 'there is nothing to listen on', `give at least one http address, such as: ${SHORTEST}`));
  return { values, result: errors.length === 0 ? { kind: 'config', config: makeConfig(values, notices) } : { kind: 'errors', errors } };
}

function makeConfig(values: Values, notices: readonly string[]): Config {
  const timeout = values.last('http-timeout');
  const keepalive = values.last('http-keepalive');
  const expect = values.last('http-manage-expect');
  return Object.freeze({
    listen: listOf(values.all('http'), ({ value }) => Object.freeze(value)),
    nodes: listOf(values.all('http-to'), nodeOf),
    fallbacks: listOf(values.all('http-fallback'), nodeOf),
    socketMode: values.last('chmod-socket') ?? null,
    graceTime: values.last('http-gracetime'),
    timeout,
    headersTimeout: values.last('http-headers-timeout') ?? timeout,
    connectTimeout: values.last('http-connect-timeout') ?? timeout,
    keepalive: keepalive === true ? timeout : Number(keepalive),
    manageExpect: expect !== false,
    expectMaxBody: typeof expect === 'number' ? expect : Number.POSITIVE_INFINITY,
    chunkedInput: values.last('http-chunked-input'),
    bodyBuffer: values.last('http-body-buffer'),
    bodyBufferMax: values.last('http-body-buffer-max'),
    bodyBufferTotal: values.last('http-body-buffer-total'),
    maxBody: values.last('http-max-body'),
    vars: listOf(values.all('http-var'), ({ value }) => Object.freeze(value)),
    modifier1: values.last('http-modifier1'),
    modifier2: values.last('http-modifier2'),
    serverNameAsHttpHost: values.last('http-server-name-as-http-host'),
    allowUnderscoreHeaders: values.last('http-allow-underscore-headers'),
    lenientPath: values.last('http-lenient-path'),
    maxConnections: values.last('http-max-connections') ?? null,
    reloadMercy: values.last('reload-mercy'),
    quiet: values.last('http-quiet'),
    logLevel: values.last('log-level'),
    notices: Object.freeze([...notices]),
  });
}

function listOf<T, R>(given: readonly Given<T>[], make: (one: Given<T>) => R): readonly R[] {
  return Object.freeze(given.map(make));
}

function nodeOf({ value, setting }: Given<ConnectAddress>): NodeConfig {
  return Object.freeze({ address: Object.freeze(value), text: setting.text ?? '' });
}

/** The same address twice would fail at bind with a message that names no line. Port 0 is another port each time. */
function duplicateListeners(listeners: readonly Given<ListenAddress>[]): ConfigError[] {
  const first = new Map<string, Setting>();
  const errors: ConfigError[] = [];
  for (const { value, setting } of listeners) {
    if (value.kind === 'tcp' && value.port === 0) continue;
    const text = formatAddress(value);
    const before = first.get(text);
    if (before === undefined) first.set(text, setting);
    else
      errors.push(
        new ConfigError(
          setting.origin,
          `${label(setting.name, setting.origin)}: ${text} is there already`,
          `it was first given here: ${formatOrigin(before.origin)}; keep one of them`,
        ),
      );
  }
  return errors;
}
