/** Rows of the option table: how a node is chosen and how its health is known. */

import type { Option } from '../option.ts';

export const BALANCING = [
  {
    name: 'http-algo',
    group: 'Balancing and health',
    form: { kind: 'choice', of: ['wrr', 'lrc', 'wlrc', 'iphash'] },
    default: 'wrr',
    argument: 'NAME',
    help: 'How nodes share requests: wrr, lrc, wlrc or iphash.',
    details:
      "uWSGI's names, which it has for subscribed nodes only:\n\n- `wrr`: in turn, by weight,\n- `lrc`: the node with the fewest requests " +
      'in service,\n- `wlrc`: the fewest in relation to its weight,\n- `iphash`: the same node for the same client address while it can be ' +
      'used; when a node is lost only its clients move. Clients of unix sockets have no address and go in turn.',
    danger:
      'With iphash many clients behind one address all go to one node; behind a proxy set `http-trusted-proxies` or ' +
      '`http-enable-proxy-protocol`, or all clients are one.',
    example: 'http-algo = wlrc',
    since: '0.1',
  },
  {
    name: 'http-slow-start',
    group: 'Balancing and health',
    form: { kind: 'duration' },
    default: '10',
    help: 'How long a node that came back gets less than its share.',
    details: 'Its weight rises from a tenth to the whole in this time. A node that is new has its whole weight at once. 0 switches it off.',
    example: 'http-slow-start = 30',
    since: '0.1',
  },
  {
    name: 'http-check',
    group: 'Balancing and health',
    form: { kind: 'check' },
    bare: 'true',
    spacedPairs: true,
    defaultText: 'off',
    argument: 'KEY=VALUE,...',
    help: 'Ask nodes whether they are well; alone it only connects.',
    details:
      'Without it a node is known to be dead only by requests that failed. Keys, all of them optional, with commas between them:\n\n- ' +
      '`path=/healthz`: asks for this path, an answer of 200 to 399 is well; without a path connecting is enough,\n' +
      '- `host=www.example.com`: the Host that is asked for with the path, else `localhost`, which apps that know their names (Django) refuse,\n' +
      '- `interval=5`: seconds between two checks of a node,\n- `timeout=5`: seconds a check may take,\n- `fails=2`: ' +
      'failures in a row after which the node is not used,\n- `passes=2`: successes in a row after which it is used again.\n\nNodes count ' +
      'as well until their first check says otherwise.',
    danger:
      'Every ugate process asks every node: a path that is expensive to answer becomes load, and one that depends on a database takes ' +
      'all nodes out together when that fails.',
    example: 'http-check = path=/healthz,interval=5,fails=2,passes=2,timeout=5',
    since: '0.1',
  },
] as const satisfies readonly Option[];
