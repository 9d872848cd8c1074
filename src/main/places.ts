import { nodePath } from '../builtin/modules.ts';
import { formatAddress, type ListenAddress } from '../net/address.ts';
import type { Config } from '../options/config.ts';

/** What runs the app: a fetch handler of ours, Python's workers, or nobody. */
export type AppKind = 'none' | 'fetch' | 'wsgi';

/** Whose listeners: those of a process that is alone, of routers, or of workers. */
export const ROLES = ['single', 'router', 'worker'] as const;
export type Role = (typeof ROLES)[number];

/** A place where requests come in. */
export interface Place {
  readonly address: ListenAddress;
  /** `http`, `http-to-https`, `http-socket` and `http11-socket`, `socket`. */
  readonly kind: 'http' | 'redirect' | 'http-socket' | 'http11-socket' | 'uwsgi';
  /** Of `http-to-https`: the port that clients are sent to; null where it goes without. */
  readonly redirectPort: number | null;
  /** The runtime's own server listens there, and binds for itself (`http-socket-engine=native`). */
  readonly isNative: boolean;
}

/**
 * The places that a process of `role` serves, in the order of the config; sockets are inherited in this order too. Relative paths
 * count from the directory ugate was started in, which is the current one before `chdir`.
 */
export function placesOf(config: Config, app: AppKind, role: Role): readonly Place[] {
  const place = (kind: Place['kind'], address: ListenAddress, redirectPort: number | null = null): Place => ({
    address: config.chdir === null ? address : absolute(address),
    kind,
    redirectPort,
    isNative: false,
  });
  const http = [
    ...config.listen.map((address) => place('http', address)),
    ...config.redirects.map(({ address, port }) => place('redirect', address, port)),
  ];
  const isNative = config.httpSocketEngine === 'native';
  const ofApp = config.httpSockets.map(({ address, isHttp11 }) => ({ ...place(isHttp11 ? 'http11-socket' : 'http-socket', address), isNative }));
  const uwsgi = config.uwsgiSockets.map((address) => place('uwsgi', address));
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
export function isSamePlaces(a: readonly Place[], b: readonly Place[]): boolean {
  const texts = (places: readonly Place[]): string => places.map(({ kind, address }) => `${kind} ${formatAddress(address)}`).join('\n');
  return texts(a) === texts(b);
}

function absolute(address: ListenAddress): ListenAddress {
  return address.kind === 'unix' && !address.abstract ? { ...address, path: nodePath().resolve(address.path) } : address;
}
