import { AddressError } from './address.ts';
import { formatIpv4, formatIpv6, IP_BYTES, IPV4_OFFSET, isMappedIpv4, readIp } from './ip.ts';

/** Where nobody from the internet connects from: loopback, RFC 1918, link-local (RFC 3927, RFC 4291 2.5.6), unique local (RFC 4193). */
export const PRIVATE_NETWORKS: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1',
  'fe80::/10',
  'fc00::/7',
];

interface Network {
  readonly bytes: Uint8Array;
  /** Of 128: an IPv4 prefix counts from 96. */
  readonly prefix: number;
  readonly isIpv4: boolean;
}

/**
 * A set of IP networks, written as CIDR (RFC 4632 3.1) or as single addresses. IPv4-mapped IPv6 counts as IPv4, whichever way
 * round; apart from that the families are two worlds, and `::/0` holds no IPv4 address.
 */
export class CidrSet {
  readonly #networks: readonly Network[];
  readonly #address = new Uint8Array(IP_BYTES);

  /** @throws {AddressError} for a text that is no network, with what to write instead */
  constructor(texts: readonly string[]) {
    this.#networks = texts.map(parseNetwork);
  }

  /** True for an IP literal in one of the networks, its zone left aside; false for any other text, such as a unix peer's empty one. */
  contains(address: string): boolean {
    const bytes = this.#address;
    if (!readIp(address, bytes)) return false;
    const isIpv4 = isMappedIpv4(bytes, 0);
    for (let i = 0; i < this.#networks.length; i++) {
      const network = this.#networks[i];
      if (network.isIpv4 === isIpv4 && isWithin(bytes, network)) return true;
    }
    return false;
  }
}

function isWithin(address: Uint8Array, { bytes, prefix }: Network): boolean {
  const whole = prefix >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== bytes[i]) return false;
  const bits = prefix & 7;
  return bits === 0 || ((address[whole] ^ bytes[whole]) & (0xff00 >> bits) & 0xff) === 0;
}

function parseNetwork(text: string): Network {
  const slash = text.indexOf('/');
  const host = slash === -1 ? text : text.slice(0, slash);
  const bytes = new Uint8Array(IP_BYTES);
  if (!readIp(host, bytes) || host.includes('%')) throw new AddressError(`"${text}": ${adviseNetwork(host)}`);
  const isDotted = !host.includes(':');
  const most = isDotted ? 32 : 128;
  const number = slash === -1 ? String(most) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(number) || Number(number) > most)
    throw new AddressError(`"${text}": "${number}" is no prefix length (0–${most}); write a network such as ${isDotted ? '10.0.0.0/8' : 'fc00::/7'}`);
  const prefix = Number(number) + 128 - most;
  const network = masked(bytes, prefix);
  if (network.some((byte, i) => byte !== bytes[i])) {
    const right = isDotted ? formatIpv4(network, IPV4_OFFSET) : formatIpv6(network, 0);
    throw new AddressError(`"${text}" has bits set behind its prefix; write "${right}/${number}", or "${host}" for the one address`);
  }
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`. Its bits reach to 96, so none that is mapped holds more than IPv4.
  return { bytes, prefix, isIpv4: isMappedIpv4(bytes, 0) };
}

/** The address with every bit behind the prefix cleared. */
function masked(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * i))));
}

function adviseNetwork(host: string): string {
  if (host === '') return 'a network starts with an address, such as 10.0.0.0/8';
  if (host.startsWith('[')) return 'leave out the brackets (and the port): ::1, fc00::/7';
  if (host.includes('%')) return 'leave out the zone: it is not compared';
  if (/^[\d.]+:\d+$/.test(host)) return `leave out the port: ${host.slice(0, host.indexOf(':'))}`;
  if (/^\d+(\.\d+){0,2}\.?$/.test(host)) return `"${host}" is no IP address; write all four numbers, such as 10.0.0.0/8`;
  return `"${host}" is no IP address; write networks such as 10.0.0.0/8 or fc00::/7, or single addresses (names are not looked up)`;
}
