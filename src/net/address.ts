/**
 * Addresses as uWSGI users write them: `127.0.0.1:3031`, `:8080`, `[::1]:3031`, `localhost:8080`,
 * `backend.example:3031`, `/run/app.sock`, `@abstract`, `fd://3`.
 */

import { IP_BYTES, readIp } from './ip.ts';

export interface TcpAddress {
  readonly kind: 'tcp';
  /** An IPv4 or IPv6 literal (no brackets), or a host name. */
  readonly host: string;
  /** 0–65535; 0 asks the kernel for a free one. */
  readonly port: number;
}

export interface UnixAddress {
  readonly kind: 'unix';
  /** A file path, or the name of an abstract socket without its `@`. */
  readonly path: string;
  readonly abstract: boolean;
}

/** A listening socket inherited from the parent process. */
export interface FdAddress {
  readonly kind: 'fd';
  readonly fd: number;
}

export type ListenAddress = TcpAddress | UnixAddress | FdAddress;
export type ConnectAddress = TcpAddress | UnixAddress;

/** An address that cannot be read; `message` says what is wrong and how to write it. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/**
 * Reads an address to listen on. `:8080` is `0.0.0.0:8080` as uWSGI has it; `[::]:8080` is dual-stack.
 * @throws {AddressError}
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('fd://')) {
    const fd = Number(text.slice(5));
    if (!/^\d+$/.test(text.slice(5)) || fd > 0xffff)
      throw new AddressError(`"${text}": fd:// wants the number of an inherited descriptor, such as fd://3`);
    return { kind: 'fd', fd };
  }
  const address = parseSocketAddress(text);
  return address.kind === 'tcp' && address.host === '' ? { ...address, host: '0.0.0.0' } : address;
}

/**
 * Reads an address to connect to. `:3031` is `127.0.0.1:3031`, which is where uWSGI's own `:3031` ends up.
 * @throws {AddressError}
 */
export function parseConnectAddress(text: string): ConnectAddress {
  const address = parseSocketAddress(text);
  if (address.kind === 'unix') return address;
  if (address.port === 0) throw new AddressError(`"${text}": port 0 is no place to connect to`);
  return address.host === '' ? { ...address, host: '127.0.0.1' } : address;
}

/** The address as users write it; `parse…Address` reads it back. */
export function formatAddress(address: ListenAddress): string {
  if (address.kind === 'fd') return `fd://${address.fd}`;
  if (address.kind === 'unix') return address.abstract ? `@${address.path}` : address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** True for an IPv4 or IPv6 literal; false for anything that needs a name lookup. */
export function isIpLiteral(host: string): boolean {
  return readIp(host, new Uint8Array(IP_BYTES));
}

export function isIpv4(text: string): boolean {
  return !text.includes(':') && isIpLiteral(text);
}

/** RFC 4291 2.2 text, with an embedded IPv4 tail; a zone (`%eth0`) is allowed. */
export function isIpv6(text: string): boolean {
  return text.includes(':') && isIpLiteral(text);
}

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** uWSGI's rule: a `:` makes it TCP, a leading `@` an abstract socket, anything else is a path. */
function parseSocketAddress(text: string): ConnectAddress {
  if (text === '') throw new AddressError('an address is empty; write ip:port, :port, host:port or a socket path');
  if (text.includes('\0')) throw new AddressError(`"${text.replaceAll('\0', '\\0')}": an address holds no NUL; an abstract socket is written @name`);
  if (text.startsWith('@')) {
    if (text.length === 1) throw new AddressError('"@": an abstract socket needs a name behind the @');
    return unixAddress(text, text.slice(1), true);
  }
  if (text.startsWith('/') || text.startsWith('./') || text.startsWith('../') || !text.includes(':')) {
    if (/^\d+$/.test(text)) throw new AddressError(`"${text}" would be a socket file; for a port write ":${text}"`);
    return unixAddress(text, text, false);
  }
  const colon = text.lastIndexOf(':');
  const port = text.slice(colon + 1);
  let host = text.slice(0, colon);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new AddressError(`"${text}": "${port}" is no port (0–65535)`);
  if (host.startsWith('[') && host.endsWith(']')) {
    host = host.slice(1, -1);
    if (!isIpv6(host)) throw new AddressError(`"${text}": "${host}" is no IPv6 address`);
  } else if (host.includes(':')) {
    throw new AddressError(`"${text}": write an IPv6 address in brackets, such as [::1]:${port}`);
  } else if (host !== '' && !isIpv4(host)) {
    if (/^[\d.]+$/.test(host)) throw new AddressError(`"${text}": "${host}" is no IPv4 address`);
    if (!HOST_NAME.test(host)) throw new AddressError(`"${text}": "${host}" is no host name`);
  }
  return { kind: 'tcp', host, port: Number(port) };
}

/** sun_path holds 108 bytes with its closing NUL, or the leading one of an abstract name (unix(7)). */
function unixAddress(text: string, path: string, abstract: boolean): UnixAddress {
  if (new TextEncoder().encode(path).length > 107) throw new AddressError(`"${text}": a socket path holds at most 107 bytes`);
  return { kind: 'unix', path, abstract };
}
