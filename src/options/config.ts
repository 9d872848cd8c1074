/** The configuration: what the rest of ugate reads, and how it comes from the command line or from an object. */

import type { ListenAddress } from '../net/address.ts';
import { checkApp, noticesOfApp } from './app-checks.ts';
import { type AppConfig, type AppFields, type HttpSocket, hasApp } from './app-config.ts';
import { readArgv } from './argv.ts';
import { collect, type Sources } from './collect.ts';
import { checkTogether } from './cross-checks.ts';
import { ConfigError, type Origin } from './errors.ts';
import { readSwitchWord } from './forms.ts';
import type { HealthCheckConfig } from './health-check.ts';
import { formatHelp } from './help.ts';
import { makeConfig } from './make-config.ts';
import type { ParsedNode } from './node-address.ts';
import type { Redirect } from './redirect.ts';
import { type Entry, lookUp, type PlainSetting, plainSetting, settingOfPlain } from './settings.ts';
import { readSignal, type SignalWish } from './signal.ts';
import { type OptionName, readValues, type Values } from './values.ts';

/** A node as it was written and as it was understood. */
export type NodeConfig = ParsedNode;
export type { AppConfig, HealthCheckConfig, HttpSocket, PlainSetting, Redirect, SignalWish };

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
/** How nodes share requests, by uWSGI's names. */
export type Algorithm = 'wrr' | 'lrc' | 'wlrc' | 'iphash';
export type GzipEngineName = 'auto' | 'fflate' | 'native';

/** One immutable generation of the configuration. All times are milliseconds, all sizes bytes. */
export interface Config extends AppFields {
  /** `http` */
  readonly listen: readonly ListenAddress[];
  /** `http-to-https` */
  readonly redirects: readonly Redirect[];
  /** `http-to` */
  readonly nodes: readonly NodeConfig[];
  /** `http-fallback` */
  readonly fallbacks: readonly NodeConfig[];
  /** Requests are routed by the host they ask for. */
  readonly hasMappers: boolean;
  /** Nodes, fallbacks or mappers are given: there is another place for requests than the welcome page. */
  readonly hasRoutes: boolean;
  /** `http-backend-http`: what an address from a mapper speaks when it does not say so; nodes and fallbacks know their kind already. */
  readonly backendHttp: boolean;
  /** Send `Forwarded` (RFC 7239) to HTTP nodes. */
  readonly forwarded: boolean;
  /** How long an idle connection to an HTTP or puwsgi node is kept; 0 keeps none. */
  readonly upstreamIdle: number;
  /** Idle connections kept for each such node; 0 keeps none. */
  readonly upstreamConnections: number;
  /** The version of the PROXY header that connections to HTTP nodes begin with; 0 is none. */
  readonly backendProxyProtocol: 0 | 1 | 2;
  readonly algorithm: Algorithm;
  /** 0 is none. */
  readonly slowStart: number;
  /** `http-check`; null asks no node. */
  readonly check: HealthCheckConfig | null;
  /** `%s` is the key, `%%` a percent sign; nothing else stands behind a `%`. */
  readonly usePattern: string | null;
  readonly useBase: string | null;
  /** A file of keys and nodes. */
  readonly useCache: string | null;
  /** `FILE`, `FILE:FUNCTION` or `0:FILE:FUNCTION`. */
  readonly useCodeString: string | null;
  /** `http-to` is not the last resort of the mappers. */
  readonly strictMapping: boolean;
  /** Without effect. */
  readonly cheap: boolean;
  /** `chmod-socket`; null leaves it to the umask. */
  readonly socketMode: number | null;
  /** Clients are accepted when they have said something (not `no-defer-accept`). */
  readonly deferAccept: boolean;
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
  readonly rawTarget: boolean;
  readonly rawBody: boolean;
  /** The SOURCE method of Icecast. */
  readonly manageSource: boolean;
  readonly manageRtsp: boolean;
  readonly proxyProtocol: boolean;
  /** Networks whose PROXY headers are believed; null is loopback and private networks. Unix sockets are believed always. */
  readonly proxyFrom: readonly string[] | 'any' | null;
  /** Addresses whose connections begin with stud's prefix. */
  readonly studPrefix: readonly string[];
  /** Networks of proxies whose X-Forwarded-For is believed; empty when the option is not used. */
  readonly trustedProxies: readonly string[];
  /** How much of a body is kept in memory while it is read before a node is chosen; 0 does not read ahead. */
  readonly postBuffering: number;
  /** null is the runtime's own. */
  readonly postBufferingDir: string | null;
  /** Chunk answers of unknown length; false closes the connection behind them. */
  readonly autoChunked: boolean;
  readonly autoGzip: boolean;
  readonly gzipEngine: GzipEngineName;
  /** 1–9 */
  readonly gzipLevel: number;
  /** How much of an answer is read ahead of a slow client; 0 is nothing. */
  readonly responseBuffer: number;
  /** Bytes a second, over 30 s; 0 allows any speed. */
  readonly minRate: number;
  /** How long a tunnel may be idle. */
  readonly tunnelTimeout: number;
  /** What a client's FIN behind a complete request means. */
  readonly halfClose: 'auto' | 'on' | 'off';
  /** Infinity for no limit. */
  readonly halfCloseTimeout: number;
  /** null is 90 % of the open-files limit, which only the runtime knows. */
  readonly maxConnections: number | null;
  readonly reloadMercy: number;
  readonly quiet: boolean;
  readonly logLevel: LogLevel;
  /** One line for each option of uWSGI that was taken without effect. */
  readonly notices: readonly string[];
}

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
