/** Paths that two options would use against each other: one writes a file where another makes a FIFO or a socket. */

import { nodePath } from '../builtin/modules.ts';
import type { ListenAddress } from '../net/address.ts';
import { ConfigError, formatOrigin } from './errors.ts';
import { label, type Setting } from './settings.ts';
import type { Values } from './values.ts';

interface Use {
  readonly path: string;
  readonly setting: Setting;
  /** Two of the same kind may share a path; null shares it with nobody. */
  readonly kind: 'pidfile' | 'touch' | null;
}

/** Commands name them by one digit. */
const MAX_FIFOS = 10;

/** Listeners on the same address are another check's affair. */
export function checkPaths(values: Values): ConfigError[] {
  const errors = tooManyFifos(values);
  const files = filesOf(values);
  if (files.length === 0) return errors;
  const first = new Map<string, Use>();
  for (const use of socketsOf(values)) first.set(nodePath().normalize(use.path), use);
  for (const use of files) {
    const path = nodePath().normalize(use.path);
    const before = first.get(path);
    if (before === undefined) first.set(path, use);
    else if (before.kind === null || before.kind !== use.kind) errors.push(clash(use, before.setting));
  }
  return errors;
}

function tooManyFifos(values: Values): ConfigError[] {
  const extra = values.all('master-fifo').at(MAX_FIFOS)?.setting;
  if (extra === undefined) return [];
  return [new ConfigError(extra.origin, `${label(extra.name, extra.origin)}: this is the eleventh`, `keep ${MAX_FIFOS} of them`)];
}

function clash({ path, setting }: Use, before: Setting): ConfigError {
  const hint = `${label(before.name, before.origin)} has the same path here: ${formatOrigin(before.origin)}; write another one`;
  return new ConfigError(setting.origin, `${label(setting.name, setting.origin)}: ${path} is in use already`, hint);
}

function socketsOf(values: Values): Use[] {
  const listeners: { value: ListenAddress; setting: Setting }[] = [...values.inOrder('http', 'http-socket', 'http11-socket', 'socket')];
  for (const { value, setting } of values.all('http-to-https')) listeners.push({ value: value.address, setting });
  return listeners.flatMap(({ value, setting }) => (value.kind === 'unix' && !value.abstract ? [{ path: value.path, setting, kind: null }] : []));
}

function filesOf(values: Values): Use[] {
  const given = values.inOrder('pidfile', 'pidfile2', 'safe-pidfile', 'master-fifo', 'touch-reload', 'touch-workers-reload', 'touch-chain-reload');
  return given.map(({ value, setting }) => ({ path: value, setting, kind: kindOf(setting.option.name) }));
}

function kindOf(name: string): Use['kind'] {
  if (name === 'master-fifo') return null;
  return name.startsWith('touch-') ? 'touch' : 'pidfile';
}
