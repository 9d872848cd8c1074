/** The configuration: what the rest of ugate reads. */

import type { ListenAddress } from '../net/address.ts';
import type { AppConfig, AppFields, HttpSocket } from './app-config.ts';
import type { HealthCheckConfig } from './health-check.ts';
import type { ParsedNode } from './node-address.ts';
import type { Redirect } from './redirect.ts';
import type { PlainSetting } from './settings.ts';
import type { SignalWish } from './signal.ts';

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
