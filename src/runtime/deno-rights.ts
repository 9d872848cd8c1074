import { formatAddress, isIpLiteral, type TcpAddress, type UnixAddress } from '../net/address.ts';
import { MARKER } from './parent.ts';
import { PermissionError } from './seam/host.ts';
import type { DenoNamespace, Permission } from './types/deno.ts';

const { Deno } = globalThis as unknown as { Deno: DenoNamespace };

/** A unix socket is a file and a place on the net to Deno. A host name stands for addresses that nobody knows yet. */
export function rightsToConnect(to: TcpAddress | UnixAddress): Permission[] {
  if (to.kind === 'tcp') return [isIpLiteral(to.host) ? { name: 'net', host: formatAddress(to) } : { name: 'net' }];
  const path = to.abstract ? `\0${to.path}` : to.path;
  return [
    { name: 'net', host: `unix:${path}` },
    { name: 'read', path },
    { name: 'write', path },
  ];
}

/** The error for a right that the user could give. `flag`: what gives it: all that a router needs, or, for apps and what they start, all. */
export function withheld(what: string, flag: '-P' | '-A' = '-P'): PermissionError {
  return new PermissionError(`Deno withholds ${what}; start it as: deno run ${flag} mod.ts …`);
}

/** Whether a permission is granted already; asking for more would put a question to the user. */
export function isGranted(what: Permission): boolean {
  return Deno.permissions.querySync(what).state === 'granted';
}

const RIGHTS: readonly string[] = ['net', 'read', 'write', 'env', 'run', 'ffi', 'sys', 'import'];

/** Those of `sys`, which a configuration grants one by one. */
const SYS: readonly string[] = [
  'hostname',
  'osRelease',
  'osUptime',
  'loadavg',
  'networkInterfaces',
  'systemMemoryInfo',
  'uid',
  'gid',
  'username',
  'cpus',
  'homedir',
];

/**
 * The flags that give a child the rights of this process. Of a right that is granted only for some hosts, paths or programs Deno does not
 * tell for which, so a child does without.
 */
export function rightsToPassOn(): string[] {
  const whole = RIGHTS.filter((name) => isGranted({ name }) && !Deno.permissions.querySync({ name }).partial);
  if (whole.length === RIGHTS.length) return ['--allow-all'];
  const flags = whole.map((name) => `--allow-${name}`);
  const sys = whole.includes('sys') ? [] : SYS.filter((kind) => isGranted({ name: 'sys', kind }));
  if (sys.length > 0) flags.push(`--allow-sys=${sys}`);
  if (!whole.includes('env')) flags.push(`--allow-env=${MARKER}`);
  return flags;
}
