/** From the values of the options to the configuration, field by field. */

import { appFieldsOf } from './app-config.ts';
import type { Config, NodeConfig } from './config.ts';
import { ANY } from './networks.ts';
import type { ParsedNode } from './node-address.ts';
import type { Given, Values } from './values.ts';

/** One generation of the configuration from values that were read and checked; it cannot be changed. */
export function makeConfig(values: Values, notices: readonly string[]): Config {
  const timeout = values.last('http-timeout');
  const wished = values.last('http-keepalive');
  const keepalive = wished === true ? timeout : Number(wished);
  const expect = values.last('http-manage-expect');
  const check = values.last('http-check') ?? null;
  const routing = routingOf(values);
  return Object.freeze({
    listen: listOf(values.all('http'), ({ value }) => Object.freeze(value)),
    redirects: listOf(values.all('http-to-https'), ({ value }) => Object.freeze({ ...value, address: Object.freeze(value.address) })),
    ...routing,
    ...appFieldsOf(values, keepalive),
    backendHttp: values.last('http-backend-http'),
    forwarded: values.last('http-forwarded'),
    upstreamIdle: values.last('http-upstream-idle'),
    upstreamConnections: values.last('http-upstream-connections'),
    backendProxyProtocol: proxyVersionOf(values.last('http-backend-proxy-protocol')),
    algorithm: values.last('http-algo'),
    slowStart: values.last('http-slow-start'),
    check: check === null ? null : Object.freeze(check),
    socketMode: values.last('chmod-socket') ?? null,
    deferAccept: !values.last('no-defer-accept'),
    graceTime: values.last('http-gracetime'),
    timeout,
    headersTimeout: values.last('http-headers-timeout') ?? timeout,
    connectTimeout: values.last('http-connect-timeout') ?? timeout,
    keepalive,
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
    rawTarget: values.last('http-raw-target'),
    rawBody: values.last('http-raw-body'),
    manageSource: values.last('http-manage-source'),
    manageRtsp: values.last('http-manage-rtsp'),
    proxyProtocol: values.last('http-enable-proxy-protocol'),
    proxyFrom: proxyFromOf(values.all('http-proxy-from')),
    studPrefix: listOf(values.all('http-stud-prefix'), ({ value }) => value),
    trustedProxies: joined(values.all('http-trusted-proxies')),
    postBuffering: values.last('http-post-buffering'),
    postBufferingDir: values.last('http-post-buffering-dir') ?? null,
    autoChunked: values.last('http-auto-chunked'),
    autoGzip: values.last('http-auto-gzip'),
    gzipEngine: values.last('http-gzip-engine'),
    gzipLevel: values.last('http-gzip-level'),
    responseBuffer: values.last('http-response-buffer'),
    minRate: values.last('http-min-rate'),
    tunnelTimeout: values.last('http-tunnel-timeout'),
    halfClose: values.last('http-half-close'),
    halfCloseTimeout: values.last('http-half-close-timeout') || Number.POSITIVE_INFINITY,
    maxConnections: values.last('http-max-connections') ?? null,
    reloadMercy: values.last('reload-mercy'),
    quiet: values.last('http-quiet'),
    logLevel: values.last('log-level'),
    notices: Object.freeze([...notices]),
  });
}

/** Where requests go. */
function routingOf(values: Values) {
  const nodes = listOf(values.all('http-to'), nodeOf);
  const fallbacks = listOf(values.all('http-fallback'), nodeOf);
  const mappers = {
    usePattern: values.last('http-use-pattern') ?? null,
    useBase: values.last('http-use-base') ?? null,
    useCache: values.last('http-use-cache') ?? null,
    useCodeString: values.last('http-use-code-string') ?? null,
  };
  const hasMappers = Object.values(mappers).some((mapper) => mapper !== null);
  const hasRoutes = nodes.length + fallbacks.length > 0 || hasMappers;
  const strictMapping = values.last('http-strict-mapping');
  return { nodes, fallbacks, hasMappers, hasRoutes, ...mappers, strictMapping, cheap: values.last('http-cheap') };
}

function listOf<T, R>(given: readonly Given<T>[], make: (one: Given<T>) => R): readonly R[] {
  return Object.freeze(given.map(make));
}

function joined(given: readonly Given<readonly string[]>[]): readonly string[] {
  return Object.freeze(given.flatMap(({ value }) => value));
}

function proxyFromOf(given: readonly Given<readonly string[]>[]): Config['proxyFrom'] {
  if (given.length === 0) return null;
  const networks = joined(given);
  return networks.includes(ANY) ? ANY : networks;
}

function proxyVersionOf(name: 'v1' | 'v2' | undefined): 0 | 1 | 2 {
  if (name === undefined) return 0;
  return name === 'v1' ? 1 : 2;
}

function nodeOf({ value }: Given<ParsedNode>): NodeConfig {
  Object.freeze(value.address);
  Object.freeze(value.plain);
  return Object.freeze(value);
}
