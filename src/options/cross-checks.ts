/** What is wrong only when settings are seen together. */

import { formatAddress, type ListenAddress } from '../net/address.ts';
import { ConfigError, formatOrigin } from './errors.ts';
import { ANY } from './networks.ts';
import { checkPaths } from './path-checks.ts';
import { label, type Setting } from './settings.ts';
import type { Given, Values } from './values.ts';

export function checkTogether(values: Values): ConfigError[] {
  return [...duplicateListeners(values), ...anyoneBesideNetworks(values), ...proxyWithoutHttpNodes(values), ...checkPaths(values)];
}

/** The same address twice would fail at bind with a message that names no line. Port 0 is another port each time. */
function duplicateListeners(values: Values): ConfigError[] {
  const redirects = values.all('http-to-https').map(({ value, setting }): Given<ListenAddress> => ({ value: value.address, setting }));
  const first = new Map<string, Setting>();
  const errors: ConfigError[] = [];
  for (const { value, setting } of [...values.inOrder('http', 'http-socket', 'http11-socket', 'socket'), ...redirects]) {
    if (value.kind === 'tcp' && value.port === 0) continue;
    const text = formatAddress(value);
    const before = first.get(text);
    if (before === undefined) first.set(text, setting);
    else errors.push(failed(setting, `${text} is there already`, `it was first given here: ${formatOrigin(before.origin)}; keep one of them`));
  }
  return errors;
}

/** Who wrote both meant one of them, and the wrong guess would believe everyone. */
function anyoneBesideNetworks(values: Values): ConfigError[] {
  const given = values.all('http-proxy-from');
  const anyone = given.find(({ value }) => value.includes(ANY));
  if (anyone === undefined || given.every(({ value }) => value.includes(ANY))) return [];
  return [failed(anyone.setting, '"any" stands beside networks', 'write any alone, or leave it out')];
}

/** Addresses of mappers are not known here, so that only http-to and http-fallback can show it. */
function proxyWithoutHttpNodes(values: Values): ConfigError[] {
  const wish = values.all('http-backend-proxy-protocol').at(-1);
  const nodes = [...values.all('http-to'), ...values.all('http-fallback')];
  const hasMappers = (['http-use-cache', 'http-use-pattern', 'http-use-base', 'http-use-code-string'] as const).some(
    (name) => values.all(name).length > 0,
  );
  if (wish === undefined || hasMappers || nodes.length === 0 || nodes.some(({ value }) => value.kind === 'http')) return [];
  const hint = 'uwsgi nodes get the address of the client as REMOTE_ADDR; leave it out, or write a node as http://HOST:PORT';
  return [failed(wish.setting, 'none of the nodes speaks HTTP', hint)];
}

function failed({ name, origin }: Setting, message: string, hint: string): ConfigError {
  return new ConfigError(origin, `${label(name, origin)}: ${message}`, hint);
}
