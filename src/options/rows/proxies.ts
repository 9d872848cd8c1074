/** Rows of the option table: whom to believe about the client, when a proxy stands in front. */

import type { Option } from '../option.ts';

export const PROXIES = [
  {
    name: 'http-enable-proxy-protocol',
    aliases: ['enable-proxy-protocol'],
    group: 'Behind a proxy',
    form: { kind: 'flag' },
    default: 'false',
    help: 'Take PROXY v1 and v2 before requests.',
    details:
      'A connection that begins with it counts as one from the address told there, for all of its requests. It is believed from the ' +
      'peers that `http-proxy-from` names; from others it is refused and logged. Connections without it are served as they are. A later ' +
      'header on the same connection may only repeat that address, for a client behind the proxy could have written it; one that tells ' +
      'another is refused. uWSGI knows v1 only, believes anyone, and takes another address before any request.',
    danger: 'A peer that is believed can claim any address: keep clients away from the listener, or from the networks that are believed.',
    example: 'http-enable-proxy-protocol = true',
    since: '0.1',
  },
  {
    name: 'http-proxy-from',
    group: 'Behind a proxy',
    form: { kind: 'networks', any: true },
    repeatable: true,
    defaultText: 'loopback, private networks and unix sockets',
    argument: 'CIDR,...',
    help: 'Whose PROXY lines are believed; any is everyone.',
    details:
      'Networks as `10.0.0.0/8`, `fd00::/8` or single addresses, with commas between them. Without the option: loopback, private and ' +
      'link-local networks and unix sockets. With it only what is named, and unix sockets. It counts only with ' +
      '`http-enable-proxy-protocol`.',
    danger:
      'With `any`, or with a network that clients are in, a client can appear as any address it likes: logs, limits and access rules by ' +
      'address are worth nothing then.',
    example: 'http-proxy-from = 10.1.0.0/16,192.0.2.10',
    since: '0.1',
  },
  {
    name: 'http-stud-prefix',
    group: 'Behind a proxy',
    form: { kind: 'ip' },
    repeatable: true,
    argument: 'IP',
    help: "Take stud's address bytes from this TLS proxy.",
    details:
      'Connections from this address begin with one byte for the family (2 or 10) and the address of the client; their requests count as ' +
      'https. In uWSGI REMOTE_ADDR stays that of the proxy; in ugate it is the one of the client.',
    danger: 'Every connection from that address must begin so, and is believed.',
    example: 'http-stud-prefix = 127.0.0.1',
    since: '0.1',
  },
  {
    name: 'http-trusted-proxies',
    group: 'Behind a proxy',
    form: { kind: 'networks' },
    repeatable: true,
    argument: 'CIDR,...',
    help: 'Proxies whose X-Forwarded-For and -Proto are believed.',
    details:
      'Networks as `10.0.0.0/8`, `fd00::/8` or single addresses, with commas between them. The client is the last address in ' +
      'X-Forwarded-For (or Forwarded) that is none of these; REMOTE_ADDR and https come from it. From all other peers Forwarded, ' +
      'X-Forwarded-* and X-Real-IP are dropped. Peers of unix sockets are trusted. Without the option uwsgi nodes get the fields as they ' +
      'came, and HTTP nodes get the peer appended to them.',
    danger: 'A network that clients are in lets them choose their address.',
    example: 'http-trusted-proxies = 10.0.0.0/8,fd00::/8',
    since: '0.1',
  },
] as const satisfies readonly Option[];
