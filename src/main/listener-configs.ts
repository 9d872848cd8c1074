import { nodePath } from '../builtin/modules.ts';
import { formatAddress, type ListenAddress } from '../net/address.ts';
import type { Config } from '../options/config.ts';

/** What runs the app: a fetch handler of ours, Python's workers, or nobody. */
export type AppKind = 'none' | 'fetch' | 'wsgi';

/** Whose listeners: those of a process that is alone, of routers, or of workers. */
export const ROLES = ['single', 'router', 'worker'] as const;
export type Role = (typeof ROLES)[number];

/** One listener, as the configuration wants it. */
export interface ListenerConfig {
  readonly address: ListenAddress;
  /** `http`, `http-to-https`, `http-socket` and `http11-socket`, `socket`. */
  readonly kind: 'http' | 'redirect' | 'http-socket' | 'http11-socket' | 'uwsgi';
  /** Of `http-to-https`: the port that clients are sent to; null where it goes without. */
  readonly redirectPort: number | null;
  /** The runtime's own server listens there, and binds for itself (`http-socket-engine=native`). */
  readonly isNative: boolean;
}

/**
 * The listeners that a process of `role` serves, in the order of the config; sockets are inherited in this order too. Relative paths
 * count from the directory ugate was started in, which is the current one before `chdir`.
 */
export function listenersOf(config: Config, app: AppKind, role: Role): readonly ListenerConfig[] {
  const listener = (kind: ListenerConfig['kind'], address: ListenAddress, redirectPort: number | null = null): ListenerConfig => ({
    address: config.chdir === null ? address : absolute(address),
    kind,
    redirectPort,
    isNative: false,
  });
  const http = [
    ...config.listen.map((address) => listener('http', address)),
    ...config.redirects.map(({ address, port }) => listener('redirect', address, port)),
  ];
  const isNative = config.httpSocketEngine === 'native';
  const ofApp = config.httpSockets.map(({ address, isHttp11 }) => ({ ...listener(isHttp11 ? 'http11-socket' : 'http-socket', address), isNative }));
  const uwsgi = config.uwsgiSockets.map((address) => listener('uwsgi', address));
  switch (app) {
    case 'none':
      return role === 'worker' ? [] : http;
    case 'wsgi':
      // Python accepts what comes to `socket` by itself.
      return role === 'worker' ? uwsgi : [...http, ...ofApp];
    case 'fetch':
      if (role === 'single') return [...http, ...ofApp, ...uwsgi];
      return role === 'worker' ? [...ofApp, ...uwsgi] : http;
  }
}

/** True when both have the same listeners in the same order: only then sockets can be handed from one to the other. */
export function isSameListeners(a: readonly ListenerConfig[], b: readonly ListenerConfig[]): boolean {
  const texts = (listeners: readonly ListenerConfig[]): string =>
    listeners.map(({ kind, address }) => `${kind} ${formatAddress(address)}`).join('\n');
  return texts(a) === texts(b);
}

function absolute(address: ListenAddress): ListenAddress {
  return address.kind === 'unix' && !address.abstract ? { ...address, path: nodePath().resolve(address.path) } : address;
}
