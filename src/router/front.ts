import { MAX_ADDED_BYTES } from '../http1/request-writer.ts';
import type { HttpsRedirect } from './https-redirect.ts';
import { RequestBuffers } from './request-buffer.ts';
import { type Route, ToHttps } from './route.ts';
import type { Service, ServiceSettings } from './service.ts';
import { NO_SINK } from './transaction.ts';

/** `http`; `http-socket` and `http11-socket`, which in uWSGI are the workers' own; `uwsgi-socket`, where web servers speak uwsgi. */
export type FrontKind = 'http' | 'http-socket' | 'http11-socket' | 'uwsgi';

/** The modifiers of uwsgi packets. */
export interface Modifiers {
  readonly modifier1: number;
  readonly modifier2: number;
}

/** One listener, as requests that came through it know it. It outlives generations. `makeFront` makes one. */
export interface Front {
  /** Its place among the listeners; −1 for what is none. */
  readonly index: number;
  readonly kind: FrontKind;
  /** The text behind the last `:` of its address, once that is known; empty for a unix socket. */
  port: string;
  /** It only sends its clients to https (`http-to-https`); null for a listener that serves. */
  readonly redirect: HttpsRedirect | null;
  /** Idle ms between its requests, in place of the service's; null for that. */
  readonly keepalive: number | null;
  /** Of requests that came through it, in place of `http-modifier1` and `http-modifier2`; null for those. */
  readonly modifiers: Modifiers | null;
  /** The socket of a worker, where only routers of ours come in: they are believed, and have applied the rules for clients already. */
  readonly isPrivate: boolean;
}

/** A front, and the generation that requests which come through it begin with. */
export interface ServedFront {
  readonly front: Front;
  service: Service;
}

/** A listener of `http`, but for what is `given`. `port` may follow when it is known. */
export function makeFront(index: number, given: Partial<Omit<Front, 'index'>> = {}): Front {
  return { index, kind: 'http', port: '', redirect: null, keepalive: null, modifiers: null, isPrivate: false, ...given };
}

/** Stands for the listener of requests that came through none, such as health checks. */
export const NO_FRONT: Front = /* @__PURE__ */ Object.freeze(makeFront(-1));

/** The protocols that begin like HTTP are for routers. */
const NO_FOREIGN = { rawBody: false, manageSource: false, manageRtsp: false } as const;

/** A router is waited for without end, as it waits for its client: its own rules have let the request in. */
const PRIVATE_SETTINGS: Partial<ServiceSettings> = {
  ...NO_FOREIGN,
  timeout: Number.POSITIVE_INFINITY,
  tunnelTimeout: Number.POSITIVE_INFINITY,
  headersTimeout: Number.POSITIVE_INFINITY,
  keepalive: Number.POSITIVE_INFINITY,
  manageExpect: true,
  expectMaxBody: Number.POSITIVE_INFINITY,
  maxBody: Number.POSITIVE_INFINITY,
  minRate: 0,
  postBuffering: 0,
  autoChunked: true,
};

/** A web server in front has read the request, and takes one answer. */
const UWSGI_SETTINGS: Partial<ServiceSettings> = { ...NO_FOREIGN, keepalive: 0, manageExpect: true, minRate: 0 };

/** The generation as it serves what comes through a listener: the same object where the listener has nothing of its own. */
export function serviceThrough(front: Front, generation: Service): Service {
  const route = routeThrough(front, generation);
  const service = route === generation.route ? generation : { ...generation, route };
  if (front.isPrivate) {
    // The head is as long as the client's may be, and holds what the router added. What becomes of the request the router tells.
    return { ...bare(service, PRIVATE_SETTINGS), transactions: NO_SINK, requestBuffers: new RequestBuffers(MAX_ADDED_BYTES) };
  }
  if (front.kind === 'uwsgi') return bare(service, UWSGI_SETTINGS);
  const { settings } = service;
  const keepalive = front.keepalive ?? settings.keepalive;
  const manageRtsp = settings.manageRtsp || front.kind === 'http11-socket';
  if (keepalive === settings.keepalive && manageRtsp === settings.manageRtsp) return service;
  return { ...service, settings: { ...settings, keepalive, manageRtsp } };
}

/** The app's own listeners lead to it whatever the nodes of `http`. */
function routeThrough({ isPrivate, kind, redirect }: Front, { route, appRoute }: Service): Route {
  if (redirect !== null) return new ToHttps(redirect);
  return isPrivate || kind !== 'http' ? appRoute : route;
}

/** Without what is for clients: who they are is told in another way, and compressing is the front's. */
function bare(service: Service, own: Partial<ServiceSettings>): Service {
  return { ...service, settings: { ...service.settings, ...own }, prelude: null, trustedProxies: null, gzip: null };
}
