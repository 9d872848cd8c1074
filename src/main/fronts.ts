import type { Config } from '../options/config.ts';
import { type Front, makeFront } from '../router/front.ts';
import type { ListenerConfig } from './listener-configs.ts';

/** A listener as requests know it. The port follows when it is known. */
export function makeFrontOf({ kind, redirectPort }: ListenerConfig, index: number, config: Config): Front {
  const modifiers = { modifier1: config.httpSocketModifier1, modifier2: config.httpSocketModifier2 };
  switch (kind) {
    case 'http':
      return makeFront(index);
    case 'redirect':
      return makeFront(index, { redirect: { port: redirectPort } });
    case 'http-socket':
      return makeFront(index, { kind, keepalive: config.httpSocketKeepalive, modifiers });
    case 'http11-socket':
      return makeFront(index, { kind, keepalive: config.keepalive, modifiers });
    case 'uwsgi':
      return makeFront(index, { kind });
  }
}
